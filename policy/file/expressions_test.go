package file

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"skynet/policy"
	"skynet/policy/expression"
	"skynet/signals"
)

var (
	ofThePage = signals.Names{Queues: []string{"photos", "videos"}, User: []string{"upload.cpu"}}
	listed    = regexp.MustCompile("`([a-z]+)\\((?:a|signal)[,)]")
	inline    = regexp.MustCompile("`([^`\n]+)`")
	fenced    = regexp.MustCompile("(?s)```.*?```")
)

// TestThePageOfExpressions compiles all that docs/expressions.md shows: its files,
// its expressions, and those in its text.
func TestThePageOfExpressions(t *testing.T) {
	text, err := os.ReadFile("../../docs/expressions.md")
	if err != nil {
		t.Fatal(err)
	}
	rules := 0
	for _, m := range block.FindAllStringSubmatch(string(text), -1) {
		p, err := Parse("example.yaml", []byte(m[1]), ofThePage)
		if err != nil {
			t.Errorf("%v\n%s", err, m[1])
		}
		if slices.ContainsFunc(p.Engine.Policies, func(p policy.Policy) bool { _, ok := p.(policy.Rule); return ok }) {
			rules++
		}
	}
	if rules < 5 {
		t.Errorf("%d examples have a rule", rules)
	}
	shown := regexp.MustCompile("(?s)```expression\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	for _, m := range inline.FindAllStringSubmatch(fenced.ReplaceAllString(string(text), ""), -1) {
		if strings.ContainsAny(m[1], "<>=?*/(") && strings.ContainsAny(m[1], ".0123456789") && !strings.Contains(m[1], "…") && !listed.MatchString(m[0]) {
			shown = append(shown, m)
		}
	}
	if len(shown) < 8 {
		t.Errorf("found %d expressions: %q", len(shown), shown)
	}
	for _, m := range shown {
		_, condition := expression.Condition(m[1], ofThePage)
		_, number := expression.Number(m[1], ofThePage)
		if condition != nil && number != nil {
			t.Errorf("%s: %v", m[1], condition)
		}
	}
}

// TestThePageNamesEveryFunction and no other.
func TestThePageNamesEveryFunction(t *testing.T) {
	text, err := os.ReadFile("../../docs/expressions.md")
	if err != nil {
		t.Fatal(err)
	}
	_, err = expression.Number("nonsense(1)", ofThePage)
	problems, ok := err.(expression.Problems) //nolint:errorlint // it is that type, and not wrapped
	if !ok || len(problems) != 1 {
		t.Fatal(err)
	}
	var named []string
	for _, m := range listed.FindAllStringSubmatch(string(text), -1) {
		named = append(named, m[1])
	}
	slices.Sort(named)
	if want := problems[0].Known; fmt.Sprint(slices.Compact(named)) != fmt.Sprint(want) {
		t.Errorf("the page lists %v, there are %v", named, want)
	}
}
