package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"

	"skynet/worker/image"
	"skynet/worker/image/libvips"
)

// contestants are all that are there. done ends their programs.
func contestants(files []string) (all []*contestant, done func(), err error) {
	if _, err := image.New(); err != nil {
		return nil, nil, err
	}
	var ends []func()
	done = func() {
		for _, end := range ends {
			end()
		}
	}
	add := func(name string, round func() (score, error)) {
		all = append(all, &contestant{name: name, round: round})
	}
	add("worker, libvips "+libvips.Version(), func() (score, error) { return ours(files, false) })
	add("worker, each rendition by itself", func() (score, error) { return ours(files, true) })
	if *newer != "" {
		s, err := start(*newer, "-serve", "-work", *work, "-count", fmt.Sprint(*count), "-workers", fmt.Sprint(*workers))
		if err != nil {
			return nil, done, err
		}
		ends = append(ends, s.end)
		add("worker, sharp's libvips", func() (score, error) { return s.ask("both") })
	}
	if *sharp != "" {
		script, err := filepath.Abs("test/bench/images/sharp.mjs")
		if err != nil {
			return nil, done, err
		}
		s, err := start("node", append([]string{script, *sharp, *work, fmt.Sprint(*count), fmt.Sprint(*workers)}, files...)...)
		if err != nil {
			return nil, done, err
		}
		ends = append(ends, s.end)
		add("sharp, each rendition by itself", func() (score, error) { return s.ask("apart") })
		add("sharp, the small one of the large", func() (score, error) { return s.ask("once") })
	}
	if _, err := exec.LookPath("vipsthumbnail"); err == nil {
		add("vipsthumbnail, each rendition by itself", func() (score, error) { return thumbnails(files) })
	}
	return all, done, nil
}

// server is a program that makes a round for each line it is sent.
type server struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func start(program string, args ...string) (*server, error) {
	cmd := exec.Command(program, args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &server{cmd, in, bufio.NewReader(out)}, cmd.Start()
}

func (s *server) ask(what string) (score, error) {
	if _, err := fmt.Fprintln(s.in, what); err != nil {
		return score{}, err
	}
	var is score
	_, err := fmt.Fscanln(s.out, &is.rate, &is.cpu)
	return is, err
}

func (s *server) end() { _ = errors.Join(s.in.Close(), s.cmd.Wait()) }

// thumbnails runs vipsthumbnail for each rendition, with the same settings as ours.
func thumbnails(files []string) (score, error) {
	return atOnce(unix.RUSAGE_CHILDREN, func(i int) error {
		folder := filepath.Join(*work, "vipsthumbnail", fmt.Sprint(i))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		for _, edge := range []string{"1024", "150"} {
			cmd := exec.Command("vipsthumbnail", files[i%len(files)], "--size", edge+"x"+edge+">",
				"-o", filepath.Join(folder, edge+".jpg")+"[Q=85,optimize_coding,strip]")
			cmd.Env = append(os.Environ(), "VIPS_CONCURRENCY=1")
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
		}
		return nil
	})
}
