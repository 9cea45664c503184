package sweep

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// Apply sets the keys of a point in a policy file, given as bytes. Blocks that are
// missing are made; comments are lost. Whether the keys exist is for the reader of
// policy files to say: name the point in its error.
func Apply(policy []byte, p Point) ([]byte, error) {
	doc, err := decode(string(policy))
	if err != nil {
		return nil, fmt.Errorf("sweep: the policy file: %w", err)
	}
	for _, s := range p {
		steps, err := parsePath(s.Key)
		if err != nil {
			return nil, fmt.Errorf("sweep: %s: %w", s.Key, err)
		}
		v, err := decode(s.Value)
		if err != nil {
			return nil, fmt.Errorf("sweep: %s: %s is no YAML: %w", s.Key, s.Value, err)
		}
		if doc, err = set(doc, steps, v); err != nil {
			return nil, fmt.Errorf("sweep: %s: %w", s.Key, err)
		}
	}
	out, err := yaml.Marshal(doc)
	if err == nil {
		_, err = decode(string(out)) // two keys may have become one
	}
	if err != nil {
		return nil, fmt.Errorf("sweep: the policy file cannot be written again: %w", err)
	}
	return out, nil
}

// step is one part of a path: a key of a block, or an entry of a list, by its
// number or by its name or type.
type step struct {
	key   string
	entry bool
}

// parsePath reads a path such as policies[slo].name.
func parsePath(key string) (path []step, err error) {
	for _, part := range strings.Split(key, ".") {
		name, rest, listed := strings.Cut(part, "[")
		if name == "" || strings.ContainsAny(name, "]{}\"' \t\n:#") {
			return nil, fmt.Errorf("%q is no key", key)
		}
		path = append(path, step{key: name})
		for listed {
			in, after, closed := strings.Cut(rest, "]")
			if !closed || in == "" || strings.Contains(in, "[") {
				return nil, fmt.Errorf("%q has a bracket that is not closed, or empty", key)
			}
			path = append(path, step{key: in, entry: true})
			if after == "" {
				break
			}
			if rest, listed = strings.CutPrefix(after, "["); !listed {
				return nil, fmt.Errorf("%q has something after a bracket", key)
			}
		}
	}
	return path, nil
}

// set puts a value into what is there, and returns that.
func set(there any, path []step, v any) (any, error) {
	if len(path) == 0 {
		return v, nil
	}
	if path[0].entry {
		return setEntry(there, path, v)
	}
	block, ok := there.(yaml.MapSlice)
	if !ok && there != nil {
		return nil, fmt.Errorf("%s stands in what is no block", path[0].key)
	}
	for i := range block {
		if fmt.Sprint(block[i].Key) == path[0].key { // 5 and "5" are one key
			in, err := set(block[i].Value, path[1:], v)
			block[i].Value = in
			return block, err
		}
	}
	in, err := set(nil, path[1:], v)
	return append(block, yaml.MapItem{Key: path[0].key, Value: in}), err
}

// setEntry puts it into an entry of a list. One with the number that is next, or
// of a type that a list left out does not have yet, is made.
func setEntry(there any, path []step, v any) (any, error) {
	list, ok := there.([]any)
	if !ok && there != nil {
		return nil, fmt.Errorf("[%s] stands after what is no list", path[0].key)
	}
	i, fresh, err := find(list, path[0].key)
	if err != nil {
		return nil, err
	}
	if i == len(list) {
		list = append(list, fresh)
	}
	list[i], err = set(list[i], path[1:], v)
	return list, err
}

// find is the place of an entry, and what to begin it with if it is not there.
func find(list []any, key string) (place int, fresh any, err error) {
	if i, err := strconv.Atoi(key); err == nil {
		if i < 0 || i > len(list) {
			return 0, nil, fmt.Errorf("there is no [%d]: the list has %d", i, len(list))
		}
		return i, nil, nil
	}
	var known []string
	for _, by := range []string{"name", "type"} {
		for i, e := range list {
			block, _ := e.(yaml.MapSlice)
			for _, item := range block {
				name, _ := item.Value.(string)
				switch {
				case item.Key != any(by):
				case name == key:
					return i, nil, nil
				default:
					known = append(known, name)
				}
			}
		}
	}
	if len(list) > 0 {
		return 0, nil, errors.New("there is no [" + key + "] in the list: it has " + strings.Join(known, ", "))
	}
	return 0, yaml.MapSlice{{Key: "type", Value: key}}, nil
}
