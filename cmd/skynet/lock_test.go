package main

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"skynet/config"
)

// A folder that was there keeps its mode, and whoever may look into it or change it is
// told of; one that we make is ours alone.
func TestStateFolderIsClosedOrSaysSo(t *testing.T) {
	t.Parallel()
	made := filepath.Join(t.TempDir(), "state")
	release, err := lockFolder(made)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = release() }()
	if what := openToOthers(made); what != "" {
		t.Errorf("others may %s a folder that we have made", what)
	}
	for mode, want := range map[fs.FileMode]string{0o700: "", 0o750: "", 0o770: "", 0o755: "look into", 0o711: "look into", 0o777: "change", 0o1777: "change"} {
		folder := t.TempDir()
		if err := os.Chmod(folder, mode); err != nil {
			t.Fatal(err)
		}
		if what := openToOthers(folder); what != want {
			t.Errorf("mode %o: others may %q, want %q", mode, what, want)
		}
	}
}

// Who starts a second controller on a state folder is told which process has it, how to
// look at it and how to stop it, whatever else the two would share.
func TestASecondControllerIsToldOfTheFirst(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state")
	if err := folderFree(folder); err != nil {
		t.Errorf("there is none yet: %v", err)
	}
	release, err := lockFolder(folder)
	if err != nil {
		t.Fatal(err)
	}
	us := fmt.Sprintf("state_dir %s is in use: skynet runs as process %d since %d-", folder, os.Getpid(), time.Now().UTC().Year())
	cures := []string{fmt.Sprintf("(systemctl stop skynet, or kill %d)", os.Getpid()), "skynet status --state-dir " + folder, "set state_dir to another folder"}
	refused := func(said error, want ...string) {
		t.Helper()
		for _, w := range want {
			if said == nil || !strings.Contains(said.Error(), w) {
				t.Errorf("says %v, want %q", said, w)
			}
		}
	}
	_, err = lockFolder(folder)
	refused(err, append(cures, us)...)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	second := &daemon{cfg: config.Config{Listen: taken.Addr().String(), StateDir: folder}, log: zap.NewNop()}
	refused(second.served(t.Context(), func() error { return nil }), append(cures, us)...)

	for text, want := range map[string]string{
		"": "in use by another skynet; stop it", "half a li": "in use by another skynet; stop it", `{"pid": -1}`: "in use by another skynet",
		fmt.Sprintf(`{"pid": %d, "host": %q}`, gone(t), newHolder().Host):       "in use by another skynet", // was left by an earlier one
		`{"pid": 7, "host": "other\u001b[2J", "since": "2026-03-01T17:00:05Z"}`: "skynet runs as process 7 on other?[2J since 2026-03-01 17:00:05 UTC",
	} {
		write(t, lockOf(folder), text)
		_, err := lockFolder(folder)
		refused(err, want)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(lockOf(folder)); err != nil || len(text) > 0 {
		t.Errorf("the file names who has left: %q, %v", text, err)
	}
	if err := folderFree(folder); err != nil {
		t.Errorf("it is free: %v", err)
	}
	if release, err = lockFolder(folder); err != nil {
		t.Fatalf("it is free: %v", err)
	}
	_ = release()
	refused(second.served(t.Context(), func() error { return nil }), "listen: "+taken.Addr().String()+" is in use by another program")
}

// gone is the number of a process that has ended.
func gone(t *testing.T) int {
	t.Helper()
	c := exec.Command("true")
	if err := c.Run(); err != nil {
		t.Skip(err)
	}
	return c.Process.Pid
}
