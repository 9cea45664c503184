package awshttp

import (
	"bytes"
	"io"
	"net/http"
	"testing"
)

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

// TestABodyCanOnlyBeRead: not written by itself, which is where answers were lost.
func TestABodyCanOnlyBeRead(t *testing.T) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://x", bytes.NewReader([]byte("asked")))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = Whole(doer(func(r *http.Request) (*http.Response, error) {
		if _, writes := r.Body.(io.WriterTo); writes {
			t.Error("the body writes itself")
		}
		if body, err := io.ReadAll(r.Body); string(body) != "asked" || err != nil {
			t.Errorf("%q, %v", body, err)
		}
		return nil, http.ErrAbortHandler
	})).Do(r) //nolint:bodyclose // has none
	if r.ContentLength != 5 {
		t.Error("its length is lost")
	}
}
