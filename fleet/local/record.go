//go:build linux

package local

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"skynet/fleet"
)

const (
	stateFile  = "instances.json"
	version    = 1
	remembered = time.Hour // an order sent again within this time launches nothing twice
	recordsMax = 10_000    // more are refused: the memory of tokens is bounded, and never cut short
)

var (
	fleetName  = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	instanceID = regexp.MustCompile(`^i-[0-9a-f]{17}$`)
)

// record is all that is known of one instance. It is written before the
// process is started (without Process), and again when it runs.
type record struct {
	ID    fleet.ID          `json:"id"`
	Fleet string            `json:"fleet"`
	Token string            `json:"token"` // of the order that launched it
	Type  string            `json:"type"`
	Zone  string            `json:"zone"`
	Spot  bool              `json:"spot,omitzero"`
	Tags  map[string]string `json:"tags"`

	Process process `json:"process,omitzero"` // zero while it is only intended

	Launched time.Time `json:"launched"`
	Stopped  time.Time `json:"stopped,omitzero"` // when it went to sleep, zero unless asleep
	Woken    time.Time `json:"woken,omitzero"`
	Leaving  time.Time `json:"leaving,omitzero"` // when it was told to end
	Ended    time.Time `json:"ended,omitzero"`
	Exit     string    `json:"exit,omitzero"` // how it ended
	Last     string    `json:"last,omitzero"` // the last line that it wrote, if it ended by itself

	Notice *notice `json:"notice,omitempty"`

	child  bool // of this very process, which learns how it ends
	reaped bool // of a child: how it ended is known
	swept  bool // nothing that carries its ID is left
	said   bool // that it ended is logged, or was asked for
}

// instanceIDOf names the index-th instance of an order as EC2 would. The same
// order always has the same instances.
func instanceIDOf(token string, index int) fleet.ID {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", token, index))
	return fleet.ID("i-" + hex.EncodeToString(sum[:])[:17])
}

func (r *record) started() bool { return r.Process.PID != 0 || !r.Ended.IsZero() }

func (r *record) instance(phase fleet.Phase) fleet.Instance {
	return fleet.Instance{
		ID: r.ID, Phase: phase, Type: r.Type, Zone: r.Zone, Spot: r.Spot, Tags: maps.Clone(r.Tags),
		Launched: r.Launched, Woken: r.Woken, Stopped: r.Stopped, Reason: r.reason(),
	}
}

// reason is why it ended, as EC2 would say of one of its own: that it was told to, or
// how it did by itself and what it said last.
func (r *record) reason() string {
	switch {
	case r.Ended.IsZero():
		return ""
	case !r.Leaving.IsZero():
		return strings.TrimSuffix("told to end: "+r.Exit, ": ")
	case r.Last == "":
		return r.Exit
	}
	return r.Exit + ", its last words: " + r.Last
}

// state is the file.
type state struct {
	Version   int       `json:"version"`
	Instances []*record `json:"instances"`
}

// load reads the file. A file that can't be read stops everything: without it
// orders would be launched twice.
func (f *Fleet) load() error {
	path := filepath.Join(f.dir, stateFile)
	removeLeftovers(path)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var s state
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("read %s: %w (running workers are found without it: move it away to go on without the memory of past orders)", path, err)
	}
	if s.Version != version {
		return fmt.Errorf("read %s: version %d, this program knows %d", path, s.Version, version)
	}
	for _, r := range s.Instances {
		if r == nil || !instanceID.MatchString(string(r.ID)) || r.Process.PID < 0 {
			return fmt.Errorf("read %s: an instance without a proper ID or process ID", path)
		}
		f.records[r.ID] = r
	}
	return nil
}

// save writes the file if anything changed. f.mu is held.
func (f *Fleet) save() error {
	if f.closed {
		return ErrClosed // the folder may be another's by now
	}
	if !f.dirty {
		return nil
	}
	s := state{Version: version, Instances: slices.SortedFunc(maps.Values(f.records), func(a, b *record) int {
		return strings.Compare(string(a.ID), string(b.ID))
	})}
	text, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return fmt.Errorf("write %s: %w", stateFile, err)
	}
	if err := writeFile(filepath.Join(f.dir, stateFile), text); err != nil {
		return err
	}
	f.dirty = false
	return nil
}

// forget drops instances that ended more than an hour ago, but only when all
// of their order did: as long as one lives, its order may be sent again.
// f.mu is held.
func (f *Fleet) forget() {
	now := f.now()
	needed := map[string]bool{}
	for _, r := range f.records {
		if r.Ended.IsZero() || !r.swept || now.Sub(r.Ended) < remembered {
			needed[r.Token] = true
		}
	}
	for id, r := range f.records {
		if !needed[r.Token] {
			delete(f.records, id)
			f.dirty = true
		}
	}
}

// writeFile replaces a file in one step that survives a loss of power: either
// the old text is there or the new one.
func writeFile(path string, text []byte) (err error) {
	t, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp") // with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(t.Name()))
		}
	}()
	_, err = t.Write(text)
	err = errors.Join(err, t.Sync(), t.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(t.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// removeLeftovers removes what a crash in the middle of writeFile left.
func removeLeftovers(path string) {
	old, _ := filepath.Glob(path + ".*.tmp")
	for _, name := range old {
		_ = os.Remove(name) // it is in nobody's way
	}
}
