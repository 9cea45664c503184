package strict

import (
	"fmt"
	"reflect"
	"slices"
)

// telling is how long a text is shown where something else was wanted: a longer one
// may be a secret in the wrong place, and helps no more.
const telling = 16

// want reports a node that is not of the kind that is needed.
func (r *reader) want(n *node, k kind, path string) bool {
	if n.kind == k {
		return true
	}
	cure := map[kind]string{
		boolean:  "; write true or false, without quotes",
		text:     "; write one word or put it in quotes",
		sequence: "; write it like [a, b]",
		mapping:  "; write it like {key: value}",
	}
	if n.kind == text && len(n.text) > telling {
		r.problem(n.place, path, "a text is not "+kinds[k]+cure[k])
		return false
	}
	r.fault(n, path, "is not "+kinds[k]+cure[k])
	return false
}

// fault reports a node with its value.
func (r *reader) fault(n *node, path, said string) {
	r.problem(n.place, path, n.String()+" "+said)
}

func (n *node) String() string {
	if n.kind == text {
		return quote(n.text)
	}
	if n.kind == number || n.kind == boolean {
		return n.text
	}
	return kinds[n.kind]
}

func (r *reader) structure(n *node, v reflect.Value, path string) {
	if r.want(n, mapping, path) {
		r.keys(n, v, path, stranger{})
	}
}

// stranger says what to make of a key that a struct does not have.
type stranger struct {
	skip  string                       // a key read by somebody else
	where string                       // ` with type "slo"`, or ""
	other func(key string) (in string) // which variant has it
}

// keys reads a mapping into the fields of a struct.
func (r *reader) keys(n *node, v reflect.Value, path string, s stranger) {
	fields := r.fieldsOf(v.Type())
	r.require(fields, n, path)
	for _, p := range n.pairs {
		at := join(path, p.key)
		if p.key == s.skip {
			r.places[at] = p.value.place
			continue
		}
		f, ok := find(fields, p.key)
		if !ok {
			r.unknown(p, path, keysOf(fields), s)
			continue
		}
		r.read(p.value, v.FieldByIndex(f.index), at, f.rules)
	}
}

// require notes the required keys that a mapping does not have. A nil mapping has none.
func (r *reader) require(fields []field, n *node, path string) {
	for _, f := range fields {
		has := n != nil && slices.ContainsFunc(n.pairs, func(p pair) bool { return p.key == f.key })
		if f.rules.required && !has {
			r.missing = append(r.missing, absence{join(path, f.key), f.doc})
		}
	}
}

func (r *reader) unknown(p pair, path string, known []string, s stranger) {
	if s.skip != "" {
		known = append(known, s.skip)
	}
	near := Nearest(p.key, known)
	said := "unknown key" + s.where + "; " + suggest(p.key, known)
	if s.other != nil && near == "" {
		if in := s.other(p.key); in != "" {
			said = fmt.Sprintf("unknown key%s; it belongs to %s", s.where, in)
		}
	}
	r.problem(p.place, join(path, p.key), said)
	if near != "" {
		r.wrong[join(path, near)] = true // meant, so not missing
	}
}

// union reads a mapping whose shape depends on one of its keys.
func (r *reader) union(n *node, u Union, path string) {
	if !r.want(n, mapping, path) {
		return
	}
	key, known := u.Variants()
	i := slices.IndexFunc(n.pairs, func(p pair) bool { return p.key == key })
	if i < 0 {
		r.wrong[path] = true
		r.problem(n.place, join(path, key), "missing; add one of: "+list(known))
		return
	}
	name := n.pairs[i].value
	if name.kind != text || !slices.Contains(known, name.text) {
		r.wrong[path] = true
		r.fault(name, join(path, key), "is not a known "+key+"; "+suggestAll(name.text, known))
		return
	}
	v := reflect.ValueOf(u.Variant(name.text)).Elem()
	r.defaults(v)
	r.keys(n, v, path, stranger{
		skip:  key,
		where: fmt.Sprintf(" with %s %s", key, name.text),
		other: func(k string) string { return r.owners(u, key, known, k) },
	})
	r.meet(v, path)
}

// owners names the variants that have a key. It asks a fresh union: Variant
// keeps what it makes.
func (r *reader) owners(u Union, key string, known []string, k string) string {
	var in []string
	for _, name := range known {
		fresh, ok := reflect.New(reflect.TypeOf(u).Elem()).Interface().(Union)
		if !ok {
			continue
		}
		if _, has := find(r.fieldsOf(reflect.TypeOf(fresh.Variant(name)).Elem()), k); has {
			in = append(in, name)
		}
	}
	if len(in) == 0 {
		return ""
	}
	return key + " " + list(in)
}

func (r *reader) list(n *node, v reflect.Value, path string) {
	if !r.want(n, sequence, path) || !r.step(len(n.items), n.place) {
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.items), len(n.items)))
	for i, item := range n.items {
		r.defaults(v.Index(i))
		r.read(item, v.Index(i), fmt.Sprintf("%s[%d]", path, i), rules{})
	}
}

// table reads a mapping whose keys are the user's own.
func (r *reader) table(n *node, v reflect.Value, path string) {
	if !r.want(n, mapping, path) {
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), min(len(n.pairs), farthest)))
	for _, p := range n.pairs {
		value := reflect.New(v.Type().Elem()).Elem()
		r.defaults(value)
		r.read(p.value, value, join(path, p.key), rules{})
		v.SetMapIndex(reflect.ValueOf(p.key).Convert(v.Type().Key()), value)
	}
}
