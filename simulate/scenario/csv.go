package scenario

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Series is how many items arrived, step by step.
type Series struct {
	Began time.Time
	Steps []Step
}

// Step is a stretch of time, and how many items arrived in it.
type Step struct {
	At    time.Duration // since the scenario's start
	For   time.Duration
	Items float64
}

// End is when the last step ends.
func (s Series) End() time.Duration {
	if len(s.Steps) == 0 {
		return 0
	}
	last := s.Steps[len(s.Steps)-1]
	return last.At + last.For
}

func (s *Series) shift(by time.Duration) {
	for i := range s.Steps {
		s.Steps[i].At += by
	}
}

// Trace is single items.
type Trace struct {
	Began time.Time
	Jobs  []Job
}

// Job is when an item came and how long it took.
type Job struct {
	At   time.Duration // since the scenario's start
	Took time.Duration
}

// End is just after the last job came.
func (t Trace) End() time.Duration {
	if len(t.Jobs) == 0 {
		return 0
	}
	return t.Jobs[len(t.Jobs)-1].At + time.Millisecond
}

func (t *Trace) shift(by time.Duration) {
	for i := range t.Jobs {
		t.Jobs[i].At += by
	}
}

// ReadSeries reads a file of timestamp,value: RFC 3339, in order of time, any
// step. A value is the items that arrived from its timestamp to the next one.
// What follows a gap is not spread over it: a step that is more than twice as
// long as the median of all counts as so long as that.
func ReadSeries(path string) (Series, error) {
	var s Series
	err := readCSV(path, "timestamp,value", func(at time.Time, fields []string) error {
		v, err := number(fields[0], "value")
		if err != nil {
			return err
		}
		if len(s.Steps) == 0 {
			s.Began = at
		}
		since := at.Sub(s.Began)
		if n := len(s.Steps); n > 0 && since <= s.Steps[n-1].At {
			return errors.New("does not come after the line before; sort the lines by time")
		}
		s.Steps = append(s.Steps, Step{At: since, Items: v})
		return nil
	})
	if err == nil && len(s.Steps) == 0 {
		err = fmt.Errorf("%s: has no lines of timestamp,value", path)
	}
	s.measure()
	return s, err
}

// Items is how many arrive in all.
func (s *Series) Items() (sum float64) {
	for _, p := range s.Steps {
		sum += p.Items
	}
	return sum
}

// measure finds how long each step is.
func (s *Series) measure() {
	var gaps []time.Duration
	for i := 1; i < len(s.Steps); i++ {
		gaps = append(gaps, s.Steps[i].At-s.Steps[i-1].At)
	}
	usual := time.Minute // of a single line
	if len(gaps) > 0 {
		usual = slices.Sorted(slices.Values(gaps))[len(gaps)/2]
	}
	for i := range s.Steps {
		s.Steps[i].For = usual
		if i < len(gaps) && gaps[i] <= 2*usual {
			s.Steps[i].For = gaps[i]
		}
	}
}

// ReadTrace reads a file of timestamp,duration_seconds[,kind], in order of time.
func ReadTrace(path string) (Trace, error) {
	var t Trace
	err := readCSV(path, "timestamp,duration_seconds", func(at time.Time, fields []string) error {
		v, err := number(fields[0], "duration_seconds")
		if err != nil {
			return err
		}
		if len(t.Jobs) == 0 {
			t.Began = at
		}
		since := at.Sub(t.Began)
		if n := len(t.Jobs); n > 0 && since < t.Jobs[n-1].At {
			return errors.New("comes before the line before; sort the lines by time")
		}
		t.Jobs = append(t.Jobs, Job{At: since, Took: rounded(v * float64(time.Second))})
		return nil
	})
	if err == nil && len(t.Jobs) == 0 {
		err = fmt.Errorf("%s: has no lines of timestamp,duration_seconds", path)
	}
	return t, err
}

func number(text, what string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= 0) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%s %q is not a number of 0 or more", what, text)
	}
	return v, nil
}

// readCSV reads a file line by line, gzipped or not, with or without a header,
// which is any first line that does not begin with a digit.
func readCSV(path, header string, each func(at time.Time, fields []string) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("recorded load: %w", err)
	}
	defer f.Close()
	from, err := unzipped(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	r := csv.NewReader(from)
	r.ReuseRecord, r.FieldsPerRecord = true, -1
	for first := true; ; first = false {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%s: the gzipped file is cut off (%w): copy it again", path, err)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if first && heads(fields) {
			continue
		}
		if err := line(fields, header, each); err != nil {
			n, _ := r.FieldPos(0)
			return fmt.Errorf("%s:%d: %w", path, n, err)
		}
	}
}

// heads reports whether a line names the columns: no time begins with a letter.
func heads(fields []string) bool {
	return len(fields) > 1 && fields[0] != "" && !strings.ContainsRune("0123456789", rune(fields[0][0]))
}

func line(fields []string, header string, each func(at time.Time, fields []string) error) error {
	if len(fields) < 2 && strings.ContainsAny(fields[0], ";\t") {
		return fmt.Errorf("has no comma; a line is %s: put commas where there are semicolons or tabs", header)
	}
	if len(fields) < 2 {
		return fmt.Errorf("has 1 field; a line is %s", header)
	}
	at, err := time.Parse(time.RFC3339, fields[0])
	if err != nil {
		return fmt.Errorf("timestamp %q is not a time with its zone; a line is %s, such as 2026-03-01T00:00:00Z,12 or 2026-03-01T01:00:00+01:00,12", fields[0], header)
	}
	return each(at.UTC(), fields[1:])
}

// unzipped looks at the first bytes, not at the name.
func unzipped(from io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(from, 1<<16)
	if magic, err := b.Peek(2); err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
		return unmarked(b), nil //nolint:nilerr // too short for gzip: the reader of lines will tell
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, err
	}
	return unmarked(bufio.NewReader(z)), nil
}

// unmarked skips the byte order mark that spreadsheets write first.
func unmarked(b *bufio.Reader) io.Reader {
	const mark = "\ufeff"
	if first, err := b.Peek(len(mark)); err == nil && string(first) == mark {
		_, _ = b.Discard(len(mark))
	}
	return b
}
