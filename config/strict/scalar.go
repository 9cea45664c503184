package strict

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ownText reads a scalar into a type with a text form of its own.
func (r *reader) ownText(n *node, t encoding.TextUnmarshaler, path string) {
	if n.kind != text && n.kind != number && n.kind != boolean {
		r.fault(n, path, "is not a single value")
		return
	}
	err := t.UnmarshalText([]byte(n.text))
	if err == nil {
		return
	}
	said := err.Error()
	if _, ok := t.(*time.Time); ok {
		said = "is not a time; write it like 2026-03-01T00:00:00Z"
	}
	if strings.Contains(said, strconv.Quote(n.text)) {
		r.problem(n.place, path, said) // types from elsewhere quote the value themselves
		return
	}
	r.fault(n, path, said)
}

func (r *reader) scalar(n *node, v reflect.Value, path string, as rules) {
	switch {
	case v.Kind() == reflect.String:
		r.string(n, v, path, as)
	case v.Kind() == reflect.Bool:
		if r.want(n, boolean, path) {
			v.SetBool(strings.EqualFold(n.text, "true"))
		}
	case v.CanInt():
		r.integer(n, v, path, as)
	case v.CanFloat():
		r.float(n, v, path, as)
	default:
		panic(fmt.Sprintf("strict: %s: a %s cannot be read from a file", path, v.Type()))
	}
}

func (r *reader) string(n *node, v reflect.Value, path string, as rules) {
	switch {
	case n.kind == number || n.kind == boolean:
		r.fault(n, path, fmt.Sprintf("is not text; put it in quotes: %q", n.text))
	case !r.want(n, text, path):
	case n.text == "" && as.required:
		r.problem(n.place, path, "is empty; give it a value")
	case as.enum != nil && !slices.Contains(as.enum, n.text):
		r.fault(n, path, "is not allowed; "+suggestAll(n.text, as.enum))
	default:
		v.SetString(n.text)
	}
}

// integer reads a plain decimal number. YAML 1.1 takes 010 for eight, and few
// who write it mean that.
func (r *reader) integer(n *node, v reflect.Value, path string, as rules) {
	i, err := strconv.ParseInt(n.text, 10, 64)
	digits := strings.TrimLeft(n.text, "+-")
	switch {
	case !r.numeric(n, path, "a whole number", as):
	case err != nil || len(digits) > 1 && digits[0] == '0':
		r.fault(n, path, "is not a whole number; write it with digits alone")
	case v.OverflowInt(i):
		r.fault(n, path, "is too large")
	case r.within(n, float64(i), path, as):
		v.SetInt(i)
	}
}

func (r *reader) float(n *node, v reflect.Value, path string, as rules) {
	f, err := strconv.ParseFloat(n.text, 64)
	switch {
	case n.kind == number && strings.ContainsAny(n.text, "iInN"):
		r.fault(n, path, "is not a number that can be used; write a finite one")
	case !r.numeric(n, path, "a number", as):
	case err != nil || math.IsNaN(f) || math.IsInf(f, 0) || strings.ContainsAny(n.text, "xX_pP"):
		r.fault(n, path, "is not a number; write it like 1.5")
	case r.within(n, f, path, as):
		v.SetFloat(f)
	}
}

// numeric reports whether a node may be a number. goccy takes 1e3 for text.
func (r *reader) numeric(n *node, path, what string, as rules) bool {
	_, err := strconv.ParseFloat(n.text, 64)
	percent, hundredths := perCent(n.text)
	switch {
	case n.kind == number, n.kind == text && !n.quoted && err == nil:
		return true
	case percent && as.max != nil && *as.max <= 1:
		r.fault(n, path, fmt.Sprintf("is not %s; write %g", what, hundredths))
	case percent:
		r.fault(n, path, "is not "+what+"; write it without the percent sign, if a share is not what is meant")
	case n.kind == text && err == nil:
		r.fault(n, path, "is text, not "+what+"; remove the quotes")
	default:
		r.fault(n, path, "is not "+what+"; write it with digits, like 5")
	}
	return false
}

// perCent reads "99%" as 0.99.
func perCent(text string) (ok bool, part float64) {
	digits, ok := strings.CutSuffix(text, "%")
	// Divided as text, so that 99.9 is not 0.9990000000000001.
	part, err := strconv.ParseFloat(digits+"e-2", 64)
	return ok && err == nil, part
}

// within reports a number outside its bounds.
func (r *reader) within(n *node, f float64, path string, as rules) bool {
	switch {
	case as.min != nil && f < *as.min:
		r.fault(n, path, fmt.Sprintf("is too small; write at least %v", *as.min))
	case as.above != nil && f <= *as.above:
		r.fault(n, path, fmt.Sprintf("is too small; write more than %v", *as.above))
	case as.max != nil && *as.max <= 1 && f > 1 && f < 100:
		_, part := perCent(n.text + "%")
		r.fault(n, path, fmt.Sprintf("is too large; write at most %v, and %g for %s%%", *as.max, part, n.text))
	case as.max != nil && f > *as.max:
		r.fault(n, path, fmt.Sprintf("is too large; write at most %v", *as.max))
	default:
		return true
	}
	return false
}

// plain makes of a node what encoding/json would.
func (r *reader) plain(n *node) any {
	if !r.step(1, n.place) {
		return ""
	}
	switch n.kind {
	case null:
		return nil
	case boolean:
		return strings.EqualFold(n.text, "true")
	case number:
		f, _ := strconv.ParseFloat(n.text, 64)
		return f
	case sequence:
		items := make([]any, len(n.items))
		for i, item := range n.items {
			items[i] = r.plain(item)
		}
		return items
	case mapping:
		table := make(map[string]any, len(n.pairs))
		for _, p := range n.pairs {
			table[p.key] = r.plain(p.value)
		}
		return table
	default:
		return n.text
	}
}
