package strict

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// most is how many problems are listed: after so many nobody reads on.
const most = 100

// Problem is one thing that is wrong in a file.
type Problem struct {
	File   string `json:"file,omitempty"`   // as the caller named it
	Line   int    `json:"line,omitempty"`   // from 1
	Column int    `json:"column,omitempty"` // from 1, in characters
	Source string `json:"source,omitempty"` // instead of a place in the file: a flag, an environment variable
	Path   string `json:"path,omitempty"`   // fleets[0].queues[1]
	Said   string `json:"said"`             // what is wrong and how to cure it
}

func (p Problem) String() string {
	where := p.Source
	switch {
	case where != "":
	case p.Line > 0:
		where = fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	default:
		where = p.File
	}
	if p.Path == "" {
		return where + ": " + p.Said
	}
	return where + ": " + p.Path + ": " + p.Said
}

// Error is all that is wrong in a file, in the order of its lines.
type Error struct {
	Problems []Problem
	More     int // problems beyond those listed
}

func (e *Error) Error() string {
	lines := make([]string, 0, len(e.Problems)+1)
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	if e.More > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", e.More))
	}
	return strings.Join(lines, "\n")
}

// problems collects what is wrong.
type problems struct {
	list []Problem
	more int
}

func (ps *problems) add(p Problem) {
	if len(ps.list) >= most {
		ps.more++
		return
	}
	ps.list = append(ps.list, p)
}

// err is nil when nothing is wrong.
func (ps *problems) err() error {
	if len(ps.list) == 0 {
		return nil
	}
	slices.SortStableFunc(ps.list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return &Error{Problems: ps.list, More: ps.more}
}
