package line

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Longest is how long a line may be, B: that of a fleet of 50,000 workers.
const Longest = 16 << 20

// Reader reads lines one by one. It reads no further than it must, so that a line
// is answered before the next one is written.
type Reader struct {
	from *bufio.Reader
	line int
}

// NewReader returns a Reader.
func NewReader(r io.Reader) *Reader { return &Reader{from: bufio.NewReaderSize(r, 64<<10)} }

// Line is the number of the line that was read last; the first is 1.
func (r *Reader) Line() int { return r.line }

// Next reads the next line, checked but for its signals (see [In.Check]). After
// the last it returns io.EOF. Errors name the line.
func (r *Reader) Next() (In, error) {
	text, err := ReadLine(r.from, Longest)
	if errors.Is(err, io.EOF) {
		return In{}, io.EOF
	}
	r.line++
	var in In
	switch {
	case err != nil:
	case strings.TrimSpace(string(text[:min(len(text), 100)])) == "" && len(text) < 100:
		err = errors.New("is empty; write one snapshot a line")
	default:
		in, err = Parse(text)
	}
	if err != nil {
		return In{}, r.At(err)
	}
	return in, nil
}

// At says at which line an error was found.
func (r *Reader) At(err error) error { return fmt.Errorf("line %d: %w", r.line, err) }

// ReadLine reads a line without its end, and refuses one longer than so many
// bytes without reading all of it. A last line without an end is one too; after it
// comes io.EOF.
func ReadLine(r *bufio.Reader, longest int) (text []byte, err error) {
	for {
		part, err := r.ReadSlice('\n')
		text = append(text, part...)
		switch {
		case len(text) > longest+1:
			return nil, fmt.Errorf("is longer than %d bytes; write less into it", longest)
		case err == nil:
			return text[:len(text)-1], nil
		case errors.Is(err, io.EOF) && len(text) > 0:
			return text, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}
