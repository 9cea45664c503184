package strict

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// field is one key of a struct.
type field struct {
	key   string
	doc   string
	index []int
	rules rules
}

// rules are what a strict tag says of a field.
type rules struct {
	required        bool
	min, max, above *float64
	enum            []string
}

// fieldsOf lists the keys that a struct is read from, in the order of its
// fields. The keys of an embedded struct count as its own.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if f.Anonymous && key == "" && f.Type.Kind() == reflect.Struct {
			for _, inner := range fieldsOf(f.Type) {
				inner.index = append([]int{i}, inner.index...)
				fields = append(fields, inner)
			}
			continue
		}
		if f.IsExported() && key != "" && key != "-" {
			fields = append(fields, field{key: key, doc: f.Tag.Get("doc"), index: []int{i}, rules: rulesOf(t, f)})
		}
	}
	return fields
}

// rulesOf reads a strict tag. A mistake in one is ours, not the user's: it
// panics, and the first test that reads the type shows it.
func rulesOf(t reflect.Type, f reflect.StructField) (r rules) {
	tag := f.Tag.Get("strict")
	if tag == "" {
		return r
	}
	for rule := range strings.SplitSeq(tag, ",") {
		if !r.set(rule) {
			panic(fmt.Sprintf("strict: %s.%s: bad rule %q", t, f.Name, rule))
		}
	}
	return r
}

func (r *rules) set(rule string) bool {
	name, text, _ := strings.Cut(rule, "=")
	number, err := strconv.ParseFloat(text, 64)
	switch name {
	case "required":
		r.required = true
		return text == ""
	case "enum":
		r.enum = strings.Split(text, "|")
		return text != ""
	case "min":
		r.min = &number
	case "max":
		r.max = &number
	case "above":
		r.above = &number
	default:
		return false
	}
	return err == nil
}

func keysOf(fields []field) []string {
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.key
	}
	return keys
}

func find(fields []field, key string) (field, bool) {
	i := slices.IndexFunc(fields, func(f field) bool { return f.key == key })
	if i < 0 {
		return field{}, false
	}
	return fields[i], true
}
