package expression

import (
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/conf"
	exprfile "github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"

	"skynet/signals"
)

// value is a compiled node: a number or a truth. With neither it is broken, and
// was reported.
type value struct {
	number func(*frame) float64
	truth  func(*frame) bool
}

func (v value) broken() bool { return v.number == nil && v.truth == nil }

// compiler makes an Expression of a tree and notes what is wrong on the way.
type compiler struct {
	text     []rune
	names    signals.Names
	slots    []slot
	problems Problems
	nodes    int
	stopped  bool // too large: one problem is enough
}

func compile(text string, names signals.Names, wanted string, fits func(value) bool) (*Expression, error) {
	c := &compiler{text: []rune(text), names: names}
	switch {
	case len(text) > longest:
		return nil, append(c.problems, Problem{Line: 1, Column: 1, Said: fmt.Sprintf("is longer than %d bytes", longest)})
	case strings.TrimSpace(text) == "":
		return nil, append(c.problems, Problem{Line: 1, Column: 1, Said: "is empty"})
	}
	tree, err := parse(text)
	if err != nil {
		c.bad(err.From, "%s", grammar(err.Message, text))
		return nil, c.problems
	}
	v := c.node(tree)
	if !v.broken() && !fits(v) {
		c.bad(c.start(tree), "%s is wanted, and this is %s", wanted, kind(v))
	}
	if len(c.problems) > 0 {
		return nil, c.problems.sort()
	}
	e := &Expression{slots: c.slots, number: v.number, truth: v.truth}
	for _, s := range c.slots {
		e.longest = max(e.longest, s.window)
	}
	return e, nil
}

// parse has the library read the text. Functions of ours that are also its own
// are read as calls like any other. Strange text must not take the daemon down,
// whatever it does to the library.
func parse(text string) (node ast.Node, failed *exprfile.Error) {
	defer func() {
		if p := recover(); p != nil {
			node, failed = nil, &exprfile.Error{Message: "cannot be read"}
		}
	}()
	set := conf.CreateNew()
	for _, name := range functions() {
		set.Functions[name] = &builtin.Function{Name: name}
	}
	tree, err := parser.ParseWithConfig(text, set)
	if err == nil {
		return tree.Node, nil
	}
	if e, ok := err.(*exprfile.Error); ok { //nolint:errorlint // it is that type, and not wrapped
		return nil, e
	}
	return nil, &exprfile.Error{Message: err.Error()}
}

// bad notes a problem at an offset of the text, in runes.
func (c *compiler) bad(from int, format string, args ...any) value {
	if c.stopped {
		return value{}
	}
	p := c.place(from)
	p.Said = fmt.Sprintf(format, args...)
	c.problems = append(c.problems, p)
	return value{}
}

// place is the line and column of an offset.
func (c *compiler) place(from int) Problem {
	p := Problem{Line: 1, Column: 1}
	for _, r := range c.text[:min(max(from, 0), len(c.text))] {
		p.Column++
		if r == '\n' {
			p.Line, p.Column = p.Line+1, 1
		}
	}
	return p
}

// unknown notes a name that is none of those known.
func (c *compiler) unknown(from int, name, what string, known []string) value {
	c.bad(from, "%q is not %s", name, what)
	if n := len(c.problems); n > 0 && !c.stopped {
		c.problems[n-1].Unknown, c.problems[n-1].Known = name, known
	}
	return value{}
}

