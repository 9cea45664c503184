// Package sweep plays a policy file with many settings, and finds those that no
// other beats in both cost and wait.
//
//	objective.wait=1m,2m ─┐
//	bounds.max=50,100 ────┴► grid ► policy files ► played on all cores ► frontier
package sweep

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
)

// Axis is a key of the policy file and the values to try.
type Axis struct {
	Key    string
	Values []string // as they would be written in the file
}

// Setting is a key and a value of it.
type Setting struct{ Key, Value string }

// Point is one value of each key.
type Point []Setting

// String is how a point is called in errors.
func (p Point) String() string {
	var parts []string
	for _, s := range p {
		parts = append(parts, s.Key+"="+s.Value)
	}
	return strings.Join(parts, " ")
}

// Parse reads key=value,value…, as objective.wait=1m,2m or policies[slo].name=a,b.
// A comma within quotes, brackets or braces belongs to the value.
func Parse(text string) (Axis, error) {
	bad := func(format string, args ...any) (Axis, error) {
		return Axis{}, fmt.Errorf("sweep %q: %s; write it like objective.wait=1m,2m,5m", text, fmt.Sprintf(format, args...))
	}
	key, list, ok := strings.Cut(text, "=")
	key = strings.TrimSpace(key)
	if !ok {
		return bad("there is no =")
	}
	if _, err := parsePath(key); err != nil {
		return bad("%v", err)
	}
	values, err := split(list)
	if err != nil {
		return bad("%v", err)
	}
	seen := map[string]bool{}
	for _, v := range values {
		switch _, err := decode(v); {
		case v == "":
			return bad("a value is missing")
		case seen[v]:
			return bad("%s is there twice", v)
		case err != nil:
			return bad("%s is no YAML", v)
		}
		seen[v] = true
	}
	return Axis{Key: key, Values: values}, nil
}

// split divides at commas that are outside of quotes, brackets and braces.
func split(list string) (values []string, err error) {
	var quote rune
	var open []rune
	from := 0
	for i, r := range list {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '"' || r == '\'':
			quote = r
		case r == '[' || r == '{':
			open = append(open, r+2) // what closes it comes two later in ASCII
		case r == ']' || r == '}':
			if len(open) == 0 || open[len(open)-1] != r {
				return nil, fmt.Errorf("%q closes nothing", r)
			}
			open = open[:len(open)-1]
		case r == ',' && len(open) == 0:
			values = append(values, strings.TrimSpace(list[from:i]))
			from = i + 1
		}
	}
	if quote != 0 || len(open) > 0 {
		return nil, errors.New("a quote, bracket or brace is not closed")
	}
	return append(values, strings.TrimSpace(list[from:])), nil
}

// decode reads a value; maps keep their order.
func decode(text string) (v any, err error) {
	return v, yaml.UnmarshalWithOptions([]byte(text), &v, yaml.UseOrderedMap())
}

// most is how many points a grid may have.
const most = 10_000

// Grid is every combination, the last axis changing first.
func Grid(axes []Axis) ([]Point, error) {
	total := 1
	seen := map[string]bool{}
	for _, a := range axes {
		if seen[a.Key] {
			return nil, fmt.Errorf("sweep: %s is swept twice; put its values into one", a.Key)
		}
		seen[a.Key] = true
		if total *= len(a.Values); total > most {
			return nil, fmt.Errorf("sweep: there are more than %d combinations; try fewer values", most)
		}
	}
	points := []Point{nil}
	for _, a := range axes {
		var next []Point
		for _, p := range points {
			for _, v := range a.Values {
				next = append(next, append(p[:len(p):len(p)], Setting{a.Key, v}))
			}
		}
		points = next
	}
	return points, nil
}
