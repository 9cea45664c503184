package image

import (
	"fmt"

	"skynet/worker/recipe"
)

// visit makes all outputs below a node, of its pixels, which it closes.
func (m *making) visit(n *node, f *frame) error {
	var resizes []*node
	var parts []func(*frame) error // each closes what it is given
	for _, i := range n.outputs {
		parts = append(parts, func(f *frame) error { return m.write(i, n.keep[i], f) })
	}
	for _, c := range n.next {
		if _, ok := c.step.spec.(*recipe.Resize); ok {
			resizes = append(resizes, c)
			continue
		}
		parts = append(parts, func(f *frame) error { return m.step(c, f) })
	}
	for _, r := range ladder(resizes, f.size) {
		parts = append(parts, func(f *frame) error { return m.climb(r, f) })
	}
	return m.each(n, f, parts)
}

// each gives the same pixels to several. Of what is too large to be kept in memory they
// are made anew for each.
func (m *making) each(n *node, f *frame, parts []func(*frame) error) error {
	if len(parts) > 1 && f.loose && f.bytes() <= m.MaxMemory {
		if err := f.keep(m.work); err != nil {
			f.close()
			return fmt.Errorf("make %s: %w", m.names(n.below()), err)
		}
	}
	for i, part := range parts {
		g := f
		switch last := i == len(parts)-1; {
		case i > 0 && f.loose:
			var err error
			if g, err = m.again(n); err != nil {
				return fmt.Errorf("make %s: %w", m.names(n.below()), err)
			}
		case !last && !f.loose:
			g = f.share()
		}
		if err := part(g); err != nil {
			if g != f && !f.loose {
				f.close()
			}
			return err
		}
	}
	return nil
}

// again makes a node's pixels from the file.
func (m *making) again(n *node) (*frame, error) {
	f, err := m.begin()
	if err != nil {
		return nil, err
	}
	for _, s := range n.path() {
		if err := m.draw(f, s.spec); err != nil {
			f.close()
			return nil, err
		}
	}
	return f, nil
}

// step does one step, and all that comes of it.
func (m *making) step(c *node, f *frame) error {
	if err := m.draw(f, c.step.spec); err != nil {
		f.close()
		return fmt.Errorf("make %s: %w", m.names(c.below()), err)
	}
	return m.visit(c, f)
}

// climb resizes, makes all that comes of it, and the finer rungs of its pixels.
func (m *making) climb(r *rung, f *frame) error {
	if err := m.resize(f, r.to); err != nil {
		f.close()
		return fmt.Errorf("make %s: %w", m.names(r.below()), err)
	}
	parts := []func(*frame) error{func(f *frame) error {
		if err := m.cut(f, placed("centre", r.stays, r.to, 0)); err != nil {
			f.close()
			return fmt.Errorf("make %s: %w", m.names(r.below()), err)
		}
		return m.visit(r.node, f)
	}}
	for _, finer := range r.finer {
		parts = append(parts, func(f *frame) error { return m.climb(finer, f) })
	}
	return m.each(r.node, f, parts)
}
