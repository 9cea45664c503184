package batch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"skynet/config/redact"
)

// Input is an object that an item is to be made of.
type Input struct {
	URL   string
	Rel   string // its path below what was asked for, not encoded
	Bytes int64  // -1 where it is not known
}

// Omitted counts what was come across and not taken.
type Omitted struct {
	Hidden   int `json:"hidden"`   // names that begin with a dot
	Filtered int `json:"filtered"` // by Include and Exclude
	Made     int `json:"made"`     // in the outputs' folder: made by a worker
	Links    int `json:"links"`    // symbolic links to folders, to nowhere, and what is no file
	Twice    int `json:"twice"`    // named before
}

// Finder finds inputs.
type Finder struct {
	Store   Store
	Include []Pattern   // if any: one of them must fit
	Exclude []Pattern   // none of them may
	Made    []string    // URLs of folders for outputs: what lies there is left out of the folders that they lie in
	Told    func(n int) // hears how many were found so far; may be nil

	Found   []Input
	Omitted Omitted

	seen     map[string]bool
	problems []error
	more     int // problems beyond these
}

// maxProblems is how many are told.
const maxProblems = 10

// errEnough ends a search that has found too much.
var errEnough = fmt.Errorf("more than %d items; make several batches of them", MaxItems)

// Find finds the inputs that arguments name: files and folders of this machine,
// file:// and s3:// URLs, which are folders if they end with a slash, patterns of
// any of them, and "-", which stands for a list of files, folders and URLs in list,
// one a line. Of a folder all that is in it is taken, however deep. The error holds
// everything that is wrong, each with its cure.
func (f *Finder) Find(ctx context.Context, args []string, list io.Reader) error {
	f.seen = map[string]bool{}
	for _, a := range args {
		if err := f.argument(ctx, a, list); err != nil {
			if ctx.Err() != nil || errors.Is(err, errEnough) {
				return err
			}
			f.bad(err)
		}
	}
	if f.more > 0 {
		f.problems = append(f.problems, fmt.Errorf("and %d more", f.more))
	}
	return errors.Join(f.problems...)
}

func (f *Finder) bad(err error) {
	if len(f.problems) == maxProblems {
		f.more++
		return
	}
	f.problems = append(f.problems, err)
}

func (f *Finder) argument(ctx context.Context, arg string, list io.Reader) error {
	if arg == "-" {
		return f.lines(ctx, list)
	}
	return f.one(ctx, arg, true)
}

// lines takes each line for what it says: names of files may look like patterns.
func (f *Finder) lines(ctx context.Context, list io.Reader) error {
	in := bufio.NewScanner(list)
	for in.Scan() {
		line := strings.TrimSuffix(in.Text(), "\r")
		if line == "" {
			continue
		}
		if err := f.one(ctx, line, false); err != nil {
			if ctx.Err() != nil || errors.Is(err, errEnough) {
				return err
			}
			f.bad(err)
		}
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("read the list of inputs: %w", err)
	}
	return nil
}

func (f *Finder) one(ctx context.Context, arg string, patterns bool) error {
	scheme, rest, isURL := strings.Cut(arg, "://")
	if !isURL {
		return f.local(ctx, arg, patterns)
	}
	if scheme == "file" {
		p, err := url.PathUnescape(strings.TrimPrefix(rest, "localhost"))
		if err != nil || !strings.HasPrefix(p, "/") {
			return fmt.Errorf("%s: want file:// and an absolute path", arg)
		}
		return f.local(ctx, p, patterns)
	}
	return f.remote(ctx, arg, patterns)
}

// remote finds objects of a store that is no folder of this machine.
func (f *Finder) remote(ctx context.Context, arg string, patterns bool) error {
	folder, wild := arg, ""
	if patterns {
		folder, wild = fixed(arg)
	}
	switch {
	case wild != "" && Wild(wild):
		p, err := ParsePattern(wild)
		if err != nil {
			return err
		}
		return f.below(ctx, folder, p.fitsOrBelow)
	case strings.HasSuffix(arg, "/"):
		return f.below(ctx, arg, func(string) bool { return true })
	}
	u, err := url.Parse(arg)
	if err != nil {
		return fmt.Errorf("%.200q is not a URL", redact.URL(arg))
	}
	u.RawPath = ""
	return f.take(ctx, Input{URL: u.String(), Rel: path.Base(u.Path), Bytes: -1})
}

// below takes what is in a folder of a store and fits.
func (f *Finder) below(ctx context.Context, folder string, fits func(rel string) bool) error {
	root := place(folder)
	n := 0
	err := f.Store.List(ctx, folder, func(object string, bytes int64, _ time.Time) error {
		n++
		rel := strings.TrimPrefix(strings.TrimPrefix(place(object), root), "/")
		if !fits(rel) {
			return nil
		}
		return f.walked(ctx, Input{URL: object, Rel: rel, Bytes: bytes}, rel, root)
	})
	if err == nil && n == 0 {
		return fmt.Errorf("%s: there is nothing in it", folder)
	}
	return err
}

// fitsOrBelow reports whether a path or a folder that it lies in fits: a pattern
// that fits a folder stands for all that is in it, as in a shell.
func (p Pattern) fitsOrBelow(rel string) bool {
	for ; rel != "." && rel != "/"; rel = path.Dir(rel) {
		if p.Match(rel) {
			return true
		}
	}
	return false
}

func (f *Finder) take(ctx context.Context, in Input) error {
	fits := func(p Pattern) bool { return p.Match(in.Rel) }
	if len(f.Include) > 0 && !slices.ContainsFunc(f.Include, fits) || slices.ContainsFunc(f.Exclude, fits) {
		f.Omitted.Filtered++
		return nil
	}
	if f.seen[in.URL] {
		f.Omitted.Twice++
		return nil
	}
	f.seen[in.URL] = true
	if len(f.Found) == MaxItems {
		return errEnough
	}
	if err := f.sound(in); err != nil {
		f.bad(err)
		return nil
	}
	f.Found = append(f.Found, in)
	if f.Told != nil {
		f.Told(len(f.Found))
	}
	return ctx.Err()
}

func (f *Finder) sound(in Input) error {
	if !utf8.ValidString(in.Rel) {
		return fmt.Errorf("%q: the name is not text (UTF-8); rename it, or leave it out with --exclude", in.Rel)
	}
	return f.Store.Check(in.URL)
}
