package metadata

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// below sends requests to a service that lives below a path: the SDK's client
// keeps host and port of its endpoint, and replaces the path.
type below struct {
	path string // "/i-0abc", or ""
	next http.RoundTripper
}

func newHTTP(path string, limit time.Duration) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil // a proxy would ask its own instance
	return &http.Client{Timeout: limit, Transport: below{path: path, next: t}}
}

// RoundTrip sends r. A refused token is an error here, so that its status is
// not taken for the answer to what was asked: a server that answers 404 to
// everything is no metadata service that knows of no tag.
func (b below) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Path = b.path + r.URL.Path
	if r.URL.RawPath != "" {
		r.URL.RawPath = b.path + r.URL.RawPath
	}
	res, err := b.next.RoundTrip(r)
	if err != nil || res.StatusCode == http.StatusOK || !strings.HasSuffix(r.URL.Path, "/api/token") {
		return res, err
	}
	_ = res.Body.Close()
	return nil, fmt.Errorf("no token from %s: %s", r.URL.Redacted(), res.Status)
}
