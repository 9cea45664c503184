// The mutate program shows that the laws of package faults can fail: it plants one
// fault after the other in the product's own code, each in a copy that only the
// compiler sees, plays seeds until a law notices, and writes the table into
// docs/faults.md.
//
//	go run ./test/faults/mutate                  all of them
//	go run ./test/faults/mutate -only billed     those whose law or text holds the word
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	page := flag.String("out", "docs/faults.md", "page whose table is written; - for standard output")
	only := flag.String("only", "", "plant only faults whose law or text holds this")
	seeds := flag.Int("seeds", 2000, "seeds played at most for each")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *page, *only, *seeds); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, page, only string, seeds int) error {
	work, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	sound, err := compile(ctx, work, "sound", "", Plant{})
	if err != nil {
		return err
	}
	var rows []row
	missed := 0
	for n, p := range Plants {
		if !strings.Contains(p.Law+" "+p.What, only) {
			continue
		}
		r, err := try(ctx, work, n, p, seeds)
		if err == nil && r.seed != "" {
			err = keeps(ctx, sound, r)
		}
		if err != nil {
			return fmt.Errorf("%s (%s): %w", p.What, p.File, err)
		}
		if rows = append(rows, r); !r.noticed() {
			missed++
		}
		fmt.Fprintln(os.Stderr, r.line())
	}
	if err := write(page, table(rows)); err != nil {
		return err
	}
	if missed > 0 {
		return fmt.Errorf("%d of %d planted faults were not noticed", missed, len(rows))
	}
	return nil
}

// row is what became of one planted fault.
type row struct {
	Plant
	by   string // the law, or the test, that noticed
	seed string // the first that showed it, "" where it was a test
	took time.Duration
}

func (r row) noticed() bool { return r.by != "" }

func (r row) line() string {
	if !r.noticed() {
		return fmt.Sprintf("NOT noticed in %s: %s", r.took.Round(time.Second), r.What)
	}
	return fmt.Sprintf("noticed in %s by %q (seed %s): %s", r.took.Round(time.Second), r.by, r.seed, r.What)
}

// try plants a fault and has it looked for.
func try(ctx context.Context, work string, n int, p Plant, seeds int) (row, error) {
	overlay, err := p.overlay(work, n)
	if err != nil {
		return row{}, err
	}
	binary, err := compile(ctx, work, strconv.Itoa(n), overlay, p)
	if err != nil {
		return row{}, err
	}
	defer func() { _ = os.Remove(binary) }()
	begun := time.Now()
	out, failed := look(ctx, binary, p, seeds)
	r := row{Plant: p, took: time.Since(begun)}
	if err := ctx.Err(); err != nil {
		return r, err
	}
	if failed {
		r.by, r.seed = whatNoticed(out)
	}
	return r, nil
}

// compile makes the tests that look for a fault.
func compile(ctx context.Context, work, name, overlay string, p Plant) (binary string, err error) {
	binary = filepath.Join(work, name+".test")
	args := []string{"test", "-c", "-o", binary, p.pkg()}
	if overlay != "" {
		args = slices.Insert(args, 1, "-overlay", overlay)
	}
	if out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil { //nolint:gosec // our own list
		return "", fmt.Errorf("it does not compile: %w\n%s", err, out)
	}
	return binary, nil
}

// keeps wants the seed that showed a fault to keep every law without it.
func keeps(ctx context.Context, sound string, r row) error {
	args := []string{"-test.run", "^TestSeeds$", "-seeds", "1", "-from", r.seed, "-also", r.Also}
	if r.Wire {
		args = append(args, "-wire")
	}
	cmd := exec.CommandContext(ctx, sound, args...) //nolint:gosec // our own
	cmd.Dir = "test/faults"
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("seed %s breaks a law without it: %w\n%s", r.seed, err, out)
	}
	return nil
}

// longest is how long a fault is looked for.
const longest = 15 * time.Minute

// look runs the tests until one line says what was noticed.
func look(ctx context.Context, binary string, p Plant, seeds int) (out []byte, failed bool) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, append([]string{"-test.v", "-test.timeout=14m", "-test.failfast"}, p.args(seeds)...)...) //nolint:gosec // our own list
	cmd.Dir = strings.TrimPrefix(p.pkg(), "./")
	said, err := cmd.StdoutPipe()
	if err != nil {
		return nil, false
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return nil, false
	}
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if out = append(append(out, lines.Bytes()...), '\n'); breach.Match(lines.Bytes()) {
			cancel() // one will do
		}
	}
	_, exited := errors.AsType[*exec.ExitError](cmd.Wait())
	return out, exited
}

var (
	breach   = regexp.MustCompile(`(?m)\bseed (\d+): \S+: ([^:;(]*[^:;( ])`)
	failing  = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
	panicked = regexp.MustCompile(`(?m)^panic: (.*)$`)
)

// whatNoticed reads which law, or else which test, failed first.
func whatNoticed(out []byte) (by, seed string) {
	if m := breach.FindSubmatch(out); m != nil {
		return string(m[2]), string(m[1])
	}
	if m := panicked.FindSubmatch(out); m != nil && !bytes.HasPrefix(m[1], []byte("test timed out")) {
		return "panic: " + string(m[1]), ""
	}
	if bytes.Contains(out, []byte("panic: test timed out")) {
		return "", "" // it may just be a slow machine
	}
	if m := failing.FindSubmatch(out); m != nil {
		return string(m[1]), ""
	}
	return "", ""
}

// overlay has the compiler read the file with the fault in it:
// https://pkg.go.dev/cmd/go#hdr-Compile_packages_and_dependencies (-overlay).
func (p Plant) overlay(work string, n int) (string, error) {
	text, err := p.planted()
	if err != nil {
		return "", err
	}
	real, err := filepath.Abs(p.File)
	if err != nil {
		return "", err
	}
	wrong := filepath.Join(work, fmt.Sprintf("%d.go", n))
	if err := os.WriteFile(wrong, text, 0o600); err != nil {
		return "", err
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {real: wrong}})
	if err != nil {
		return "", err
	}
	name := filepath.Join(work, fmt.Sprintf("%d.json", n))
	return name, os.WriteFile(name, list, 0o600)
}

// planted is the file's text with the fault in it.
func (p Plant) planted() ([]byte, error) {
	text, err := os.ReadFile(p.File)
	if err != nil {
		return nil, err
	}
	if n := bytes.Count(text, []byte(p.Old)); n != 1 {
		return nil, fmt.Errorf("%q is there %d times, not once: the code has changed, plant it anew", p.Old, n)
	}
	return bytes.Replace(text, []byte(p.Old), []byte(p.New), 1), nil
}
