package expression

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/expr-lang/expr/ast"
)

// functions are the names of those that an expression may call, sorted.
func functions() []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(windowed)), maps.Keys(plain))
	slices.Sort(names)
	return slices.Compact(names)
}

// plain are the functions of numbers alone: how many they take, and what they do.
var plain = map[string]struct {
	least, most int
	do          func(v []float64) float64
}{
	"abs":   {1, 1, func(v []float64) float64 { return math.Abs(v[0]) }},
	"ceil":  {1, 1, func(v []float64) float64 { return math.Ceil(v[0]) }},
	"floor": {1, 1, func(v []float64) float64 { return math.Floor(v[0]) }},
	"round": {1, 1, func(v []float64) float64 { return math.Round(v[0]) }},
	"min":   {2, mostSlots, slices.Min[[]float64]},
	"max":   {2, mostSlots, slices.Max[[]float64]},
	"clamp": {3, 3, func(v []float64) float64 { return min(max(v[0], v[1]), v[2]) }},
}

func (c *compiler) call(n *ast.CallNode) value {
	from := n.Location().From
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return c.bad(c.start(n.Callee), "is not a function; those there are have no dots")
	}
	if len(n.Arguments) > 0 && c.start(n.Arguments[0]) < from {
		return c.bad(from, "pipes are not for expressions; write %s(…)", callee.Value)
	}
	over, hasWindow := windowed[callee.Value]
	_, isPlain := plain[callee.Value]
	last := len(n.Arguments) - 1
	named := last >= 0 && isText(n.Arguments[last])
	switch {
	case hasWindow && (named || !isPlain):
		return c.window(n, callee.Value, over)
	case isPlain:
		return c.plain(n, callee.Value)
	}
	return c.unknown(from, callee.Value, "a function of expressions", functions())
}

func isText(n ast.Node) bool {
	_, ok := n.(*ast.StringNode)
	return ok
}

func (c *compiler) plain(n *ast.CallNode, name string) value {
	f := plain[name]
	if got := len(n.Arguments); got < f.least || got > f.most {
		return c.bad(n.Location().From, "%s takes %s, not %d", name, plural(f.least, f.most), got)
	}
	var args []func(*frame) float64
	for _, a := range n.Arguments {
		if v := c.asNumber(a); v != nil {
			args = append(args, v)
		}
	}
	if len(args) < len(n.Arguments) {
		return value{}
	}
	return value{number: func(fr *frame) float64 {
		v := make([]float64, len(args))
		for i, a := range args {
			v[i] = a(fr)
		}
		return f.do(v)
	}}
}

func plural(least, most int) string {
	switch {
	case least < most:
		return fmt.Sprintf("%d numbers or more, or a signal and a window", least)
	case least == 1:
		return "one number"
	}
	return fmt.Sprintf("%d numbers", least)
}

// window compiles rate(queue.arrived, '10m') and its like to a slot.
func (c *compiler) window(n *ast.CallNode, name string, do over) value {
	from, args := n.Location().From, n.Arguments
	s := slot{over: do}
	form, wanted := name+"(queue.arrived, '10m')", 2
	if name == "quantile" {
		form, wanted = "quantile(queue.visible, 0.95, '1h')", 3
	}
	if len(args) != wanted || !isText(args[wanted-1]) {
		return c.bad(from, "%s is over a signal and a window; write it like %s", name, form)
	}
	if wanted == 3 {
		q, ok := fraction(args[1])
		if !ok {
			return c.bad(c.start(args[1]), "the quantile must be written as a number from 0 to 1")
		}
		s.quantile = q
	}
	signal, ok := c.name(args[0])
	if !ok {
		return c.bad(c.start(args[0]), "%s is over one signal, by its name; write it like %s", name, form)
	}
	if !c.names.Known(signal) {
		return c.noSignal(c.start(args[0]), signal)
	}
	return c.windowOf(from, name, signal, args[wanted-1].(*ast.StringNode), s)
}

func (c *compiler) windowOf(from int, name, signal string, window *ast.StringNode, s slot) value {
	var err error
	if s.window, err = parseWindow(window.Value); err != nil {
		return c.bad(window.Location().From, "%q %v", window.Value, err)
	}
	if why := fits(name, signal); why != "" {
		return c.bad(from, "%s(%s) %s", name, signal, why)
	}
	s.signal, s.written = signal, window.Value
	s.shown = fmt.Sprintf("%s(%s,'%s')", name, signal, window.Value)
	if name == "quantile" {
		s.shown = fmt.Sprintf("quantile(%s,%g,'%s')", signal, s.quantile, window.Value)
	}
	return c.slot(from, s)
}

// fraction reads a constant from 0 to 1.
func fraction(n ast.Node) (v float64, ok bool) {
	switch n := n.(type) {
	case *ast.IntegerNode:
		v, ok = float64(n.Value), true
	case *ast.FloatNode:
		v, ok = n.Value, true
	}
	return v, ok && v >= 0 && v <= 1
}
