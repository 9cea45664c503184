package image

import (
	"encoding/json"
	"fmt"

	"skynet/worker/recipe"
)

// What recipes do not say, but outputs need.
type (
	toSRGB struct{}                           // colours into sRGB, as every output but those that keep a profile
	lay    struct{ Background recipe.Colour } // on a background: what is made of a JPEG has no transparency
)

// chain is how one output comes about: all steps from a file on.
type chain struct {
	source string // the input's name
	steps  []step
	keep   recipe.Strip // what metadata stays
}

// step is one of them, with a key by which equal ones are known.
type step struct {
	spec any
	key  string
}

func stepOf(spec any) (step, error) {
	b, err := json.Marshal(spec)
	if err != nil {
		return step{}, fmt.Errorf("step %T: %w", spec, err)
	}
	return step{spec, fmt.Sprintf("%T%s", spec, b)}, nil
}

// chains are those of all outputs. An output made of another one begins with the other's
// steps: it starts from its pixels, not from what was left of them in a file.
func chains(outputs []recipe.Output) ([]chain, error) {
	all := make([]chain, len(outputs))
	byName := map[string]int{}
	for i, o := range outputs {
		c := chain{source: o.From}
		if c.source == "" {
			c.source = recipe.Main
		}
		own, keep := split(o)
		var specs []any
		from, derived := byName[o.From]
		if derived {
			c = all[from]
			keep = both(keep, c.keep)
			if f := outputs[from]; f.ImageFormat() == "jpeg" {
				specs = append(specs, lay{*convertOf(f).Background})
			}
		}
		if !keep.Keeps("profile") && (!derived || c.keep.Keeps("profile")) {
			specs = append(specs, toSRGB{})
		}
		c.steps, c.keep = c.steps[:len(c.steps):len(c.steps)], keep
		for _, spec := range append(specs, own...) {
			s, err := stepOf(spec)
			if err != nil {
				return nil, err
			}
			c.steps = append(c.steps, s)
		}
		all[i], byName[o.Name] = c, i
	}
	return all, nil
}

// split parts an output's steps into those on pixels and what metadata stays.
func split(o recipe.Output) (pixels []any, keep recipe.Strip) {
	for _, s := range o.Image {
		switch x := s.Spec.(type) {
		case *recipe.Strip:
			keep = *x
		case *recipe.Convert:
		default:
			pixels = append(pixels, s.Spec)
		}
	}
	return pixels, keep
}

// both is what two steps keep: of what the first took out nothing is left to the second.
func both(a, b recipe.Strip) (c recipe.Strip) {
	for _, what := range []string{"profile", "copyright", "exif", "all"} {
		if a.Keeps(what) && b.Keeps(what) {
			c.Keep = append(c.Keep, what)
		}
	}
	return c
}

// convertOf is how an output is written.
func convertOf(o recipe.Output) *recipe.Convert {
	if n := len(o.Image); n > 0 {
		if c, ok := o.Image[n-1].Spec.(*recipe.Convert); ok {
			return c
		}
	}
	var s recipe.ImageStep
	return s.Variant("convert").(*recipe.Convert)
}

// tree is all that is made of one file: its root is the file's pixels.
type tree struct {
	source string
	root   *node
	chains [][]step // of its outputs, which tell how large the source must be
}

// node is the pixels after a step.
type node struct {
	step    step
	parent  *node
	next    []*node // what other steps make of them
	outputs []int   // what is written of them, by index in the job
	keep    map[int]recipe.Strip
}

// plan puts the chains of a job's outputs together, so that what is equal from the
// beginning on is done once.
func plan(job recipe.Job) (trees []*tree, err error) {
	all, err := chains(job.Outputs)
	if err != nil {
		return nil, err
	}
	bySource := map[string]*tree{}
	for i, c := range all {
		t := bySource[c.source]
		if t == nil {
			t = &tree{source: c.source, root: &node{}}
			bySource[c.source] = t
			trees = append(trees, t)
		}
		t.chains = append(t.chains, c.steps)
		t.root.add(i, c)
	}
	return trees, nil
}

// add puts one output's chain into the tree.
func (n *node) add(output int, c chain) {
	for _, s := range c.steps {
		n = n.child(s)
	}
	n.outputs = append(n.outputs, output)
	if n.keep == nil {
		n.keep = map[int]recipe.Strip{}
	}
	n.keep[output] = c.keep
}

func (n *node) child(s step) *node {
	for _, c := range n.next {
		if c.step.key == s.key {
			return c
		}
	}
	c := &node{step: s, parent: n}
	n.next = append(n.next, c)
	return c
}

// below are all outputs that are made of a node's pixels.
func (n *node) below() []int {
	all := append([]int(nil), n.outputs...)
	for _, c := range n.next {
		all = append(all, c.below()...)
	}
	return all
}

// path is the steps from the root to the node.
func (n *node) path() []step {
	if n.parent == nil {
		return nil
	}
	return append(n.parent.path(), n.step)
}
