package wire

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	sdkhttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithy "github.com/aws/smithy-go/middleware"

	"skynet/awshttp"
	"skynet/lease"
)

// askAccount bounds how long it may take to learn whose credentials we have,
// finding them included.
const askAccount = 20 * time.Second

// AWS is how we speak to a region: with the credentials that the SDK finds (the
// environment, its files, the instance's role), at the endpoints that it knows.
// Retries are adaptive: after a throttle a client slows down by itself.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
func AWS(ctx context.Context, region string) (aws.Config, error) {
	ctx, cancel := context.WithTimeout(ctx, askAccount)
	defer cancel()
	c, err := awsconfig.LoadDefaultConfig(ctx,
		awsconfig.WithRegion(region),
		awsconfig.WithRetryMode(aws.RetryModeAdaptive),
		awsconfig.WithAPIOptions([]func(*smithy.Stack) error{middleware.AddUserAgentKeyValue("skynet", Version())}),
	)
	if err != nil {
		return c, fmt.Errorf("read the AWS SDK's settings: %w", err)
	}
	c.HTTPClient = lease.Client(awshttp.Whole(httpClient(c.HTTPClient))) // what is asked under a lease is not sent after its end
	return c, nil
}

// idle is how many connections to one endpoint are kept for the next tick, of each
// client: the SDK keeps ten, so that a tick which asks for a hundred queues at once
// opens ninety anew, and greets each by TLS.
const idle = 256

// httpClient is the SDK's own, with what its settings ask for (a CA bundle, say), but
// for the connections that it keeps.
func httpClient(its aws.HTTPClient) aws.HTTPClient {
	plain, ok := its.(*sdkhttp.BuildableClient)
	switch {
	case its == nil:
		plain = sdkhttp.NewBuildableClient()
	case !ok:
		return its
	}
	return plain.WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns, t.MaxIdleConnsPerHost = 2*idle, idle
	})
}

// Account asks whose credentials we have: the account, and who we are in it.
func Account(ctx context.Context, c aws.Config) (account, arn string, err error) {
	ctx, cancel := context.WithTimeout(ctx, askAccount)
	defer cancel()
	who, err := sts.NewFromConfig(c).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", "", fmt.Errorf("ask AWS whose credentials these are: %w", err)
	}
	return aws.ToString(who.Account), aws.ToString(who.Arn), nil
}
