package fleet

import (
	"fmt"
	"slices"
	"strings"
)

// names gives an enumeration its words, for logs, JSON and reasons alike.
type names[T ~uint8] struct {
	kind string
	of   []string
}

func (n names[T]) name(v T) string {
	if int(v) >= len(n.of) {
		return fmt.Sprintf("%s(%d)", n.kind, v)
	}
	return n.of[v]
}

func (n names[T]) marshal(v T) ([]byte, error) {
	if int(v) >= len(n.of) {
		return nil, fmt.Errorf("%s %d has no name", n.kind, v)
	}
	return []byte(n.of[v]), nil
}

func (n names[T]) parse(b []byte) (T, error) {
	i := slices.Index(n.of, string(b))
	if i < 0 {
		return 0, fmt.Errorf("unknown %s %q (known: %s)", n.kind, b, strings.Join(n.of, ", "))
	}
	return T(i), nil
}
