// Package metadata asks the instance metadata service (IMDSv2) who this
// instance is, how it is tagged and whether it is being taken back. Locally
// the same questions go to an endpoint of the same shape, one path per worker.
package metadata

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"skynet/fleet"
)

const (
	askLimit  = 2 * time.Second // for one question, retries included
	callLimit = time.Second     // for one request
	tries     = 2               // it is asked again in seconds anyway
	maxAnswer = 64 << 10        // bytes
)

// Client asks one metadata service.
type Client struct {
	imds *imds.Client
}

// New returns a client of the service at endpoint, which may have a path
// ("http://127.0.0.1:4100/i-0abc"); "" is EC2's own address. It sends nothing.
func New(endpoint string) (*Client, error) {
	u, err := url.Parse(endpoint)
	if err != nil || endpoint != "" && (u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("metadata endpoint %q: want http://HOST:PORT/PATH", endpoint)
	}
	path := strings.TrimSuffix(u.Path, "/")
	u.Path, u.RawPath = "", ""
	return &Client{imds: imds.New(imds.Options{
		Endpoint:   u.String(),
		HTTPClient: newHTTP(path, callLimit),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff = tries, 100*time.Millisecond
		}),
		// Version 2 only: an answer without a token may come from anywhere that a
		// request can be bent to.
		EnableFallback: aws.FalseTernary,
		// AWS_EC2_METADATA_DISABLED is meant for credentials. An agent that cannot
		// be asked to drain would be terminated with work in hand.
		ClientEnableState:        imds.ClientEnabled,
		DisableDefaultMaxBackoff: true, // it would put 1 s in place of ours
	})}, nil
}

// InstanceID returns the ID of this instance.
func (c *Client) InstanceID(ctx context.Context) (fleet.ID, error) {
	id, err := c.ask(ctx, "instance-id")
	if err != nil {
		return "", fmt.Errorf("ask the metadata service for the instance ID: %w", err)
	}
	if id = strings.TrimSpace(id); id == "" {
		return "", errors.New("ask the metadata service for the instance ID: the answer is empty")
	}
	return fleet.ID(id), nil
}

// Tag returns the value of one tag of this instance and whether it is set. An
// error means that the service gave no answer, which says nothing about the tag.
func (c *Client) Tag(ctx context.Context, key string) (value string, set bool, err error) {
	value, err = c.ask(ctx, "tags/instance/"+key)
	switch {
	case missing(err):
		return "", false, nil
	case err != nil:
		return "", false, fmt.Errorf("ask the metadata service for tag %s: %w", key, err)
	}
	return value, true, nil
}

// TagsEnabled reports whether the service tells this instance's tags at all.
// Where the launch template does not enable that, every tag reads as not set,
// and an instance can never be asked to drain. EC2 answers the same for an
// instance without any tag: one of ours has tags from its launch on.
func (c *Client) TagsEnabled(ctx context.Context) (bool, error) {
	_, err := c.ask(ctx, "tags/instance")
	switch {
	case missing(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("ask the metadata service for the list of tags: %w", err)
	}
	return true, nil
}

// Interruption returns EC2's notice that it will take this Spot instance back,
// nil when there is none.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
func (c *Client) Interruption(ctx context.Context) (*fleet.Interruption, error) {
	const asking = "ask the metadata service for an interruption notice"
	s, err := c.ask(ctx, "spot/instance-action")
	switch {
	case missing(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%s: %w", asking, err)
	}
	var notice struct {
		Action string    `json:"action"`
		Time   time.Time `json:"time"`
	}
	if err := json.Unmarshal([]byte(s), &notice); err != nil {
		return nil, fmt.Errorf("%s: answer %.100q: %w", asking, s, err)
	}
	if notice.Action == "" || notice.Time.IsZero() {
		return nil, fmt.Errorf("%s: answer %.100q has no action or no time", asking, s)
	}
	return &fleet.Interruption{Action: notice.Action, At: notice.Time}, nil
}

// AtRisk reports whether EC2 recommends to rebalance: it expects to take this Spot
// instance back, and may say so before the two minutes of an interruption notice.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/rebalance-recommendations.html
func (c *Client) AtRisk(ctx context.Context) (bool, error) {
	_, err := c.ask(ctx, "events/recommendations/rebalance")
	switch {
	case missing(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("ask the metadata service for a rebalance recommendation: %w", err)
	}
	return true, nil
}

func (c *Client) ask(ctx context.Context, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	out, err := c.imds.GetMetadata(ctx, &imds.GetMetadataInput{Path: path})
	if err != nil {
		return "", err
	}
	defer out.Content.Close()
	b, err := io.ReadAll(io.LimitReader(out.Content, maxAnswer))
	if err != nil {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	return string(b), nil
}

// missing reports whether the service answered that the path does not exist. A
// token that is refused with the same status is no such answer, it comes from
// something that is no metadata service: the SDK gives that another type.
func missing(err error) bool {
	status, ok := errors.AsType[*smithyhttp.ResponseError](err)
	return ok && status.HTTPStatusCode() == http.StatusNotFound
}
