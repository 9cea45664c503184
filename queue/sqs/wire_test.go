package sqs_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"skynet/queue"
	"skynet/queue/queuetest"
	"skynet/queue/sqs"
	"skynet/test/sqswire"
)

// TestConformance is against a server of our own, which knows standard queues and their
// dead-letter queues: TestMotoConformance is against one that others wrote.
func TestConformance(t *testing.T) {
	t.Parallel()
	terms := queuetest.Terms{
		Visibility: 4 * time.Second, Tries: 3, Pause: time.Second, Lag: 2 * time.Second,
		Cancel: 3 * time.Second, LateDelete: true, HeldBackInFlight: true, Loose: true,
		BadNames: []string{"", "a.b", "a b", "a*", ">", "ä", "a/b"},
	}
	queuetest.RunVirtual(t, terms, func() queuetest.Opener {
		server := sqswire.New()
		conn := sqs.New(aws.Config{
			Region: "eu-west-1", HTTPClient: &http.Client{Transport: inMemory{server}},
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
			}),
		}, sqs.Options{Poll: time.Second, Backoff: terms.Pause})
		return func(ctx context.Context, name string) (queue.Queue, error) {
			if len(name) > 3 {
				server.Open(name + "_dead")
				server.Open(name).Redrive("arn:aws:sqs:eu-west-1:123456789012:"+name+"_dead", terms.Tries)
			}
			return conn.Queue(ctx, sqs.Config{
				Name: name, URL: "https://sqs.eu-west-1.amazonaws.com/123456789012/" + name, Visibility: terms.Visibility, Tries: terms.Tries,
			})
		}
	})
}

// inMemory asks a server without a network.
type inMemory struct{ http.Handler }

// RoundTrip implements http.RoundTripper.
func (a inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w.Result(), r.Context().Err()
}
