// Package httpjson is the source of users' own signals that are fields of a JSON
// document served over HTTP.
package httpjson

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"skynet/signals/web"
)

// Field is a number in a JSON document.
type Field struct {
	Client *web.Client
	URL    string
	Path   string // as gjson writes it: a.b, a.0.b, a.#(name=="x").value
}

// Ask fetches the document and reads the field: a number, text that is one, or a
// boolean, which is 1 or 0.
func (f Field) Ask(ctx context.Context, now time.Time) (float64, time.Time, error) {
	status, body, err := f.Client.Get(ctx, f.URL)
	switch {
	case err != nil:
		return 0, now, err
	case status != http.StatusOK:
		return 0, now, fmt.Errorf("the server answers %d %s", status, http.StatusText(status))
	case !gjson.ValidBytes(body):
		return 0, now, fmt.Errorf("the answer is not JSON: %q", web.Shown(string(body[:min(len(body), 60)])))
	}
	v, err := number(gjson.GetBytes(body, f.Path))
	if err != nil {
		return 0, now, fmt.Errorf("%s %w", f.Path, err)
	}
	return v, now, nil
}

// decimal is a number as JSON writes it; ParseFloat takes more than that.
var decimal = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

func number(r gjson.Result) (float64, error) {
	switch {
	case !r.Exists():
		return 0, errors.New("is not in the answer")
	case r.Type == gjson.True:
		return 1, nil
	case r.Type == gjson.False:
		return 0, nil
	case r.Type == gjson.Null:
		return 0, errors.New("is null")
	case r.IsArray():
		return 0, errors.New("is a list; name one of its elements, or #, how many there are")
	case r.IsObject():
		return 0, errors.New("is an object; name one of its fields")
	}
	text := r.Str
	if r.Type == gjson.Number {
		text = r.Raw // as it stands there
	}
	if v, err := strconv.ParseFloat(text, 64); err == nil && decimal.MatchString(text) {
		return v, nil
	}
	return 0, fmt.Errorf("is %q, not a number", web.Shown(text))
}
