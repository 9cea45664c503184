package main

import (
	"context"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"skynet/cmd/internal/wire"
)

// openAWS makes sure that we are in the account of the settings before anything
// else is asked of it: the fleet of another would look like an empty one.
func (d *daemon) openAWS(ctx context.Context) (err error) {
	if d.cfg.AWS == nil {
		return nil
	}
	want := d.cfg.AWS
	if d.aws, err = wire.AWS(ctx, want.Region); err != nil {
		return err
	}
	d.aws.APIOptions = append(slices.Clip(d.aws.APIOptions), d.lookout.aws()...)
	account, arn, err := wire.Account(ctx, d.aws)
	switch {
	case err != nil:
		return err
	case account != want.Account:
		return fmt.Errorf("aws.account is %s, and the credentials found are of account %s (%s): nothing is done in an account that is not in the settings; use other credentials, or correct aws.account", want.Account, account, arn)
	}
	d.log.Info("acts in AWS", zap.String("account", account), zap.String("region", want.Region), zap.String("as", arn))
	return nil
}
