package sqs

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	api "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// attributes are what a queue says of itself.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
type attributes struct {
	visible, inFlight, delayed int
	visibility, retention      time.Duration
	largest                    int // bytes of an item
	redrive                    redrive
}

// redrive is where a queue's items go that were received too often: zero if
// they go on for ever.
type redrive struct {
	url   string // of the dead-letter queue
	tries int    // receives of an item before
}

// What is asked for: everything when a queue is opened, and the counts each tick,
// along with where the dead go, which may change.
var (
	everything = []types.QueueAttributeName{types.QueueAttributeNameAll}
	counts     = []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed, types.QueueAttributeNameRedrivePolicy,
	}
	whereTheDeadGo = []types.QueueAttributeName{types.QueueAttributeNameRedrivePolicy}
)

// attributes reads a queue's attributes in one call.
func (c *Conn) attributes(ctx context.Context, url string, names []types.QueueAttributeName) (attributes, error) {
	out, err := c.client.GetQueueAttributes(ctx, &api.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: names})
	if err != nil {
		return attributes{}, plain(err)
	}
	for _, n := range names {
		if _, ok := out.Attributes[string(n)]; !ok && strings.HasPrefix(string(n), "Approximate") {
			return attributes{}, fmt.Errorf("the queue does not say its %s", n)
		}
	}
	return readAttributes(url, out.Attributes)
}

// readAttributes reads those that are there. A number that is none is an error:
// a count that cannot be read is not zero.
func readAttributes(url string, from map[string]string) (a attributes, err error) {
	number := func(name types.QueueAttributeName) int {
		text, ok := from[string(name)]
		if !ok || err != nil {
			return 0
		}
		n, bad := strconv.Atoi(text)
		if bad != nil || n < 0 {
			err = fmt.Errorf("the queue's %s is %q, which is no count", name, text)
		}
		return n
	}
	seconds := func(name types.QueueAttributeName) time.Duration {
		n := number(name)
		if n > math.MaxInt32 {
			err = fmt.Errorf("the queue's %s is %d s, which is no time that a queue knows", name, n)
		}
		return time.Duration(n) * time.Second
	}
	a = attributes{
		visible:    number(types.QueueAttributeNameApproximateNumberOfMessages),
		inFlight:   number(types.QueueAttributeNameApproximateNumberOfMessagesNotVisible),
		delayed:    number(types.QueueAttributeNameApproximateNumberOfMessagesDelayed),
		visibility: seconds(types.QueueAttributeNameVisibilityTimeout),
		retention:  seconds(types.QueueAttributeNameMessageRetentionPeriod),
		largest:    number(types.QueueAttributeNameMaximumMessageSize),
	}
	if err == nil {
		a.redrive, err = readRedrive(url, from[string(types.QueueAttributeNameRedrivePolicy)])
	}
	return a, err
}

// readRedrive reads a redrive policy. Its count is a number or a text, as
// whoever set it wrote it.
func readRedrive(url, policy string) (redrive, error) {
	if policy == "" {
		return redrive{}, nil
	}
	var p struct {
		Target string `json:"deadLetterTargetArn"`
		Count  any    `json:"maxReceiveCount"`
	}
	if err := json.Unmarshal([]byte(policy), &p); err != nil {
		return redrive{}, fmt.Errorf("the queue's redrive policy %q cannot be read: %w", policy, err)
	}
	tries, err := strconv.Atoi(fmt.Sprint(p.Count))
	where := strings.Split(p.Target, ":")
	if err != nil || tries < 1 || len(where) != 6 {
		return redrive{}, fmt.Errorf("the queue's redrive policy %q cannot be read", policy)
	}
	return redrive{url: beside(url, where[4], where[5]), tries: tries}, nil
}

// beside is the URL of another queue of the same region, which a dead-letter
// queue must be in, and of the same account.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
func beside(url, account, name string) string {
	host := url
	if scheme, rest, ok := strings.Cut(url, "://"); ok {
		h, _, _ := strings.Cut(rest, "/")
		host = scheme + "://" + h
	}
	return host + "/" + account + "/" + name
}

// nameOf is the queue's name in its URL.
func nameOf(url string) string { return url[strings.LastIndex(url, "/")+1:] }

// ordered reports a FIFO queue: its name says so.
func ordered(url string) bool { return strings.HasSuffix(url, ".fifo") }