// node compiles a node by the list of what may be said. Nodes are counted here,
// since the library lets a < b < c share its middle: what is small as a tree can
// be huge when it is walked.
func (c *compiler) node(n ast.Node) value {
	if c.nodes++; c.nodes > mostNodes {
		c.bad(0, "is too large: more than %d parts", mostNodes)
		c.stopped = true
		return value{}
	}
	switch n := n.(type) {
	case *ast.IntegerNode:
		return constant(float64(n.Value))
	case *ast.FloatNode:
		return constant(n.Value)
	case *ast.BoolNode:
		is := n.Value
		return value{truth: func(*frame) bool { return is }}
	case *ast.IdentifierNode, *ast.MemberNode:
		return c.signal(n)
	case *ast.UnaryNode:
		return c.unary(n)
	case *ast.BinaryNode:
		return c.binary(n)
	case *ast.ConditionalNode:
		return c.conditional(n)
	case *ast.CallNode:
		return c.call(n)
	case *ast.BuiltinNode:
		return c.unknown(n.Location().From, n.Name, "a function of expressions", functions())
	case *ast.StringNode:
		return c.bad(n.Location().From, "text stands only for a window, as in rate(queue.arrived, '10m')")
	case *ast.NilNode:
		return c.bad(n.Location().From, "nil is no value here: what is unknown makes the whole expression unknown")
	}
	return c.bad(c.start(n), "only signals, numbers, comparisons, and, or, not, ?: and the functions listed may be used")
}

func constant(v float64) value { return value{number: func(*frame) float64 { return v }} }

// start is where a node's text begins.
func (c *compiler) start(n ast.Node) int {
	switch n := n.(type) {
	case *ast.MemberNode:
		return c.start(n.Node)
	case *ast.BinaryNode:
		return c.start(n.Left)
	case *ast.ConditionalNode:
		return c.start(n.Cond)
	case *ast.ChainNode:
		return c.start(n.Node)
	case *ast.SliceNode:
		return c.start(n.Node)
	case nil:
		return 0
	}
	return n.Location().From
}

// signal compiles a name: a slot that is read before anything is computed.
func (c *compiler) signal(n ast.Node) value {
	name, ok := c.name(n)
	if !ok {
		return c.bad(c.start(n), "is not a signal's name; write it with dots, like queue.visible")
	}
	if !c.names.Known(name) {
		return c.noSignal(c.start(n), name)
	}
	return c.slot(c.start(n), slot{signal: name, shown: name})
}

func (c *compiler) noSignal(from int, name string) value {
	what := "a signal of this fleet"
	if c.names.Open {
		what = "a signal"
	}
	return c.unknown(from, name, what, c.names.All())
}

// name reads a dotted name. What is in brackets, a["b"], looks the same in the
// tree and is none.
func (c *compiler) name(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return n.Value, true
	case *ast.MemberNode:
		group, ok := c.name(n.Node)
		leaf, is := n.Property.(*ast.StringNode)
		from := n.Location().From
		if !ok || !is || n.Optional || from < len(c.text) && c.text[from] == '[' {
			return "", false
		}
		return group + "." + leaf.Value, true
	}
	return "", false
}

// slot gives the number of a slot, the same for the same words.
func (c *compiler) slot(from int, s slot) value {
	i := slices.IndexFunc(c.slots, func(o slot) bool { return o.shown == s.shown })
	if i < 0 {
		if len(c.slots) == mostSlots {
			return c.bad(from, "uses more than %d signals and windows", mostSlots)
		}
		i = len(c.slots)
		c.slots = append(c.slots, s)
	}
	return value{number: func(f *frame) float64 { return f.slots[i] }}
}

func kind(v value) string {
	if v.number != nil {
		return "a number"
	}
	return "true or false"
}

// asNumber compiles a node that must be a number; nil if it is none.
func (c *compiler) asNumber(n ast.Node) func(*frame) float64 {
	v := c.node(n)
	if v.truth != nil {
		c.bad(c.start(n), "a number is wanted, and this is true or false")
	}
	return v.number
}

// asTruth compiles a node that must be true or false; nil if it is not.
func (c *compiler) asTruth(n ast.Node) func(*frame) bool {
	v := c.node(n)
	if v.number != nil {
		c.bad(c.start(n), "true or false is wanted, and this is a number; compare it, or put what not is to deny into parentheses")
	}
	return v.truth
}
