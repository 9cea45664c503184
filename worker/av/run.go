package av

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"skynet/worker/confine"
)

// program is one run of ffmpeg or ffprobe.
type program struct {
	path     string
	args     []string
	read     []string // the files that it is given
	folder   string   // where it writes; "": nowhere
	stdout   io.Writer
	said     io.Writer // what it said on standard error when it ended well
	progress *os.File
}

const (
	mostFiles     = 256  // open at once: the segments of a ladder, and libraries
	mostProcesses = 1024 // ffmpeg's threads count as processes
	mostSaid      = 4 << 20
)

// run runs a program on a stranger's file.
func (m *Maker) run(ctx context.Context, p program) (err error) {
	folder := p.folder
	if folder == "" {
		if folder, err = os.MkdirTemp("", "skynet-av-"); err != nil {
			return fmt.Errorf("make a scratch folder: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	}
	err = confine.Run(ctx, confine.Program{
		Path: p.path, Args: p.args, Read: p.read, Folder: folder, Stdout: p.stdout, Stderr: p.said, Progress: p.progress,
		// Arenas of malloc for each thread would count as memory that is used.
		Env:    []string{"AV_LOG_FORCE_NOCOLOR=1", "LC_ALL=C", "MALLOC_ARENA_MAX=2"},
		Limits: confine.Limits{Memory: m.Memory, Disk: m.Disk, Files: mostFiles, Processes: mostProcesses, Stdout: mostSaid},
	})
	if e, ok := errors.AsType[*confine.Ended](err); ok && e.Signal == 0 && e.Words != "" {
		return errors.New(e.Words) // its status says nothing more
	}
	if err == nil {
		err = filesAlone(folder)
	}
	return err
}

// filesAlone wants nothing but files and folders where a program wrote. A file that got
// hold of it could leave a link for us, or for the next program, to follow, or a pipe
// that nobody ever writes to.
func filesAlone(folder string) error {
	return filepath.WalkDir(folder, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("look at what was made: %w", err)
		}
		about, err := d.Info()
		if err != nil {
			return fmt.Errorf("look at what was made: %w", err)
		}
		stat, ok := about.Sys().(*syscall.Stat_t)
		if !d.IsDir() && (!about.Mode().IsRegular() || ok && stat.Nlink > 1) {
			return fmt.Errorf("the program left %.100q, which is no file of its own", d.Name())
		}
		return nil
	})
}

// encode runs ffmpeg and watches that it gets on.
func (b *bench) encode(ctx context.Context, args, read []string) error {
	if err := b.follows(ctx, program{path: b.FFmpeg, args: args, read: read, folder: b.folder}); err != nil {
		if context.Cause(ctx) != nil {
			return err
		}
		return fmt.Errorf("encode: %w", err)
	}
	return nil
}

func (b *bench) follows(ctx context.Context, p program) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make a pipe for ffmpeg's progress: %w", err)
	}
	ended := make(chan bool, 1)
	go func() { ended <- b.follow(r, cancel) }()
	p.progress = w
	err = b.run(ctx, p)
	_ = w.Close()
	_ = r.SetReadDeadline(time.Now().Add(time.Second)) // should anything else still hold its other end
	whole := <-ended
	_ = r.Close()
	switch {
	case err != nil && context.Cause(ctx) != nil:
		return err
	case err != nil:
		return b.plain(err, p.read)
	case !whole:
		return errors.New("ffmpeg ended without saying that it was done")
	}
	return nil
}

// plain takes our paths out of ffmpeg's words.
func (b *bench) plain(err error, read []string) error {
	if _, limit := errors.AsType[*confine.Exceeded](err); limit {
		return err
	}
	text := strings.ReplaceAll(err.Error(), "file:"+b.folder+"/", "")
	for _, f := range read {
		text = strings.ReplaceAll(text, "file:"+f, "the input")
	}
	return errors.New(plainWords(text))
}

// follow reads ffmpeg's progress until it ends, gives up on one that stands
// still, and reports whether it said that it came to its end.
func (m *Maker) follow(r io.Reader, cancel context.CancelCauseFunc) (whole bool) {
	stuck := func() { cancel(fmt.Errorf("ffmpeg stood still for %s", m.Stall)) }
	alarm := time.AfterFunc(365*24*time.Hour, stuck)
	defer alarm.Stop()
	if m.Stall > 0 {
		alarm.Reset(m.Stall)
	}
	var furthest int64
	for s := bufio.NewScanner(r); s.Scan(); {
		key, value, _ := strings.Cut(s.Text(), "=")
		switch key {
		case "out_time_us": // out_time_ms holds microseconds as well
			at, _ := strconv.ParseInt(value, 10, 64)
			if at > furthest && m.Stall > 0 {
				furthest = at
				alarm.Reset(m.Stall)
			}
		case "progress":
			whole = value == "end"
		}
	}
	return whole
}
