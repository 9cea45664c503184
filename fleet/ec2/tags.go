package ec2

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"skynet/fleet"
)

// Limits of tags: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html
const (
	tagsMax     = 50
	tagKeyMax   = 128
	tagValueMax = 256
)

// Tag sets a tag, which the agent finds in its instance metadata some time later: EC2
// promises no latency, so what was not obeyed is asked again.
func (f *Fleet) Tag(ctx context.Context, ids []fleet.ID, key, value string) ([]fleet.ID, error) {
	if err := legalTag(key, value); err != nil {
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

var metadataKey = regexp.MustCompile(`^[a-zA-Z0-9+\-=.,_:@]+$`)

// legalTag checks a tag by what EC2 allows where tags are in the instance metadata.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html
func legalTag(key, value string) error {
	switch {
	case len(key) > tagKeyMax || !metadataKey.MatchString(key):
		return fmt.Errorf("tag key %q cannot be in instance metadata: write 1 to %d of letters, digits and + - = . , _ : @", key, tagKeyMax)
	case slices.Contains([]string{".", "..", "_index"}, key):
		return fmt.Errorf("tag key %q cannot be in instance metadata: it is a name of the metadata's own; choose another", key)
	case strings.HasPrefix(strings.ToLower(key), "aws:"):
		return fmt.Errorf("tag key %q is reserved for AWS; choose another", key)
	case len([]rune(value)) > tagValueMax:
		return fmt.Errorf("tag %s has a value of %d characters; write at most %d", key, len([]rune(value)), tagValueMax)
	}
	return nil
}
