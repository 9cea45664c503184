package main

import (
	"bytes"
	"context"
	"fmt"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"skynet/worker/image"
	"skynet/worker/image/imagetest"
	"skynet/worker/recipe"
)

// longRun makes many small pictures, each another file, and tells the memory of the
// process ten times on the way.
func longRun(n int) error {
	m, err := image.New()
	if err != nil {
		return err
	}
	list, err := outputs()
	if err != nil {
		return err
	}
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, imagetest.Portrait(1200, 900), &jpeg.Options{Quality: 90}); err != nil {
		return err
	}
	if err := os.MkdirAll(*work, 0o755); err != nil {
		return err
	}
	began := time.Now()
	for tenth := range 10 {
		*count = n / 10
		if _, err := atOnce(unix.RUSAGE_SELF, func(i int) error { return small(m, list, photo.Bytes(), i) }); err != nil {
			return err
		}
		fmt.Printf("%6d made, %s, %s resident\n", (tenth+1)*(n/10), time.Since(began).Round(time.Second), resident())
	}
	return nil
}

func small(m *image.Maker, list []recipe.Output, photo []byte, i int) error {
	folder, err := os.MkdirTemp(*work, "long-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	input := filepath.Join(folder, "input")
	if i%10 == 9 { // one in ten is broken
		photo = photo[:len(photo)/2]
	}
	if err := os.WriteFile(input, photo, 0o600); err != nil {
		return err
	}
	_, err = m.Work(context.Background(), recipe.Job{Outputs: list, Folder: folder, Inputs: map[string]string{recipe.Main: input}})
	if i%10 == 9 {
		return nil
	}
	return err
}

func resident() string {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return strings.TrimSpace(rest)
		}
	}
	return "unknown"
}
