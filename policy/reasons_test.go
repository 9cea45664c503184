package policy_test

import (
	"testing"

	"skynet/policy"
)

// A guard may have a policy's name: what the policy said is not the guard's.
func TestWhoSaidWhat(t *testing.T) {
	wants := []policy.Want{{Policy: "budget"}, {Policy: "slo"}}
	for name, c := range map[string]struct {
		d         policy.Decision
		arguments int
		budget    string
	}{
		"nothing":              {},
		"policies alone":       {d: policy.Decision{Wants: wants}.Because("budget", "a").Because("slo", "b")},
		"fewer than wants":     {d: policy.Decision{Wants: wants}.Because("budget", "a")},
		"guards alone":         {d: policy.Decision{}.Because("budget", "a"), arguments: 1, budget: "a"},
		"both":                 {d: policy.Decision{Wants: wants}.Because("budget", "a").Because("slo", "b").Because("plan", "c").Because("budget", "d"), arguments: 2, budget: "d"},
		"one who speaks twice": {d: policy.Decision{}.Because("budget", "a").Because("plan", "b").Because("budget", "c"), arguments: 3, budget: "a; c"},
	} {
		if n, said := len(c.d.Arguments()), c.d.Said("budget"); n != c.arguments || said != c.budget {
			t.Errorf("%s: %d arguments, the budget's %q, want %d and %q", name, n, said, c.arguments, c.budget)
		}
	}
}

func TestBlindness(t *testing.T) {
	wants := []policy.Want{{Policy: "a", Because: "no depth", Blind: true}, {Policy: "b", Because: "8"}, {Policy: "c", Because: "no load", Blind: true}}
	for name, c := range map[string]struct {
		d    policy.Decision
		want string
	}{
		"sees":              {policy.Decision{Wants: wants[1:2]}, ""},
		"policies say why":  {policy.Decision{Wants: wants, Blind: true}, "a: no depth; c: no load"},
		"nobody says why":   {policy.Decision{Wants: wants[1:2], Blind: true}, "a policy cannot tell"},
		"nobody was heard":  {policy.Decision{Blind: true}, "a policy cannot tell"},
		"none that matters": {policy.Decision{Wants: wants}, ""},
	} {
		if got := c.d.Blindness(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
