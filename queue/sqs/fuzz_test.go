package sqs

import (
	"strings"
	"testing"
)

// FuzzAttributes: what a queue says of itself is refused, or counts and times that are
// not below zero; where its dead go is beside it.
func FuzzAttributes(f *testing.F) {
	f.Add("12", "30", `{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:123456789012:dead","maxReceiveCount":5}`)
	f.Add("0", "43200", `{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:123456789012:dead","maxReceiveCount":"5"}`)
	f.Add("-1", "9999999999999", `{"deadLetterTargetArn":":::::","maxReceiveCount":1e99}`)
	f.Fuzz(func(t *testing.T, visible, timeout, redrive string) {
		const url = "https://sqs.eu-west-1.amazonaws.com/123456789012/photos"
		a, err := readAttributes(url, map[string]string{
			"ApproximateNumberOfMessages": visible, "VisibilityTimeout": timeout, "MessageRetentionPeriod": timeout, "RedrivePolicy": redrive,
		})
		if err != nil {
			return
		}
		if a.visible < 0 || a.visibility < 0 || a.retention < 0 || a.redrive.tries < 0 || (a.redrive.url == "") != (a.redrive.tries == 0) {
			t.Errorf("%q, %q, %q are %+v", visible, timeout, redrive, a)
		}
		if a.redrive.url != "" && !strings.HasPrefix(a.redrive.url, "https://sqs.eu-west-1.amazonaws.com/") {
			t.Errorf("the dead go to %s", a.redrive.url)
		}
	})
}
