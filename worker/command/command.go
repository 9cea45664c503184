// Package command runs programs of the user's on items, so that fleets of other
// work need no code here. A program gets the item as it was sent on standard input,
// the inputs as files in/NAME in its folder, and puts what it makes into out/. It
// runs confined (see worker/confine).
package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"skynet/worker/confine"
	"skynet/worker/recipe"
)

// Maker runs the command of each output, within these limits.
type Maker struct {
	Memory    int64         // bytes, of all processes of one program
	Disk      int64         // bytes, of all that one program writes
	Processes int           // of one program, at once; threads count
	Files     int           // open at once, in each process
	Outputs   int           // files that are taken of one program
	Timeout   time.Duration // for one program
}

// New returns a Maker that gives a program an hour, 4 GiB of memory, 64 GiB of
// disk, 512 processes and 10,000 outputs.
func New() *Maker {
	return &Maker{Memory: 4 << 30, Disk: 64 << 30, Processes: 512, Files: 1024, Outputs: 10_000, Timeout: time.Hour}
}

// ErrAgain is in the error of a program that ended with status 75, by which
// programs say that the fault is not the item's and another try may do
// (EX_TEMPFAIL of sysexits.h, https://man.openbsd.org/sysexits.3). It is a failed
// try like any other: a program that always says so would have its item go round
// for ever.
var ErrAgain = errors.New("asks for another try")

const tempFail = 75

// Check wants the programs of these recipes to be there: once at start, rather
// than by every item failing.
func (m *Maker) Check(recipes ...recipe.Recipe) error {
	var errs []error
	for _, r := range recipes {
		for _, o := range r.Outputs {
			if o.Command == nil || len(o.Command.Run) == 0 {
				continue
			}
			if err := executable(o.Command.Run[0]); err != nil {
				errs = append(errs, fmt.Errorf("recipe %s: %s: %w", r.Name, o.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}

func executable(file string) error {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the program %s is not there: install it, or correct run", file)
	case err != nil:
		return err
	case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
		return fmt.Errorf("%s is no program: chmod +x it, or correct run", file)
	}
	return nil
}

// Work runs the commands of a job, one after the other.
func (m *Maker) Work(ctx context.Context, job recipe.Job) (made []recipe.Made, err error) {
	inputs := map[string]string{}
	for name, file := range job.Inputs {
		inputs[name] = file
	}
	for _, o := range job.Outputs {
		if o.Command == nil {
			return nil, fmt.Errorf("%s: no command makes it", o.Name)
		}
		files, err := m.one(ctx, job, o, inputs)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			if slices.ContainsFunc(made, func(x recipe.Made) bool { return x.Name == f.Name }) {
				return nil, fmt.Errorf("%s is made twice: give outputs names and patterns that do not overlap", f.Name)
			}
		}
		made = append(made, files...)
		inputs[o.Name] = filepath.Join(job.Folder, filepath.FromSlash(o.Name)) // for those after it
	}
	return made, nil
}

// one runs one command in a folder of its own.
func (m *Maker) one(ctx context.Context, job recipe.Job, o recipe.Output, inputs map[string]string) (made []recipe.Made, err error) {
	folder, err := os.MkdirTemp(job.Folder, ".running-*.part")
	if err != nil {
		return nil, fmt.Errorf("make a scratch folder: %w", err)
	}
	defer func() { err = errors.Join(err, remove(folder)) }()
	if folder, err = filepath.EvalSymlinks(folder); err != nil {
		return nil, fmt.Errorf("make a scratch folder: %w", err)
	}
	files, err := lay(folder, inputs)
	if err != nil {
		return nil, err
	}
	p := m.program(*o.Command, job, folder)
	p.Args, p.Read = fill(o.Command.Run[1:], folder, inputs), slices.Concat(o.Command.Read, files)
	if err := confine.Run(ctx, p); err != nil {
		return nil, reason(ctx, filepath.Base(p.Path), err)
	}
	return m.collect(o.Name, filepath.Join(folder, "out"), job.Folder)
}

func (m *Maker) program(c recipe.Command, job recipe.Job, folder string) confine.Program {
	limit := recipe.Tighter(recipe.Tighter(m.Timeout, job.Limits.Time.Std()), c.Time.Std())
	var env []string
	for _, name := range c.Pass {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	for _, v := range c.Env {
		env = append(env, v.Name+"="+v.Value)
	}
	return confine.Program{
		Path: c.Run[0], Folder: folder, Env: env, Stdin: bytes.NewReader(job.Item), Network: c.Network,
		Limits: confine.Limits{
			Time: limit, Memory: recipe.Tighter(m.Memory, int64(job.Limits.Memory)), Disk: recipe.Tighter(m.Disk, int64(job.Limits.Disk)),
			Processes: m.Processes, Files: m.Files,
		},
	}
}

// lay puts the inputs into the folder as links, so that a program cannot change
// what others read too, and returns the files themselves.
func lay(folder string, inputs map[string]string) (files []string, err error) {
	for _, sub := range []string{"in", "out"} {
		if err := os.Mkdir(filepath.Join(folder, sub), 0o700); err != nil {
			return nil, fmt.Errorf("make a scratch folder: %w", err)
		}
	}
	for name, file := range inputs {
		if !plain(name) {
			continue // an output before it, or a URL: its file is in the arguments
		}
		if err := os.Symlink(file, filepath.Join(folder, "in", name)); err != nil {
			return nil, fmt.Errorf("lay out the input %s: %w", name, err)
		}
	}
	for _, file := range inputs {
		if _, err := os.Stat(file); err == nil {
			files = append(files, file)
		}
	}
	return files, nil
}

// plain reports a name that is one of a file in a folder.
func plain(name string) bool { return filepath.IsLocal(name) && !strings.ContainsAny(name, `/\`) }

// fill puts files in the place of {input}, the names of other inputs, and {out}.
// Other braces are the program's own.
func fill(args []string, folder string, inputs map[string]string) (filled []string) {
	pairs := []string{"{out}", filepath.Join(folder, "out")}
	for name, file := range inputs {
		pairs = append(pairs, "{"+name+"}", file)
	}
	r := strings.NewReplacer(pairs...)
	for _, a := range args {
		filled = append(filled, r.Replace(a))
	}
	return filled
}

// reason says which program failed, and how, in its own last words.
func reason(ctx context.Context, name string, err error) error {
	if ctx.Err() != nil {
		return err
	}
	if e, ok := errors.AsType[*confine.Ended](err); ok && e.Status == tempFail {
		if e.Words == "" {
			return fmt.Errorf("%s %w", name, ErrAgain)
		}
		return fmt.Errorf("%s %w: %s", name, ErrAgain, e.Words)
	}
	return fmt.Errorf("%s %w", name, err)
}

// remove also removes folders that the program has made unreadable.
func remove(folder string) error {
	if err := os.RemoveAll(folder); err == nil {
		return nil
	}
	_ = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("clear the scratch folder: %w", err)
	}
	return nil
}
