package ec2

import (
	"context"
	"fmt"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"skynet/fleet"
)

// Tag sets a tag, which the agent finds in its instance metadata some time later: EC2
// promises no latency, so what was not obeyed is asked again.
func (f *Fleet) Tag(ctx context.Context, ids []fleet.ID, key, value string) ([]fleet.ID, error) {
	if err := fleet.CheckTag(key, value); err != nil {
		return nil, fmt.Errorf("tag %d: %w: %w", len(ids), fleet.ErrDenied, err)
	}
	return f.each(ctx, batch{what: "tag", size: tagSize, call: func(ctx context.Context, ids []string) ([]string, error) {
		_, err := f.write.CreateTags(ctx, &sdk.CreateTagsInput{Resources: ids, Tags: []types.Tag{{Key: &key, Value: &value}}})
		if err != nil {
			return nil, err
		}
		return ids, nil
	}}, ids)
}

// Untag removes a tag. One that is not set is done.
func (f *Fleet) Untag(ctx context.Context, ids []fleet.ID, key string) ([]fleet.ID, error) {
	return f.each(ctx, batch{what: "untag", size: tagSize, call: func(ctx context.Context, ids []string) ([]string, error) {
		_, err := f.write.DeleteTags(ctx, &sdk.DeleteTagsInput{Resources: ids, Tags: []types.Tag{{Key: &key}}})
		if err != nil {
			return nil, err
		}
		return ids, nil
	}}, ids)
}
