package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"skynet/config/strict"
)

const (
	// mostBody is what an order may be long.
	mostBody = 4 << 10
	// mostWhy is what a reason may be long: it stands in every tick for as long as the
	// order holds.
	mostWhy = 500
	// longest is how long an order may hold, as on the command line.
	longest = 30 * 24 * time.Hour
	// mostWorkers is more than anybody has: a slip of the hand is longer.
	mostWorkers = 100_000
)

// change carries an order out. It is given the body, still unread.
type change func(ctx context.Context, by string, body []byte) (Standing, error)

// order reads an order and has it carried out for whoever shows the token.
func (s *site) order(do change) answer {
	return func(w http.ResponseWriter, r *http.Request) error {
		if s.Orders == nil {
			return Error{http.StatusForbidden, "nothing can be changed here"}
		}
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
			return Error{http.StatusUnsupportedMediaType, "send JSON, with the header Content-Type: application/json"}
		}
		by, err := s.access.who(r)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
		if _, long := errors.AsType[*http.MaxBytesError](err); long {
			return Error{http.StatusRequestEntityTooLarge, "an order is at most 4 kB long"}
		}
		if err != nil {
			return Wrong("the order did not come whole: %s", err)
		}
		stands, err := do(r.Context(), by, body)
		if err != nil {
			return err
		}
		s.log.Info("an order was given", "what", strings.TrimPrefix(r.URL.Path, "/api/v1/"), "by", by, "from", r.RemoteAddr, "order", string(body))
		return tell(w, r, stands)
	}
}

// read reads JSON into what is expected, and nothing else.
func read(body []byte, into any) error {
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return Wrong("the order cannot be read: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Wrong("something follows the order; send one JSON object")
	}
	return nil
}

func (s *site) pause(ctx context.Context, by string, body []byte) (Standing, error) {
	var o struct {
		Fleet string `json:"fleet"`
		For   string `json:"for"`
		Why   string `json:"why"`
	}
	if err := read(body, &o); err != nil {
		return Standing{}, err
	}
	length, err := lengthOf(o.For)
	if err == nil {
		o.Why, err = reason(o.Why)
	}
	if err != nil {
		return Standing{}, err
	}
	return s.Orders.Pause(ctx, by, o.Fleet, length, o.Why)
}

func (s *site) resume(ctx context.Context, by string, body []byte) (Standing, error) {
	var o struct {
		Fleet string `json:"fleet"`
		Why   string `json:"why"`
	}
	if err := read(body, &o); err != nil {
		return Standing{}, err
	}
	why, err := reason(o.Why)
	if err != nil {
		return Standing{}, err
	}
	return s.Orders.Resume(ctx, by, o.Fleet, why)
}

func (s *site) want(ctx context.Context, by string, body []byte) (Standing, error) {
	var o struct {
		Fleet   string `json:"fleet"`
		Workers *int   `json:"workers"`
		For     string `json:"for"`
		Why     string `json:"why"`
	}
	if err := read(body, &o); err != nil {
		return Standing{}, err
	}
	if o.Workers == nil || *o.Workers < 0 || *o.Workers > mostWorkers {
		return Standing{}, Wrong("workers: write how many there must be at least, 0 to %d; 0 takes the order back", mostWorkers)
	}
	length := time.Duration(0)
	var err error
	if *o.Workers > 0 || o.For != "" {
		length, err = lengthOf(o.For)
	}
	if err == nil {
		o.Why, err = reason(o.Why)
	}
	if err != nil {
		return Standing{}, err
	}
	return s.Orders.Want(ctx, by, o.Fleet, *o.Workers, length, o.Why)
}

// lengthOf is how long an order holds: each has an end.
func lengthOf(text string) (time.Duration, error) {
	d, err := strict.ParseDuration(text)
	switch {
	case text == "":
		return 0, Wrong("for is missing: an order has an end, such as 30m")
	case err != nil:
		return 0, Wrong("for: %s %s", quoted(text), err)
	case d <= 0 || d.Std() > longest:
		return 0, Wrong("for: %s; write more than 0s and at most 30d", d)
	}
	return d.Std(), nil
}

// reason is why, on one line and without characters that steer a terminal.
func reason(why string) (string, error) {
	if utf8.RuneCountInString(why) > mostWhy {
		return "", Wrong("why: at most %d characters", mostWhy)
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, why)), nil
}
