package notify

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"
)

// kept is what outlives a restart: what was told and is not over, and pauses.
type kept struct {
	Troubles []Trouble        `json:"troubles"`
	Pauses   map[string]Pause `json:"pauses"`
}

// longestKept is how old a trouble may be that was seen last before a restart.
const longestKept = 7 * 24 * time.Hour

// restore reads what an earlier run had told. A file that cannot be read costs a
// message that is sent twice, or one that is not sent, and nothing else.
func (w *Watch) restore(file string, now time.Time) {
	w.begin()
	data, err := os.ReadFile(file)
	var k kept
	if file == "" || err != nil || json.Unmarshal(data, &k) != nil {
		return
	}
	for _, t := range k.Troubles {
		if t.Told && !t.Last.After(now) && now.Sub(t.Last) < longestKept {
			w.open[about{t.Fleet, t.Occasion, t.About}] = &t
		}
	}
	for name, p := range k.Pauses {
		w.pauses[name] = p
	}
}

// keep writes what has changed, as a whole or not at all.
func (w *Watch) keep(file string) {
	if !w.changed || file == "" {
		return
	}
	w.changed = false
	k := kept{Troubles: []Trouble{}, Pauses: w.pauses}
	for _, t := range w.open {
		if t.Told {
			k.Troubles = append(k.Troubles, *t)
		}
	}
	if replace(file, k) != nil {
		w.changed = true // again with the next one
	}
}

func replace(file string, k kept) error {
	data, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return err
	}
	draft, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".new*")
	if err != nil {
		return err
	}
	_, err = draft.Write(append(data, '\n'))
	if err = errors.Join(err, draft.Close()); err == nil {
		err = os.Rename(draft.Name(), file)
	}
	if err != nil {
		_ = os.Remove(draft.Name())
	}
	return err
}
