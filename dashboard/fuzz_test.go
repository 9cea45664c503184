package dashboard

import (
	"net/http"
	"net/url"
	"testing"
	"time"
)

// FuzzQuery: whatever an address asks for, it is refused as the asker's mistake, or
// asks for a span that goes forward and for a bounded answer.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{
		"", "fleet=render&from=2026-03-01T17:00:00Z&to=2026-03-01T18:00:00%2B01:00&points=600", "from=0&to=8589934591", "points=99999999999999999999",
		"from=9999-01-01T00:00:00Z", "fleet=a&fleet=b", "%zz", "to=1&from=2", "points=0", "from=2026-03-01T17:00:00+01:00",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		q, err := only(&http.Request{URL: &url.URL{RawQuery: query}}, "fleet", "from", "to", "points")
		var span Span
		if err == nil {
			span, err = spanOf(q, time.Hour)
		}
		if err == nil {
			span.Points, err = count(q, "points", 600, mostPoints)
		}
		if err != nil {
			if a := answerOf(err); a.Status != http.StatusBadRequest || len(a.Said) > 1000 {
				t.Errorf("%q: %+v", query, a)
			}
			return
		}
		if !span.From.Before(span.To) || span.Points < 1 || span.Points > mostPoints || span.From.Year() < 1969 || span.To.Year() > 2242 {
			t.Errorf("%q asks for %+v", query, span)
		}
	})
}
