package deploy

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ask is what IAM is asked of a call: one action on one resource, with what it is told
// about both. A call may be several, and needs all of them:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
type ask struct {
	Action   string              `json:"action"`
	Resource string              `json:"resource"`
	Context  map[string][]string `json:"context"`
}

// allows is IAM's judgement of a role that has this policy and nothing else. Ours only
// allow, which TestNothingMayBeChangedEverywhere sees to, so the first that does ends it.
func (p policy) allows(a ask) bool {
	return slices.ContainsFunc(p.Statement, func(s statement) bool { return s.allows(a) })
}

func (s statement) allows(a ask) bool {
	if !slices.ContainsFunc(s.Action, func(want string) bool { return like(strings.ToLower(want), strings.ToLower(a.Action)) }) ||
		!slices.ContainsFunc(s.Resource, func(want string) bool { return like(want, a.Resource) }) {
		return false
	}
	for operator, keys := range s.Condition {
		for key, want := range keys {
			if !operators[operator](want, a.Context[key]) {
				return false
			}
		}
	}
	return true
}

// operators are those that our policies use. A key that the call does not carry is no
// match, but for Null, which asks for just that, and for ForAllValues, which is true of
// no values:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
var operators = map[string]func(want, got []string) bool{
	"StringEquals": func(want, got []string) bool { return len(got) == 1 && slices.Contains(want, got[0]) },
	"ArnEquals":    func(want, got []string) bool { return len(got) == 1 && slices.ContainsFunc(want, arnLike(got[0])) },
	"Bool":         func(want, got []string) bool { return len(got) == 1 && strings.EqualFold(want[0], got[0]) },
	"Null":         func(want, got []string) bool { return want[0] == "true" == (len(got) == 0) },
	"ForAllValues:StringEquals": func(want, got []string) bool {
		return !slices.ContainsFunc(got, func(one string) bool { return !slices.Contains(want, one) })
	},
}

// arnLike matches name by name between colons.
func arnLike(got string) func(string) bool {
	return func(want string) bool {
		return slices.EqualFunc(strings.SplitN(want, ":", 6), strings.SplitN(got, ":", 6), like)
	}
}

// like matches * with any text and ? with any letter.
func like(pattern, text string) bool {
	parts := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
	return regexp.MustCompile("^" + parts + "$").MatchString(text)
}

// The judge itself, by the examples of AWS's own pages.
func TestTheJudgeJudgesAsIAMDoes(t *testing.T) {
	tags := func(keys ...string) map[string][]string { return map[string][]string{"aws:TagKeys": keys} }
	one := func(key, value string) map[string][]string { return map[string][]string{key: {value}} }
	for _, c := range []struct {
		name      string
		condition string
		context   map[string][]string
		allowed   bool
	}{
		{"no condition", `{}`, nil, true},
		{"equal", `{"StringEquals": {"k": "v"}}`, one("k", "v"), true},
		{"one of several", `{"StringEquals": {"k": ["u", "v"]}}`, one("k", "v"), true},
		{"case counts", `{"StringEquals": {"k": "V"}}`, one("k", "v"), false},
		{"a star is a letter", `{"StringEquals": {"k": "*"}}`, one("k", "v"), false},
		{"not told", `{"StringEquals": {"k": "v"}}`, nil, false},
		{"all keys", `{"StringEquals": {"k": "v", "l": "v"}}`, one("k", "v"), false},
		{"all operators", `{"StringEquals": {"k": "v"}, "Bool": {"b": "true"}}`, one("k", "v"), false},
		{"arn", `{"ArnEquals": {"k": "arn:aws:ec2:*:1:vpc/v"}}`, one("k", "arn:aws:ec2:r:1:vpc/v"), true},
		{"arn, a star ends at a colon", `{"ArnEquals": {"k": "arn:aws:*:vpc/v"}}`, one("k", "arn:aws:ec2:r:1:vpc/v"), false},
		{"bool", `{"Bool": {"k": "true"}}`, one("k", "true"), true},
		{"bool, not told", `{"Bool": {"k": "true"}}`, nil, false},
		{"all values", `{"ForAllValues:StringEquals": {"aws:TagKeys": "a"}}`, tags("a"), true},
		{"all values, one more", `{"ForAllValues:StringEquals": {"aws:TagKeys": "a"}}`, tags("a", "b"), false},
		{"all values of none", `{"ForAllValues:StringEquals": {"aws:TagKeys": "a"}}`, nil, true},
		{"none, ruled out", `{"ForAllValues:StringEquals": {"aws:TagKeys": "a"}, "Null": {"aws:TagKeys": "false"}}`, nil, false},
		{"null", `{"Null": {"k": "true"}}`, nil, true},
	} {
		var p policy
		text := fmt.Sprintf(`{"Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "a?b/*", "Condition": %s}]}`, c.condition)
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			t.Fatal(err)
		}
		if got := p.allows(ask{"S3:getObject", "a.b/c/d", c.context}); got != c.allowed {
			t.Errorf("%s: %v", c.name, got)
		}
		for _, other := range []ask{{"s3:PutObject", "a.b/c", c.context}, {"s3:GetObject", "ab/c", c.context}, {"s3:GetObject", "a.b", c.context}} {
			if p.allows(other) {
				t.Errorf("%s: allows %v", c.name, other)
			}
		}
	}
}
