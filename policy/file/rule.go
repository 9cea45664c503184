package file

import (
	"errors"
	"strings"

	"skynet/config/strict"
	"skynet/policy"
	"skynet/policy/expression"
	"skynet/signals"
)

// rule wants what an expression says while another one holds.
type rule struct {
	named `yaml:",inline"`
	When  *string `yaml:"when" doc:"a condition on signals, like queue.visible > 5000; always if left out"`
	Want  string  `yaml:"want" strict:"required" doc:"how many workers, an expression; a fraction is rounded up"`
}

func (r *rule) build(as string, in within) policy.Policy {
	p := policy.Rule{As: as, Number: in.expression("want", r.Want, expression.Number)}
	if r.When != nil {
		p.When = in.expression("when", *r.When, expression.Condition)
	}
	return p
}

// expression compiles the text of a key, or reports all that is wrong with it.
func (in within) expression(key, text string, compile func(string, signals.Names) (*expression.Expression, error)) *expression.Expression {
	if !in.Given(key) || !in.Sound(key) {
		return nil
	}
	e, err := compile(text, in.file.known)
	var problems expression.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			in.Bad(key, nil, "%s%s", p, cure(p))
		}
	}
	return e
}

// cure names what was meant, or what there is if that is little.
func cure(p expression.Problem) string {
	const few = 20
	near := strict.Nearest(p.Unknown, p.Known)
	switch {
	case p.Unknown == "":
		return ""
	case near != "":
		return "; did you mean " + near + "?"
	case len(p.Known) <= few:
		return "; known: " + strings.Join(p.Known, ", ")
	}
	return "; queue.visible is one, and skynet signals lists the others"
}
