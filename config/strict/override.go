package strict

import (
	"fmt"
	"reflect"
	"strings"
)

// override is a value from elsewhere that stands in for the file's.
type override struct{ path, source, text string }

// Override puts a value from elsewhere in place of the file's: an environment
// variable's or a flag's. The path leads through structs to any key ("limits.hourly");
// messages name the source instead of a line. Text is read as it is, anything
// else as YAML: "[file:///a, file:///b]".
func Override(path, source, text string) Option {
	return func(r *reader) { r.overrides = append(r.overrides, override{path, source, text}) }
}

// Key is one key that an [Override] can stand for.
type Key struct {
	Path string // limits.hourly
	Doc  string // its doc tag
	Kind reflect.Kind
}

// Keys lists the keys of a T down to single values and lists; what lies in lists
// is not among them.
func Keys[T any]() []Key { return keysBelow(reflect.TypeFor[T](), "") }

func keysBelow(t reflect.Type, path string) (all []Key) {
	for _, f := range fieldsOf(t) {
		ft := base(t.FieldByIndex(f.index).Type)
		at := join(path, f.key)
		switch {
		case ownsText(ft):
			all = append(all, Key{at, f.doc, reflect.String})
		case ft.Kind() == reflect.Struct:
			all = append(all, keysBelow(ft, at)...)
		default:
			all = append(all, Key{at, f.doc, ft.Kind()})
		}
	}
	return all
}

// base is what a pointer type points to, or the type itself.
func base(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// override puts the overriding values into v, the root.
func (r *reader) override(v reflect.Value) {
	for _, o := range r.overrides {
		leaf, as := r.lead(v, o)
		if n := r.overriding(o, leaf); n != nil {
			r.read(n, leaf, o.path, as)
		}
	}
}

// lead finds the field at an override's path, makes what is absent on the way,
// and has it validated like what the file gave.
func (r *reader) lead(v reflect.Value, o override) (reflect.Value, rules) {
	path, as := "", rules{}
	for key := range strings.SplitSeq(o.path, ".") {
		if v.Kind() == reflect.Pointer {
			v = r.point(v)
		}
		fields := r.fieldsOf(v.Type())
		r.arrive(v, path, o.source, fields)
		f, ok := find(fields, key)
		if !ok {
			panic(fmt.Sprintf("strict: override of %s: %s has no key %q", o.path, v.Type(), key))
		}
		v, path, as = v.FieldByIndex(f.index), join(path, key), f.rules
	}
	return v, as
}

// arrive treats a struct that the file does not have as one that it has.
func (r *reader) arrive(v reflect.Value, path, source string, fields []field) {
	if _, given := r.places[path]; given {
		return
	}
	r.places[path] = place{source: source}
	r.require(fields, nil, path)
	r.meet(v, path)
}

// overriding makes a node of an override's text.
func (r *reader) overriding(o override, leaf reflect.Value) *node {
	where := place{source: o.source}
	if t := base(leaf.Type()); t.Kind() == reflect.String || ownsText(t) {
		return &node{kind: text, text: o.text, place: where}
	}
	if said, _ := unreadable([]byte(o.text)); said != "" {
		r.problem(where, o.path, said)
		return nil
	}
	file, err := parseYAML(o.text)
	if err != nil || len(file.Docs) != 1 || file.Docs[0].Body == nil {
		r.problem(where, o.path, quote(o.text)+" cannot be read as YAML")
		return nil
	}
	return r.plant(file.Docs[0].Body, o.path, o.source)
}
