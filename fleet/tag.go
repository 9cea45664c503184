package fleet

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// What EC2 allows of tags: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html
const (
	MostTags    = 50 // of one instance
	tagKeyMax   = 128
	tagValueMax = 256
)

var metadataKey = regexp.MustCompile(`^[a-zA-Z0-9+\-=.,_:@]+$`)

// CheckTag checks a tag by what EC2 allows where tags are in the instance metadata.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html
func CheckTag(key, value string) error {
	switch {
	case len(key) > tagKeyMax || !metadataKey.MatchString(key):
		return fmt.Errorf("tag key %q cannot be in instance metadata: write 1 to %d of letters, digits and + - = . , _ : @", key, tagKeyMax)
	case slices.Contains([]string{".", "..", "_index"}, key):
		return fmt.Errorf("tag key %q cannot be in instance metadata: it is a name of the metadata's own; choose another", key)
	case strings.HasPrefix(strings.ToLower(key), "aws:"):
		return fmt.Errorf("tag key %q is reserved for AWS; choose another", key)
	case utf8.RuneCountInString(value) > tagValueMax:
		return fmt.Errorf("tag %s has a value of %d characters; write at most %d", key, utf8.RuneCountInString(value), tagValueMax)
	}
	return nil
}
