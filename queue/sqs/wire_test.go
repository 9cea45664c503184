package sqs_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
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
		server, conn := wired(sqs.Options{Poll: time.Second, Backoff: terms.Pause})
		return func(ctx context.Context, name string) (queue.Queue, error) {
			if len(name) > 3 {
				redriven(server, name, terms.Tries)
			}
			return conn.Queue(ctx, sqs.Config{Name: name, URL: urlOf(name), Visibility: terms.Visibility, Tries: terms.Tries})
		}
	})
}

// TestMoreDeadLettersThanAreReadAtOnce are dealt with by doing it again, as it says.
func TestMoreDeadLettersThanAreReadAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, conn := wired(sqs.Options{})
		redriven(server, "photos", 3)
		for range 1005 {
			server.Open("photos_dead").Post("x")
		}
		q, err := conn.Queue(t.Context(), sqs.Config{URL: urlOf("photos")})
		if err != nil {
			t.Fatal(err)
		}
		every := func(queue.Dead) bool { return true }
		if done, err := q.Again(t.Context(), every); len(done) != 1000 || !errors.Is(err, queue.ErrMore) {
			t.Errorf("%d, %v", len(done), err)
		}
		if done, err := q.Again(t.Context(), every); len(done) != 5 || err != nil {
			t.Errorf("%d, %v", len(done), err)
		}
		if n, _ := server.Open("photos").Oldest(); n != 1005 {
			t.Errorf("%d items wait", n)
		}
	})
}

// wired is a server of ours without a network, and a connection to it.
func wired(opts sqs.Options) (*sqswire.Server, *sqs.Conn) {
	server := sqswire.New()
	return server, sqs.New(aws.Config{
		Region: "eu-west-1", HTTPClient: &http.Client{Transport: inMemory{server}},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}, opts)
}

// redriven makes a queue and its dead-letter queue.
func redriven(server *sqswire.Server, name string, tries int) {
	server.Open(name + "_dead")
	server.Open(name).Redrive("arn:aws:sqs:eu-west-1:123456789012:"+name+"_dead", tries)
}

func urlOf(name string) string { return "https://sqs.eu-west-1.amazonaws.com/123456789012/" + name }

// inMemory asks a server without a network.
type inMemory struct{ http.Handler }

// RoundTrip implements http.RoundTripper.
func (a inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w.Result(), r.Context().Err()
}
