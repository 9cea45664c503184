package strict

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// farthest is how many values are read at most. A file within its size limit
// comes nowhere near it unless its aliases multiply.
const farthest = 50_000

// reader reads a tree into a value and remembers where everything stood, so
// that later findings have a line and a column too.
type reader struct {
	file      string
	problems  problems
	places    map[string]place // of every value that was given, by path
	wrong     map[string]bool  // paths at which reading found a problem
	missing   []absence
	checks    []check
	met       map[check]bool
	overrides []override
	fields    map[reflect.Type][]field
	steps     int
	before    func(value any)
}

// absence is a required key that the file does not have.
type absence struct{ path, doc string }

// check is one value that validates itself; its dynamic type is a pointer.
type check struct {
	path  string
	value Validator
}

func newReader(file string) *reader {
	return &reader{
		file:   file,
		places: map[string]place{},
		wrong:  map[string]bool{},
		met:    map[check]bool{},
		fields: map[reflect.Type][]field{},
	}
}

// problem adds what reading found; later checks at this path are skipped.
func (r *reader) problem(where place, path, said string) {
	r.add(where, path, said)
	if len(r.wrong) < most {
		r.wrong[path] = true
	}
}

// bad adds what validation found, at the nearest place the file has for it.
func (r *reader) bad(path, said string) {
	for p := path; p != ""; p = parent(p) {
		if r.wrong[p] {
			return
		}
	}
	if r.wrong[""] {
		return
	}
	r.add(r.near(path), path, said)
}

func (r *reader) add(where place, path, said string) {
	p := Problem{Path: path, Said: said, Source: where.source}
	if p.Source == "" {
		p.File, p.Line, p.Column = r.file, where.line, where.column
	}
	r.problems.add(p)
}

// near is the place of a value, or of the nearest around it.
func (r *reader) near(path string) place {
	for path != "" {
		if where, ok := r.places[path]; ok {
			return where
		}
		path = parent(path)
	}
	return r.places[""]
}

// touched reports whether reading found a problem at a path, around it or below.
func (r *reader) touched(path string) bool {
	for wrong := range r.wrong {
		if wrong == path || within(path, wrong) || within(wrong, path) {
			return true
		}
	}
	return false
}

// within reports whether path lies below outer.
func within(path, outer string) bool {
	rest, ok := strings.CutPrefix(path, outer)
	return ok && outer != "" && rest != "" && (rest[0] == '.' || rest[0] == '[')
}

// demand reports the required keys that neither the file nor an override gave.
func (r *reader) demand() {
	for _, m := range r.missing {
		if _, given := r.places[m.path]; given || r.wrong[m.path] || r.wrong[parent(m.path)] {
			continue
		}
		said := "missing; add it"
		if m.doc != "" {
			said += ": " + m.doc
		}
		r.problem(r.near(m.path), m.path, said)
	}
}

// validate asks every value, in the order in which they were read.
func (r *reader) validate() {
	for _, c := range r.checks {
		c.value.Validate(&Report{r, c.path})
	}
}

// meet remembers that a value is to be validated, once.
func (r *reader) meet(v reflect.Value, path string) {
	if value, ok := v.Addr().Interface().(Validator); ok && !r.met[check{path, value}] {
		r.met[check{path, value}] = true
		r.checks = append(r.checks, check{path, value})
	}
}

// fieldsOf is [fieldsOf], worked out once a type.
func (r *reader) fieldsOf(t reflect.Type) []field {
	fields, ok := r.fields[t]
	if !ok {
		fields = fieldsOf(t)
		r.fields[t] = fields
	}
	return fields
}

// defaults asks v and, first, the structs inside it for their defaults.
func (r *reader) defaults(v reflect.Value) {
	if v.Kind() == reflect.Struct {
		for _, f := range r.fieldsOf(v.Type()) {
			r.defaults(v.FieldByIndex(f.index))
		}
	}
	if d, ok := v.Addr().Interface().(Defaulter); ok {
		d.Defaults()
	}
}

// read reads one piece of the tree into v.
func (r *reader) read(n *node, v reflect.Value, path string, as rules) {
	if !r.step(1, n.place) {
		return
	}
	r.places[path] = n.place
	switch {
	case n.kind == broken:
		r.wrong[path] = true
	case n.kind == null:
		r.problem(n.place, path, "has no value; give it one"+orDefaults(v.Type())+" or remove the key")
	case v.Kind() == reflect.Pointer:
		r.read(n, r.point(v), path, as)
	default:
		r.readAs(n, v, path, as)
		r.meet(v, path)
	}
}

// orDefaults is a cure for a mapping whose keys may all be left out.
func orDefaults(t reflect.Type) string {
	if base(t).Kind() != reflect.Struct || slices.ContainsFunc(fieldsOf(base(t)), func(f field) bool { return f.rules.required }) {
		return ""
	}
	return ", write {} for its defaults,"
}

// step counts values and says when there are too many.
func (r *reader) step(n int, where place) bool {
	was := r.steps
	r.steps += n
	if was <= farthest && r.steps > farthest {
		r.problem(where, "", fmt.Sprintf("holds more than %d values, counting what aliases repeat", farthest))
	}
	return r.steps <= farthest
}

// point returns what a pointer points to, made if need be.
func (r *reader) point(v reflect.Value) reflect.Value {
	if v.IsNil() {
		v.Set(reflect.New(v.Type().Elem()))
		r.defaults(v.Elem())
	}
	return v.Elem()
}

func (r *reader) readAs(n *node, v reflect.Value, path string, as rules) {
	self := v.Addr().Interface()
	if u, ok := self.(Union); ok {
		r.union(n, u, path)
		return
	}
	// A struct with a text form of its own may be written either way.
	if t, ok := self.(encoding.TextUnmarshaler); ok && (n.kind != mapping || len(r.shape(v)) == 0) {
		r.ownText(n, t, path)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		r.structure(n, v, path)
	case reflect.Slice:
		r.list(n, v, path)
	case reflect.Map:
		r.table(n, v, path)
	case reflect.Interface:
		v.Set(reflect.ValueOf(r.plain(n)))
	default:
		r.scalar(n, v, path, as)
	}
}

// shape is the fields of v if it is a struct.
func (r *reader) shape(v reflect.Value) []field {
	if v.Kind() != reflect.Struct {
		return nil
	}
	return r.fieldsOf(v.Type())
}
