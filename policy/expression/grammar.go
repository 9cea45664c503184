package expression

import "regexp"

// slips are what people write who know other languages, and what to write here.
// The library names the token at which it could not go on.
var slips = []struct {
	said *regexp.Regexp // the library's words, beyond what is around them
	text *regexp.Regexp // in the expression; nil: whatever it is
	cure string
}{
	{regexp.MustCompile(`^unexpected token Operator\("="\)`), nil, "= compares nothing; write == for equal, or >= and <= with the sign first"},
	{regexp.MustCompile(`^unexpected token Identifier\("(AND|OR|NOT|IN)"\)`), nil, "write and, or and not in small letters"},
	{regexp.MustCompile(`^bad number syntax: "[0-9.]+(ms|s|m|h|d)`), nil, "put a window into quotes: '10m'"},
	{regexp.MustCompile(`^bad number syntax`), nil, "write a number with digits alone, like 5000 or 0.5"},
	{regexp.MustCompile(`value out of range`), nil, "the number is too large to count with"},
	{regexp.MustCompile(`^unexpected token`), regexp.MustCompile(`[0-9] *%`), "there are no per cent here, % is the remainder; write 0.8 for 80%"},
	{regexp.MustCompile(`^unexpected token EOF`), nil, "ends too early; is a bracket or the right side of an operator missing?"},
}

var token = regexp.MustCompile(`^unexpected token (?:[A-Za-z]+)\((".*")\)$`)

// grammar says in our words what is wrong with the form of an expression.
func grammar(said, text string) string {
	for _, s := range slips {
		if s.said.MatchString(said) && (s.text == nil || s.text.MatchString(text)) {
			return s.cure
		}
	}
	if m := token.FindStringSubmatch(said); m != nil {
		return "nothing can be read from " + m[1] + " on; is an operator missing before it, or a value?"
	}
	return said
}
