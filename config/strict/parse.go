package strict

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// What a file of ours may be at most. Thousands of queues fit; goccy's time for a
// mapping, which grows with the square of its keys, stays within a second or
// two; and a parser that calls itself for each bracket does not overflow the
// stack, which no recover would catch.
const (
	largest = 256 << 10 // bytes
	deepest = 64        // levels of nesting
)

// parse makes a tree of a file's bytes, or reports why it cannot and returns nil.
func (r *reader) parse(data []byte) *node {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	// goccy counts a line twice where a comment ends in CR LF.
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	if said, where := unreadable(data); said != "" {
		r.problem(where, "", said)
		return nil
	}
	file, err := parseYAML(string(data))
	if err != nil {
		r.syntax(err)
		return nil
	}
	body := r.document(file)
	if body == nil {
		return nil
	}
	return r.plant(body, "", "")
}

// plant makes our tree of goccy's, of the file or of the source that overrides
// the value at a path.
func (r *reader) plant(body ast.Node, path, source string) *node {
	p := planter{source: source, anchors: map[string]*node{}}
	p.bad = r.problem
	return p.plant(body, path)
}

// unreadable says why bytes cannot be a file of ours.
func unreadable(data []byte) (said string, where place) {
	if len(data) > largest {
		return fmt.Sprintf("is larger than %d KiB; files like this one are not", largest>>10), where
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return "is written in UTF-16; save it as UTF-8", where
	}
	for i := 0; i < len(data); {
		c, size := utf8.DecodeRune(data[i:])
		if c == utf8.RuneError && size == 1 {
			return "is not UTF-8 text; save it as UTF-8", placeOf(data, i)
		}
		if c < ' ' && c != '\n' && c != '\t' {
			return fmt.Sprintf("holds the control character %U; remove it", c), placeOf(data, i)
		}
		i += size
	}
	return "", where
}

// placeOf turns an offset into a line and a column.
func placeOf(data []byte, offset int) place {
	before := data[:offset]
	line := bytes.LastIndexByte(before, '\n') + 1
	return place{line: bytes.Count(before, []byte("\n")) + 1, column: utf8.RuneCount(before[line:]) + 1}
}

// parseYAML is goccy's parser behind a guard against depth, and its panics, of which
// strange input has found some, as errors.
func parseYAML(data string) (file *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			file, err = nil, fmt.Errorf("cannot be read as YAML (%v)", p)
		}
	}()
	tokens := lexer.Tokenize(data)
	if t := tooDeep(tokens); t != nil {
		return nil, &yaml.SyntaxError{Token: t, Message: fmt.Sprintf("is nested more than %d levels deep; no file of ours needs that", deepest)}
	}
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// tooDeep returns the token that goes one level too far: by its open brackets,
// its indentation, or the marks in a row that each open a level of their own
// ("- - - -").
func tooDeep(tokens token.Tokens) *token.Token {
	brackets, marks, line := 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			brackets++
		case token.SequenceEndType, token.MappingEndType:
			brackets--
		case token.AnchorType, token.TagType:
			marks++
		case token.SequenceEntryType, token.MappingKeyType, token.MappingValueType:
			if t.Position.Line != line {
				marks, line = 0, t.Position.Line
			}
			marks++
		case token.CollectEntryType:
			marks = 0
		default:
			if marks > 0 && t.Position.Line != line {
				marks = 0
			}
		}
		if brackets > deepest || marks > deepest || t.Position.IndentNum > 4*deepest {
			return t
		}
	}
	return nil
}

// syntax reports goccy's error without its picture of the source.
func (r *reader) syntax(err error) {
	var e yaml.Error
	if !errors.As(err, &e) {
		first, _, _ := strings.Cut(err.Error(), "\n")
		r.problem(place{}, "", first)
		return
	}
	said := e.GetMessage()
	if strings.Contains(said, `'	'`) {
		said = "a tab cannot indent YAML; use spaces"
	}
	r.problem(new(planter).at(e.GetToken()), "", said)
}

// start is where a document begins.
func start(d *ast.DocumentNode) *token.Token {
	if d.Start != nil {
		return d.Start
	}
	return d.Body.GetToken()
}

// document returns the one document of a file.
func (r *reader) document(file *ast.File) ast.Node {
	var body ast.Node
	for _, d := range file.Docs {
		if d.Body == nil || d.Body.Type() == ast.DirectiveType || d.Body.Type() == ast.CommentType {
			continue
		}
		if body != nil {
			r.problem(new(planter).at(start(d)), "", "a second document begins here; put each in a file of its own")
			return nil
		}
		body = d.Body
	}
	if body == nil {
		r.problem(place{}, "", "is empty")
	}
	return body
}
