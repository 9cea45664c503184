package recipe

import "slices"

// Wants are the names of the values that outputs have in their names and texts, each
// once, in order: what an item has to give, besides name, which is there anyway.
func Wants(outputs []Output) (names []string) {
	for _, text := range texts(outputs) {
		for _, p := range placeholder.FindAllString(text, -1) {
			if name := p[1 : len(p)-1]; name != "name" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// texts are those that values are put into.
func texts(outputs []Output) (all []string) {
	tags := func(spec any) {
		if t, ok := spec.(*Tags); ok {
			for _, tag := range t.Set {
				all = append(all, tag.Value)
			}
		}
	}
	for _, o := range outputs {
		all = append(all, o.Name, o.From)
		for _, s := range o.Image {
			if w, ok := s.Spec.(*Watermark); ok {
				all = append(all, w.Text)
			}
		}
		for _, s := range o.Video {
			tags(s.Spec)
		}
		for _, s := range o.Audio {
			tags(s.Spec)
		}
	}
	return all
}
