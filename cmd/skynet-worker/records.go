package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"skynet/config"
	"skynet/worker/batch"
	"skynet/worker/store"
)

// What is wired here satisfies what its users ask for.
var _ batch.Store = (*shops)(nil)

// records is where the records of batches are.
type records struct{ state string }

func (r *records) flags(c *cobra.Command) {
	c.Flags().StringVar(&r.state, "state", "", "keep the records of batches in this folder of this machine, rather than beside the outputs")
}

// shops are the worker's stores, and the shelf of records in one of them.
type shops struct {
	*store.Stores
	urls  []string
	shelf batch.Shelf
	own   *store.Stores // where the shelf is a folder of this machine; else nil
}

// open opens the stores of the settings. Records lie in the outputs, where every
// machine finds them; without outputs they stay on this one.
func (r *records) open(ctx context.Context, cfg config.Worker, warn io.Writer) (*shops, error) {
	all, err := store.Open(ctx, cfg.Stores...)
	if err != nil {
		return nil, err
	}
	s := &shops{Stores: all, urls: cfg.Stores}
	if r.state == "" && cfg.Outputs != "" {
		s.shelf = batch.NewShelf(s, cfg.Outputs)
		return s, nil
	}
	folder, err := r.folder()
	if err == nil {
		s.own, err = store.Open(ctx, folder)
	}
	if err != nil {
		return nil, errors.Join(err, all.Close())
	}
	if r.state == "" {
		fmt.Fprintf(warn, "note: the settings name no outputs; records of batches are kept on this machine, in %s\n", folder)
	}
	s.shelf = batch.NewShelf(s.own, folder)
	return s, nil
}

// folder is a folder of this machine, as a URL.
// https://specifications.freedesktop.org/basedir/latest/
func (r *records) folder() (string, error) {
	at := r.state
	if at == "" {
		home, err := os.UserHomeDir()
		base := cmp.Or(os.Getenv("XDG_STATE_HOME"), filepath.Join(home, ".local", "state"))
		if err != nil && os.Getenv("XDG_STATE_HOME") == "" {
			return "", fmt.Errorf("where are records of batches kept? give --state: %w", err)
		}
		at = filepath.Join(base, "skynet")
	}
	at, err := filepath.Abs(at)
	return "file://" + (&url.URL{Path: at}).EscapedPath(), err
}

// Check says what can be done about a URL that workers cannot read.
func (s *shops) Check(raw string) error {
	err := s.Stores.Check(raw)
	if errors.Is(err, store.ErrOutside) {
		return fmt.Errorf("%w (%s); put it into one of them, or add its folder to stores in the workers' settings", err, strings.Join(s.urls, ", "))
	}
	return err
}

// Close closes all stores.
func (s *shops) Close() error {
	err := s.Stores.Close()
	if s.own != nil {
		err = errors.Join(err, s.own.Close())
	}
	return err
}

// load reads a record.
func (s *shops) load(ctx context.Context, name string) (*batch.Record, error) {
	r, err := s.shelf.Load(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no batch %s at %s; skynet-worker batch lists them", name, s.shelf.Place(""))
	}
	return r, err
}

// printer prints results.
type printer struct{ format string }

func (p *printer) flags(c *cobra.Command) {
	c.Flags().StringVar(&p.format, "format", "text", "text, or json for programs (--output is the folder for what is made)")
}

func (p *printer) check() error {
	if p.format != "text" && p.format != "json" {
		return fmt.Errorf("--format %q: write text or json", p.format)
	}
	return nil
}

func (p *printer) print(c *cobra.Command, doc any, text func(io.Writer)) error {
	if p.format == "text" {
		text(c.OutOrStdout())
		return nil
	}
	return json.NewEncoder(c.OutOrStdout()).Encode(doc)
}

// terminal is where progress is shown: w, if somebody looks at it.
func terminal(w io.Writer) *os.File {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

// count writes a number with commas.
func count(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// size writes a number of bytes, as disks are sold.
func size(n int64) string {
	units := []string{"kB", "MB", "GB", "TB", "PB"}
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v := float64(n) / 1000
	for v >= 999.95 && len(units) > 1 {
		v, units = v/1000, units[1:]
	}
	return fmt.Sprintf("%.1f %s", v, units[0])
}

// brief writes a duration as exactly as anybody wants to know it.
func brief(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d < 10*time.Minute:
		d = d.Round(time.Second)
	default:
		d = d.Round(time.Minute)
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	return text
}
