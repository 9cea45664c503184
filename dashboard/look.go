package dashboard

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	mostPoints  = 5000
	mostTicks   = 5000
	mostSignals = 20
	mostQueues  = 8
)

// look answers by what a view returns, when it is this one's turn.
func (s *site) look(view func(*http.Request) (any, error)) answer {
	return func(w http.ResponseWriter, r *http.Request) error {
		turn := time.NewTimer(patience)
		defer turn.Stop()
		select {
		case s.reading <- struct{}{}:
			defer func() { <-s.reading }()
		case <-turn.C:
			return Later("too many ask at once; try again in a moment")
		case <-r.Context().Done():
			return r.Context().Err()
		}
		value, err := view(r)
		if err != nil {
			return err
		}
		return tell(w, r, value)
	}
}

// only refuses parameters that a view does not know: one that is misspelt must not
// pass for left out.
func only(r *http.Request, known ...string) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, Wrong("the address cannot be read: %s", err)
	}
	for name, list := range q {
		if !slices.Contains(known, name) {
			return nil, Wrong("no parameter is called %s; there is %s", quoted(name), orNone(known))
		}
		if len(list) > 1 && name != "signal" && name != "queue" {
			return nil, Wrong("%s is given twice", name)
		}
	}
	return q, nil
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func (s *site) status(r *http.Request) (any, error) {
	if _, err := only(r); err != nil {
		return nil, err
	}
	status, err := s.Views.Status(r.Context())
	_, bad := s.access.tokens.read()
	status.Changeable = bad == nil && s.Orders != nil
	return status, err
}

func (s *site) history(r *http.Request) (any, error) {
	q, err := only(r, "fleet", "from", "to", "points", "signal", "queue")
	if err != nil {
		return nil, err
	}
	span, err := spanOf(q, 6*time.Hour)
	if err != nil {
		return nil, err
	}
	if span.Signals = q["signal"]; len(span.Signals) > mostSignals {
		return nil, Wrong("signal is given %d times; at most %d go into one answer", len(span.Signals), mostSignals)
	}
	if span.Queues = q["queue"]; len(span.Queues) > mostQueues {
		return nil, Wrong("queue is given %d times; at most %d go into one answer", len(span.Queues), mostQueues)
	}
	if span.Points, err = count(q, "points", 600, mostPoints); err != nil {
		return nil, err
	}
	return s.Views.History(r.Context(), span)
}

func (s *site) ticks(r *http.Request) (any, error) {
	q, err := only(r, "fleet", "from", "to", "limit")
	if err != nil {
		return nil, err
	}
	span, err := spanOf(q, 365*24*time.Hour)
	if err != nil {
		return nil, err
	}
	if span.Limit, err = count(q, "limit", 200, mostTicks); err != nil {
		return nil, err
	}
	return s.Views.Ticks(r.Context(), span)
}

func (s *site) tick(r *http.Request) (any, error) {
	q, err := only(r, "fleet", "id")
	if err != nil {
		return nil, err
	}
	if q.Get("id") == "" {
		return nil, Wrong("id is missing: the decision's, as /api/v1/ticks lists them")
	}
	return s.Views.Tick(r.Context(), q.Get("fleet"), q.Get("id"))
}

func (s *site) signals(r *http.Request) (any, error) {
	q, err := only(r, "fleet")
	if err != nil {
		return nil, err
	}
	return s.Views.Signals(r.Context(), q.Get("fleet"))
}

func (s *site) forecast(r *http.Request) (any, error) {
	q, err := only(r, "fleet")
	if err != nil {
		return nil, err
	}
	return s.Views.Forecast(r.Context(), q.Get("fleet"))
}

// spanOf reads fleet, from and to; what is left out is the last stretch up to now.
func spanOf(q url.Values, usual time.Duration) (s Span, err error) {
	s.Fleet, s.To = q.Get("fleet"), time.Now().UTC()
	if s.To, err = moment(q, "to", s.To); err != nil {
		return s, err
	}
	if s.From, err = moment(q, "from", s.To.Add(-usual)); err != nil {
		return s, err
	}
	if !s.From.Before(s.To) {
		return s, Wrong("from (%s) must be before to (%s)", s.From.Format(time.RFC3339), s.To.Format(time.RFC3339))
	}
	return s, nil
}

// moment reads a time: RFC 3339, or seconds since 1970 as a history's times are.
func moment(q url.Values, name string, usual time.Time) (time.Time, error) {
	text := q.Get(name)
	if text == "" {
		return usual, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 && n < 1<<33 {
		return time.Unix(n, 0).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339, strings.Replace(text, " ", "+", 1)) // a + that nobody escaped
	if err != nil || t.Year() < 1970 || t.Year() > 2200 {
		return t, Wrong("%s is %s, which is not a time; write it like 2026-03-01T17:00:00Z, or in seconds since 1970", name, quoted(text))
	}
	return t.UTC(), nil
}

func count(q url.Values, name string, usual, most int) (int, error) {
	text := q.Get(name)
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, Wrong("%s is %s; write 1 to %d", name, quoted(text), most)
	}
	return n, nil
}
