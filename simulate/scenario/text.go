package scenario

import (
	"errors"
	"time"

	"skynet/config/strict"
)

// Time is a moment as RFC 3339 writes it.
type Time struct{ time.Time }

// UnmarshalText reads it.
func (t *Time) UnmarshalText(b []byte) error {
	at, err := time.Parse(time.RFC3339, string(b))
	if err != nil {
		return errors.New("is not a time; write it as 2026-03-01T00:00:00Z")
	}
	t.Time = at.UTC()
	return nil
}

// JSONSchema says how it is written.
func (Time) JSONSchema() map[string]any {
	return map[string]any{"type": "string", "format": "date-time", "examples": []string{"2026-03-01T00:00:00Z"}}
}

// Until is a moment, or a length of time after the start.
type Until struct {
	at    time.Time
	later time.Duration
}

func (u Until) given() bool { return !u.at.IsZero() || u.later > 0 }

// after is how long after start it is.
func (u Until) after(start time.Time) time.Duration {
	if u.at.IsZero() {
		return u.later
	}
	return u.at.Sub(start)
}

// UnmarshalText reads "2026-03-08T00:00:00Z" or "7d".
func (u *Until) UnmarshalText(b []byte) error {
	if at, err := time.Parse(time.RFC3339, string(b)); err == nil {
		*u = Until{at: at.UTC()}
		return nil
	}
	d, err := strict.ParseDuration(string(b))
	if err != nil || d <= 0 {
		return errors.New("is neither a time nor a length of time; write it as 2026-03-08T00:00:00Z or 7d")
	}
	*u = Until{later: d.Std()}
	return nil
}

// JSONSchema says how it is written.
func (Until) JSONSchema() map[string]any {
	return map[string]any{"type": "string", "examples": []string{"2026-03-08T00:00:00Z", "7d"}}
}
