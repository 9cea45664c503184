package expression

import (
	"fmt"
	"math"

	"github.com/expr-lang/expr/ast"
)

func (c *compiler) unary(n *ast.UnaryNode) value {
	switch n.Operator {
	case "+", "-":
		v := c.asNumber(n.Node)
		if v == nil || n.Operator == "+" {
			return value{number: v}
		}
		return value{number: func(f *frame) float64 { return -v(f) }}
	case "not", "!":
		if v := c.asTruth(n.Node); v != nil {
			return value{truth: func(f *frame) bool { return !v(f) }}
		}
		return value{}
	}
	return c.bad(n.Location().From, "%s is not an operator of expressions", n.Operator)
}

func (c *compiler) conditional(n *ast.ConditionalNode) value {
	if !n.Ternary {
		return c.bad(c.start(n), "write if with ?:, like queue.visible > 0 ? 3 : 1")
	}
	is, a, b := c.asTruth(n.Cond), c.node(n.Exp1), c.node(n.Exp2)
	switch {
	case is == nil || a.broken() || b.broken():
		return value{}
	case a.number != nil && b.number != nil:
		return value{number: func(f *frame) float64 {
			if is(f) {
				return a.number(f)
			}
			return b.number(f)
		}}
	case a.truth != nil && b.truth != nil:
		return value{truth: func(f *frame) bool {
			if is(f) {
				return a.truth(f)
			}
			return b.truth(f)
		}}
	}
	return c.bad(c.start(n.Exp2), "both sides of : must be numbers, or both true or false")
}

func (c *compiler) binary(n *ast.BinaryNode) value {
	from := n.Location().From
	if do, ok := arithmetic[n.Operator]; ok {
		return c.arithmetic(n, do)
	}
	if compare, ok := comparison[n.Operator]; ok {
		return c.comparison(n, compare)
	}
	switch n.Operator {
	case "and", "&&":
		a, b := c.asTruth(n.Left), c.asTruth(n.Right)
		if a == nil || b == nil {
			return value{}
		}
		return value{truth: func(f *frame) bool { return a(f) && b(f) }}
	case "or", "||":
		a, b := c.asTruth(n.Left), c.asTruth(n.Right)
		if a == nil || b == nil {
			return value{}
		}
		return value{truth: func(f *frame) bool { return a(f) || b(f) }}
	}
	return c.bad(from, "%s is not an operator of expressions", n.Operator)
}

var arithmetic = map[string]func(a, b float64) float64{
	"+":  func(a, b float64) float64 { return a + b },
	"-":  func(a, b float64) float64 { return a - b },
	"*":  func(a, b float64) float64 { return a * b },
	"/":  func(a, b float64) float64 { return a / b },
	"%":  math.Mod,
	"**": math.Pow,
	"^":  math.Pow,
}

func (c *compiler) arithmetic(n *ast.BinaryNode, do func(a, b float64) float64) value {
	a, b := c.asNumber(n.Left), c.asNumber(n.Right)
	if a == nil || b == nil {
		return value{}
	}
	at, divides := c.place(n.Location().From).where(), n.Operator == "/" || n.Operator == "%"
	what := fmt.Sprintf("%s at %s", n.Operator, at)
	return value{number: func(f *frame) float64 {
		x, y := a(f), b(f)
		if divides && y == 0 {
			return f.fail("division by zero at %s", at)
		}
		return f.finite(do(x, y), what)
	}}
}

var comparison = map[string]func(a, b float64) bool{
	"<":  func(a, b float64) bool { return a < b },
	"<=": func(a, b float64) bool { return a <= b },
	">":  func(a, b float64) bool { return a > b },
	">=": func(a, b float64) bool { return a >= b },
	"==": func(a, b float64) bool { return a == b },
	"!=": func(a, b float64) bool { return a != b },
}

func (c *compiler) comparison(n *ast.BinaryNode, compare func(a, b float64) bool) value {
	a, b := c.node(n.Left), c.node(n.Right)
	switch {
	case a.broken() || b.broken():
		return value{}
	case a.number != nil && b.number != nil:
		return value{truth: func(f *frame) bool { return compare(a.number(f), b.number(f)) }}
	case a.truth != nil && b.truth != nil && n.Operator == "==":
		return value{truth: func(f *frame) bool { return a.truth(f) == b.truth(f) }}
	case a.truth != nil && b.truth != nil && n.Operator == "!=":
		return value{truth: func(f *frame) bool { return a.truth(f) != b.truth(f) }}
	}
	return c.bad(n.Location().From, "%s compares numbers; on its left is %s, on its right %s", n.Operator, kind(a), kind(b))
}
