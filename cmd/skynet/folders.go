package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"skynet/config"
)

// openToWorkers says what keeps workers of this machine from their folders, nil if
// nothing does. It is asked before each launch: a worker that can write no results
// would use up all tries of all items, and to launch none costs waiting alone. The
// sandbox and the user are the workers' own, since they inherit both.
func openToWorkers(l config.Local) error {
	for _, s := range l.Stores {
		if folder, ok := folderOf(s); ok {
			if err := readable(folder); err != nil {
				return closed(err)
			}
		}
	}
	if folder, ok := folderOf(l.Outputs); ok {
		if err := writable(folder); err != nil {
			return closed(err)
		}
	}
	return nil
}

func closed(err error) error {
	return fmt.Errorf("%w: open it to the user that skynet runs as, and under systemd by ReadWritePaths (systemctl edit skynet)", err)
}

// folderOf is the folder of a file:// URL.
func folderOf(store string) (folder string, ok bool) {
	u, err := url.Parse(store)
	if err != nil || u.Scheme != "file" {
		return "", false
	}
	return filepath.FromSlash(u.Path), true
}

// readable wants a folder that can be read, or be made.
func readable(folder string) error {
	err := unix.Access(folder, unix.R_OK|unix.X_OK)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return writable(folder)
	case err != nil:
		return &fs.PathError{Op: "workers cannot read", Path: folder, Err: err}
	}
	return nil
}

// writable wants a folder that can be written to, or be made in what there is of its
// path.
func writable(folder string) error {
	at := folder
	for {
		if _, err := os.Lstat(at); !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			break
		}
		at = filepath.Dir(at)
	}
	if err := unix.Access(at, unix.W_OK|unix.X_OK); err != nil {
		return &fs.PathError{Op: "workers cannot write to", Path: folder, Err: err}
	}
	return nil
}
