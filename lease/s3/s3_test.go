package s3_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"skynet/lease"
	"skynet/lease/s3"
	"skynet/test/moto"
)

// fake is an S3 of gofakes3's, an implementation of others, with what a test does to
// requests on their way.
func fake(t *testing.T, between func(next http.Handler) http.Handler) aws.Config {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("state"); err != nil {
		t.Fatal(err)
	}
	handler := gofakes3.New(backend).Server()
	if between != nil {
		handler = between(handler)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return config(server.URL)
}

func config(url string) aws.Config {
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: &url, RetryMaxAttempts: 2,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}
}

// A store behind an endpoint of its own is asked by path: bucket.localhost is no host.
func TestAnEndpointOfItsOwn(t *testing.T) {
	cfg := fake(t, nil)
	*cfg.BaseEndpoint = strings.Replace(*cfg.BaseEndpoint, "127.0.0.1", "localhost", 1)
	s := open(t, cfg, "s3://state/lease")
	if _, err := s.Write(t.Context(), []byte("{}"), ""); err != nil {
		t.Fatal(err)
	}
	if body, _, err := s.Read(t.Context()); err != nil || string(body) != "{}" {
		t.Errorf("%s, %v", body, err)
	}
}

func open(t *testing.T, cfg aws.Config, address string) *s3.Store {
	t.Helper()
	s, err := s3.New(cfg, address)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConditionalWrites(t *testing.T) { conditional(t, fake(t, nil)) }

func TestMotoConditionalWrites(t *testing.T) { conditional(t, motoBucket(t)) }

// motoBucket is moto's S3 with a bucket.
func motoBucket(t *testing.T) aws.Config {
	t.Helper()
	cfg := moto.Start(t).Config()
	if _, err := awss3.NewFromConfig(cfg).CreateBucket(t.Context(), &awss3.CreateBucketInput{
		Bucket:                    aws.String("state"),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: moto.Region},
	}); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// conditional is what the lease relies on.
func conditional(t *testing.T, cfg aws.Config) {
	t.Helper()
	ctx, s := t.Context(), open(t, cfg, "s3://state/a/lease")
	if body, v, err := s.Read(ctx); body != nil || v != "" || err != nil {
		t.Fatalf("nothing is there: %q %q %v", body, v, err)
	}
	if _, err := s.Write(ctx, []byte("0"), `"0123456789abcdef0123456789abcdef"`); !errors.Is(err, lease.ErrChanged) {
		t.Fatalf("replaced what is not there: %v", err)
	}
	first, err := s.Write(ctx, []byte("1"), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write(ctx, []byte("other"), ""); !errors.Is(err, lease.ErrChanged) {
		t.Fatalf("made twice: %v", err)
	}
	second, err := s.Write(ctx, []byte("2"), first)
	if err != nil || second == first {
		t.Fatalf("%q after %q: %v", second, first, err)
	}
	if _, err := s.Write(ctx, []byte("other"), first); !errors.Is(err, lease.ErrChanged) {
		t.Fatalf("replaced what is of the past: %v", err)
	}
	if body, v, err := s.Read(ctx); string(body) != "2" || v != second || err != nil {
		t.Fatalf("%q %q %v", body, v, err)
	}
}

func TestOfManyAtOnceOneWrites(t *testing.T) { oneOfMany(t, fake(t, nil)) }

func oneOfMany(t *testing.T, cfg aws.Config) {
	t.Helper()
	s, won := open(t, cfg, "s3://state/lease"), atomic.Int32{}
	v := lease.Version("")
	for range 3 {
		var wg sync.WaitGroup
		won.Store(0)
		for i := range 30 {
			wg.Go(func() {
				switch _, err := s.Write(t.Context(), fmt.Append(nil, i, v), v); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, lease.ErrChanged):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d wrote", won.Load())
		}
		_, v, _ = s.Read(t.Context())
	}
}

func TestNotes(t *testing.T) { notes(t, fake(t, nil)) }

func TestMotoNotes(t *testing.T) { notes(t, motoBucket(t)) }

func notes(t *testing.T, cfg aws.Config) {
	t.Helper()
	ctx, s := t.Context(), open(t, cfg, "s3://state/lease")
	var wg sync.WaitGroup
	for i := range 1100 { // more than a page
		wg.Go(func() {
			if err := s.Put(ctx, fmt.Sprintf("%05d", i), fmt.Append(nil, i)); err != nil {
				t.Error(err)
			}
		})
		if i%50 == 0 {
			wg.Wait()
		}
	}
	wg.Wait()
	names, err := s.List(ctx, "00004", "01090")
	if err != nil || len(names) != 1085 || names[0] != "00005" || names[1084] != "01089" || !slices.IsSorted(names) {
		t.Errorf("%d names, %v", len(names), err)
	}
	if body, err := s.Get(ctx, "00042"); string(body) != "42" || err != nil {
		t.Errorf("%q %v", body, err)
	}
	if _, err := s.Get(ctx, "x"); err == nil {
		t.Error("what is not there is an error")
	}
	if err := s.Put(ctx, "00042", []byte("again")); err != nil {
		t.Error(err)
	}
}

// TestALostAnswer: the write is done and the connection broken, so that the SDK sends
// it again and is told that what it was to replace has changed.
func TestALostAnswer(t *testing.T) {
	var lose atomic.Bool
	cfg := fake(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut && lose.CompareAndSwap(true, false) {
				next.ServeHTTP(httptest.NewRecorder(), r)
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(w, r)
		})
	})
	s := open(t, cfg, "s3://state/lease")
	l := lease.New(s, s, lease.Options{Holder: "a"})
	for _, do := range []func(context.Context) error{
		func(ctx context.Context) error { return l.Acquire(ctx, nil) }, l.Renew, l.Release,
	} {
		lose.Store(true)
		if err := do(t.Context()); err != nil || lose.Load() {
			t.Fatalf("%v", err)
		}
	}
	lose.Store(true)
	if _, err := s.Write(t.Context(), []byte("x"), ""); !errors.Is(err, lease.ErrChanged) {
		t.Error(err)
	}
}

// TestAnswersOfS3 has each answer that S3 documents, which the fakes do not all give.
func TestAnswersOfS3(t *testing.T) {
	for _, c := range []struct {
		status  int
		code    string
		changed bool
	}{
		{412, "PreconditionFailed", true},
		{409, "ConditionalRequestConflict", true},
		{404, "NoSuchKey", true}, // of If-Match, when the object is gone
		{404, "NoSuchBucket", false},
		{403, "AccessDenied", false},
		{503, "SlowDown", false},
		{500, "InternalError", false},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(c.status)
			fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", c.code)
		}))
		cfg := config(server.URL)
		cfg.RetryMaxAttempts = 1
		s := open(t, cfg, "s3://state/lease")
		_, err := s.Write(t.Context(), []byte("x"), `"1"`)
		if err == nil || errors.Is(err, lease.ErrChanged) != c.changed || !strings.Contains(err.Error(), "s3://state/lease") {
			t.Errorf("%s: %v", c.code, err)
		}
		_, v, err := s.Read(t.Context())
		if unusable := errors.Is(s.Check(t.Context()), s3.ErrUnusable); unusable != (c.code == "NoSuchBucket" || c.code == "AccessDenied") {
			t.Errorf("%s: unusable %t", c.code, unusable)
		}
		if absent := c.code == "NoSuchKey"; (err == nil) != absent || v != "" {
			t.Errorf("%s: read %q, %v", c.code, v, err)
		}
		server.Close()
	}
}

func TestAddresses(t *testing.T) {
	for _, bad := range []string{"", "s3://", "s3://b", "s3://b/", "s3:///k", "file:///x"} {
		if _, err := s3.New(aws.Config{}, bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestALeaseFromHandToHand(t *testing.T) { handToHand(t, fake(t, nil)) }

func TestMotoALeaseFromHandToHand(t *testing.T) { handToHand(t, motoBucket(t)) }

func handToHand(t *testing.T, cfg aws.Config) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var notes []string
	for i := range 3 {
		s := open(t, cfg, "s3://state/lease")
		l := lease.New(s, s, lease.Options{Holder: fmt.Sprint(i)})
		if err := l.Acquire(ctx, nil); err != nil {
			t.Fatal(err)
		}
		if err := l.Note(ctx, fmt.Append(nil, "note of ", i)); err != nil {
			t.Fatal(err)
		}
		notes = nil
		if _, err := l.Read(ctx, l.State(), 0, func(body []byte) error {
			notes = append(notes, string(body))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := l.Release(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(notes, []string{"note of 0", "note of 1", "note of 2"}) {
		t.Errorf("%v", notes)
	}
}
