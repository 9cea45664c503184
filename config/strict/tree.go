package strict

import (
	"fmt"
	"math"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// kind is what a piece of YAML is before anybody says what it should be.
type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	sequence
	mapping
	broken // already reported
)

var kinds = [...]string{"nothing", "true or false", "a number", "text", "a list", "a mapping", "unreadable"}

// place is where something stands.
type place struct {
	line, column int
	source       string // a flag or environment variable, instead of a place in the file
}

// node is a piece of a file: goccy's tree with anchors resolved, so that the
// rest of the package needs to know nothing of YAML. An alias shares its
// anchor's node; whoever walks the tree must mind his steps.
type node struct {
	kind   kind
	text   string // a scalar as it is written, without quotes
	quoted bool
	place  place
	items  []*node
	pairs  []pair
}

type pair struct {
	key   string
	place place
	value *node
}

// planter makes a tree of goccy's.
type planter struct {
	bad     func(where place, path, said string)
	anchors map[string]*node
	source  string // of all places, unless it is a file
}

func (p *planter) at(t *token.Token) place {
	if t == nil || t.Position == nil || p.source != "" {
		return place{line: 1, column: 1, source: p.source}
	}
	return place{line: t.Position.Line, column: t.Position.Column}
}

func (p *planter) plant(n ast.Node, path string) *node {
	switch n := n.(type) {
	case *ast.MappingNode:
		return p.mapping(n, n.Values, path)
	case *ast.MappingValueNode:
		return p.mapping(n, []*ast.MappingValueNode{n}, path)
	case *ast.SequenceNode:
		return p.sequence(n, path)
	case *ast.AnchorNode:
		inner := p.plant(n.Value, path)
		p.anchors[word(n.Name)] = inner
		return inner
	case *ast.AliasNode:
		return p.alias(n, path)
	default:
		return p.scalar(n, path)
	}
}

func (p *planter) scalar(n ast.Node, path string) *node {
	if n == nil || n.GetToken() == nil {
		return &node{kind: null, place: p.at(nil)}
	}
	t := n.GetToken()
	out := &node{text: t.Value, place: p.at(t)}
	switch n := n.(type) {
	case *ast.NullNode:
		out.kind = null
	case *ast.BoolNode:
		out.kind = boolean
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		out.kind = number
	case *ast.StringNode:
		out.kind = text
		out.text = n.Value
		out.quoted = t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType
	case *ast.LiteralNode:
		out.kind, out.text, out.quoted = text, n.Value.Value, true
	case *ast.TagNode:
		return p.refuse(t, path, fmt.Sprintf("tag %q is not supported; quote what is text and leave the tag out", t.Value))
	default:
		return p.refuse(t, path, fmt.Sprintf("%q is not supported here", t.Value))
	}
	return out
}

func (p *planter) refuse(t *token.Token, path, said string) *node {
	p.bad(p.at(t), path, said)
	return &node{kind: broken, place: p.at(t)}
}

func (p *planter) sequence(n *ast.SequenceNode, path string) *node {
	out := &node{kind: sequence, place: p.at(n.Start), items: make([]*node, len(n.Values))}
	for i, v := range n.Values {
		out.items[i] = p.plant(v, fmt.Sprintf("%s[%d]", path, i))
	}
	return out
}

// mapping reports a key that is given twice: YAML's readers differ in which
// one they believe.
func (p *planter) mapping(n ast.Node, values []*ast.MappingValueNode, path string) *node {
	out := &node{kind: mapping, place: p.at(n.GetToken())}
	seen := map[string]place{}
	for i, v := range values {
		key, where, ok := p.key(v.Key, path)
		if i == 0 && before(where, out.place) {
			out.place = where // goccy says where the first colon is
		}
		first, twice := seen[key]
		switch {
		case !ok:
			continue
		case twice:
			p.bad(where, join(path, key), fmt.Sprintf("is given twice, first in line %d; keep one of them", first.line))
			continue
		}
		seen[key] = where
		out.pairs = append(out.pairs, pair{key, where, p.plant(v.Value, join(path, key))})
	}
	return out
}

func (p *planter) key(k ast.MapKeyNode, path string) (key string, where place, ok bool) {
	var n ast.Node = k
	if explicit, is := n.(*ast.MappingKeyNode); is {
		n = explicit.Value
	}
	if n == nil || n.GetToken() == nil {
		return "", place{line: math.MaxInt}, false
	}
	where = p.at(n.GetToken())
	switch n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.BoolNode, *ast.FloatNode:
		return word(n), where, true
	case *ast.MergeKeyNode:
		p.bad(where, path, "merge keys (<<) are not supported; write the keys out")
	default:
		p.bad(where, path, "a key must be a plain word")
	}
	return "", where, false
}

func (p *planter) alias(n *ast.AliasNode, path string) *node {
	name := word(n.Value)
	if inner, ok := p.anchors[name]; ok {
		return inner
	}
	return p.refuse(n.Start, path, fmt.Sprintf("alias *%s has no anchor before it; put &%s at the value that is meant", name, name))
}

func word(n ast.Node) string {
	if s, ok := n.(*ast.StringNode); ok {
		return s.Value
	}
	if n == nil || n.GetToken() == nil {
		return ""
	}
	return n.GetToken().Value
}

func before(a, b place) bool {
	return a.line < b.line || a.line == b.line && a.column < b.column
}
