//go:build linux

package local

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"skynet/fleet"
)

// Marks in a worker's environment. Its children inherit them, and so
// everything that belongs to an instance can be found without a record.
const (
	envHome     = "SKYNET_LOCAL_HOME"     // the state folder
	envInstance = "SKYNET_LOCAL_INSTANCE" // the instance ID
	envOrder    = "SKYNET_LOCAL_ORDER"    // token of the order
	envFleet    = "SKYNET_WORKER_FLEET"
	envMetadata = "SKYNET_WORKER_METADATA"
)

// process identifies a process for good: its number alone is used again after
// it ended, and even start times begin anew with each boot.
type process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks after the boot
	Boot  string `json:"boot"`
}

// stat is what we need of /proc/PID/stat.
type stat struct {
	state   byte // 'R', 'S', 'D', 'T' (stopped), 't' (traced), 'Z' (zombie)…
	session int
	start   uint64
}

// readStat reads /proc/PID/stat. The name in it is in parentheses and may hold
// anything, parentheses too: the fields begin after the last one.
func readStat(pid int) (stat, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return stat{}, err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const state, session, start = 0, 3, 19 // proc(5) counts from 1, with the number and the name first: less 3
	if len(fields) <= start {
		return stat{}, fmt.Errorf("/proc/%d/stat: %d fields after the name", pid, len(fields))
	}
	sid, err := strconv.Atoi(fields[session])
	ticks, err2 := strconv.ParseUint(fields[start], 10, 64)
	return stat{state: fields[state][0], session: sid, start: ticks}, errors.Join(err, err2)
}

// identify takes down who process pid is.
func identify(pid int, boot string) (process, error) {
	s, err := readStat(pid)
	if err != nil {
		return process{}, fmt.Errorf("identify process %d: %w", pid, err)
	}
	return process{PID: pid, Start: s.start, Boot: boot}, nil
}

// look returns the state letter of the process, false when it is gone.
// A zombie is gone, and so is one whose number belongs to a stranger now.
func (p process) look(boot string) (state byte, alive bool) {
	if p.PID <= 1 || p.Boot != boot { // 0 and -1 would mean "our group" and "everyone" to kill(2)
		return 0, false
	}
	s, err := readStat(p.PID)
	if err != nil || s.start != p.Start || strings.IndexByte("ZXx", s.state) >= 0 {
		return 0, false
	}
	return s.state, true
}

// signalGroup signals the process and those in its group, if it is still the
// one we started. The number can't have gone to another group in between: that
// takes the end of every process in the group and a full turn of the numbers.
func (p process) signalGroup(boot string, signals ...unix.Signal) error {
	for _, s := range signals {
		if _, alive := p.look(boot); !alive {
			return nil
		}
		if err := unix.Kill(-p.PID, s); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("send %s to process group %d: %w", unix.SignalName(s), p.PID, err)
		}
	}
	return nil
}

// marked is a process that carries the marks of an instance of ours.
type marked struct {
	process
	leader bool // of its session: the worker itself
	fleet  string
	token  string
}

// survey finds all processes that carry the marks of this state folder, by
// instance. It reads every process's environment: not for each tick.
func survey(home, boot string) (map[fleet.ID][]marked, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("look for worker processes: %w", err)
	}
	found := map[fleet.ID][]marked{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid <= 1 || pid == os.Getpid() {
			continue
		}
		if id, m, ours := inspect(pid, home, boot); ours {
			found[id] = append(found[id], m)
		}
	}
	return found, nil
}

// inspect reads one process's marks, between two looks at its start time: they
// are of one and the same process.
func inspect(pid int, home, boot string) (fleet.ID, marked, bool) {
	before, err := readStat(pid)
	if err != nil || before.state == 'Z' {
		return "", marked{}, false
	}
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ") // others' are not readable: not ours
	if err != nil || !bytes.Contains(text, []byte(envHome+"="+home+"\x00")) {
		return "", marked{}, false
	}
	after, err := readStat(pid)
	env := strings.Split(string(text), "\x00")
	id := lookup(env, envInstance)
	if err != nil || after.start != before.start || !instanceID.MatchString(id) {
		return "", marked{}, false
	}
	return fleet.ID(id), marked{
		process: process{PID: pid, Start: after.start, Boot: boot},
		leader:  after.session == pid,
		fleet:   lookup(env, envFleet),
		token:   lookup(env, envOrder),
	}, true
}

func lookup(env []string, key string) string {
	i := slices.IndexFunc(env, func(kv string) bool { return strings.HasPrefix(kv, key+"=") })
	if i < 0 {
		return ""
	}
	return env[i][len(key)+1:]
}

// signal signals just this process. The pidfd is taken before the look, so
// that what was looked at is what gets the signal.
func (p process) signal(boot string, s unix.Signal) error {
	fd, err := unix.PidfdOpen(p.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open process %d: %w", p.PID, err)
	}
	defer func() { _ = unix.Close(fd) }()
	if _, alive := p.look(boot); !alive {
		return nil
	}
	if err := unix.PidfdSendSignal(fd, s, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("send %s to process %d: %w", unix.SignalName(s), p.PID, err)
	}
	return nil
}

func bootID() (string, error) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(text)), err
}
