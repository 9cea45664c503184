package strict

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Schemer is a type with a text form of its own that says which texts it
// takes, in JSON Schema's words.
type Schemer interface{ JSONSchema() map[string]any }

// Schema is a JSON Schema of the files that are read into a T, for editors. It
// is made from the very tags that the reader goes by, and says all that they
// say; what Validate methods check it cannot know.
func Schema[T any]() []byte {
	d := drawer{defs: map[string]any{}}
	root := d.draw(reflect.TypeFor[T](), rules{})
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$defs"] = d.defs
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("strict: schema of %s: %v", reflect.TypeFor[T](), err)) // a Schemer of ours returned what JSON has no form for
	}
	return append(out, '\n')
}

type object = map[string]any

type drawer struct{ defs map[string]any }

// draw makes the schema of one type.
func (d *drawer) draw(t reflect.Type, as rules) object {
	t = base(t)
	self := reflect.New(t).Interface()
	switch s := self.(type) {
	case Schemer:
		return s.JSONSchema()
	case *time.Time:
		return object{"type": "string", "format": "date-time"}
	case Union:
		return d.refer(t, func() object { return d.union(s) })
	case encoding.TextUnmarshaler:
		return d.eitherWay(t)
	}
	switch t.Kind() {
	case reflect.Struct:
		return d.refer(t, func() object { return d.structure(t, "", "") })
	case reflect.Slice:
		return object{"type": "array", "items": d.draw(t.Elem(), rules{})}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": d.draw(t.Elem(), rules{})}
	case reflect.Interface:
		return object{"not": object{"type": "null"}}
	default:
		return scalarSchema(t, as)
	}
}

func ownsText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// eitherWay is a type with a text form that may have keys as well.
func (d *drawer) eitherWay(t reflect.Type) object {
	single := object{"type": []string{"string", "number", "boolean"}}
	if t.Kind() != reflect.Struct || len(fieldsOf(t)) == 0 {
		return single
	}
	return object{"anyOf": []object{single, d.refer(t, func() object { return d.structure(t, "", "") })}}
}

// refer puts a type's schema among the definitions once, so that types may hold themselves.
func (d *drawer) refer(t reflect.Type, draw func() object) object {
	name := strings.NewReplacer("/", ".", "*", "", "[", "_", "]", "_").Replace(t.String())
	if _, ok := d.defs[name]; !ok {
		d.defs[name] = object{}
		d.defs[name] = draw()
	}
	return object{"$ref": "#/$defs/" + name}
}

// structure is the schema of a struct's keys and, for a union's variant, of the key that chose it.
func (d *drawer) structure(t reflect.Type, key, chosen string) object {
	properties, required := object{}, []string{}
	if key != "" {
		properties[key] = object{"const": chosen}
		required = append(required, key)
	}
	for _, f := range fieldsOf(t) {
		s := d.draw(t.FieldByIndex(f.index).Type, f.rules)
		if f.doc != "" {
			s["description"] = f.doc
		}
		properties[f.key] = s
		if f.rules.required {
			required = append(required, f.key)
		}
	}
	s := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

func (d *drawer) union(u Union) object {
	key, known := u.Variants()
	variants := make([]object, len(known))
	for i, name := range known {
		variants[i] = d.structure(reflect.TypeOf(u.Variant(name)).Elem(), key, name)
	}
	return object{
		"type": "object", "required": []string{key}, "oneOf": variants,
		"properties": object{key: object{"enum": known}},
	}
}

func scalarSchema(t reflect.Type, as rules) object {
	s := object{}
	switch v := reflect.Zero(t); {
	case t.Kind() == reflect.String:
		s["type"] = "string"
		if as.required {
			s["minLength"] = 1
		}
	case t.Kind() == reflect.Bool:
		s["type"] = "boolean"
	case v.CanInt():
		s["type"] = "integer"
	default:
		s["type"] = "number"
	}
	for name, bound := range map[string]*float64{"minimum": as.min, "maximum": as.max, "exclusiveMinimum": as.above} {
		if bound != nil {
			s[name] = *bound
		}
	}
	if as.enum != nil {
		s["enum"] = as.enum
	}
	return s
}
