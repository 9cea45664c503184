package metadata

import (
	"net/http"
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

// RoundTrip sends r.
func (b below) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Path = b.path + r.URL.Path
	if r.URL.RawPath != "" {
		r.URL.RawPath = b.path + r.URL.RawPath
	}
	return b.next.RoundTrip(r)
}
