// Package strict reads the YAML files that people write for us (settings,
// policies, scenarios, recipes) and takes nothing for granted: an unknown key,
// a value of the wrong kind, a name that exists nowhere are errors with file,
// line, column, key, value and cure, and all of them come at once, because
// nobody likes to find five mistakes in five runs.
//
// A file's shape is a Go struct:
//
//	type Bounds struct {
//		Min int `yaml:"min" strict:"min=0" doc:"fewest workers"`
//		Max int `yaml:"max" strict:"required,min=1" doc:"most workers"`
//	}
//
//	func (b *Bounds) Validate(r *strict.Report) {
//		if b.Min > b.Max && r.Sound("min", "max") {
//			r.Bad("min", b.Min, "must not exceed max (%d); raise max or lower min", b.Max)
//		}
//	}
//
//	policy, err := strict.Read[File]("render.policy.yaml", data)
//
// The yaml tag names the key (a field without one is not read). The strict tag
// holds rules: required, min=, max=, above=, enum=a|b|c. The doc tag is shown
// by editors, through [Schema], which is made from the same tags. Beyond that a
// type may implement [Defaulter], [Validator], [Union] (its keys depend on the
// value of one of them) or encoding.TextUnmarshaler (it has a text form of its
// own, as [Duration] and [Share] do). A pointer stays nil when its key is absent.
//
// goccy/go-yaml parses; the rest is done here, since decoders stop at the
// first mistake and validators of JSON Schema explain a union badly.
package strict

import "reflect"

// Defaulter fills in defaults before a value's keys are read. The defaults of
// a struct's fields are set before its own, so that an outer type has the last
// word.
type Defaulter interface{ Defaults() }

// Validator checks what rules on single fields cannot say. Every value in a
// file is asked, the outermost last, even if something else in the file is wrong:
// see [Report.Sound].
type Validator interface{ Validate(r *Report) }

// Union is a mapping whose keys depend on the value of one of them, as a policy's
// do on its type.
type Union interface {
	// Variants names that key and the values it may have.
	Variants() (key string, known []string)
	// Variant makes the value for one of these names, keeps it, and returns a
	// pointer to it, into which the other keys are read.
	Variant(name string) any
}

// Option changes how a file is read.
type Option func(*reader)

// Found adds a problem that was found elsewhere, so that it is told with the others.
func Found(p Problem) Option {
	return func(r *reader) { r.problems.add(p) }
}

// Before has f change the value, a pointer to the T of [Read], before anything is
// read into it: for what its checks need to know besides the file.
func Before(f func(value any)) Option {
	return func(r *reader) { r.before = f }
}

// Read reads one file's bytes into a T. The name is for messages and for what
// lies beside the file ([Report.Beside]). If anything is wrong the error is an
// [*Error] with every problem found.
func Read[T any](name string, data []byte, options ...Option) (T, error) {
	var value T
	r := newReader(name)
	for _, o := range options {
		o(r)
	}
	root := r.parse(data)
	if root == nil {
		return value, r.problems.err()
	}
	v := reflect.ValueOf(&value).Elem()
	r.defaults(v)
	if r.before != nil {
		r.before(&value)
	}
	r.read(root, v, "", rules{})
	r.override(v)
	r.demand()
	r.validate()
	return value, r.problems.err()
}
