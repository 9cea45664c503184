package bundle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"time"
)

// lost is after what time a worker that took a turn and was not heard of since
// counts as badly served.
const lost = 30 * time.Minute

// holdEvery is how often a worker that has a turn says that it uses it: five of these
// may fail.
const holdEvery = lost / 6

// Note is what a worker says of a version.
type Note struct {
	Worker string    `json:"worker"`
	At     time.Time `json:"at"`
	Why    string    `json:"why,omitempty"`
}

// Rollout is how far a version has come.
type Rollout struct {
	Turns map[string]Note // by their names: who takes it right now
	Good  []Note
	Bad   []Note
}

// Stopped reports whether nobody else may take the version.
func (r Rollout) Stopped(s Statement) bool { return len(r.Bad) >= s.AtOnce }

func rolloutOf(version string) string { return path.Join("rollout", version) }

func noteName(version, what, worker string) string {
	return path.Join(rolloutOf(version), what+"-"+odd.ReplaceAllString(worker, "_"))
}

// odd is what is not put into names of objects.
var odd = regexp.MustCompile(`[^0-9A-Za-z-]`)

// Look reads how far a version has come.
func Look(ctx context.Context, p Place, version string) (Rollout, error) {
	r := Rollout{Turns: map[string]Note{}}
	names, err := p.List(ctx, rolloutOf(version))
	if err != nil {
		return r, fmt.Errorf("see who takes version %s: %w", version, err)
	}
	for _, name := range names {
		if path.Ext(name) == ".tmp" {
			continue // being written, in a folder
		}
		var n Note
		body, err := p.Get(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // gone since
		}
		if err != nil {
			return r, fmt.Errorf("see who takes version %s: %w", version, err)
		}
		_ = json.Unmarshal(body, &n) // a note that cannot be read still counts
		switch what, _, _ := strings.Cut(path.Base(name), "-"); what {
		case "turn":
			r.Turns[name] = n
		case "good":
			r.Good = append(r.Good, n)
		case "bad":
			r.Bad = append(r.Bad, n)
		}
	}
	return r, nil
}

// take takes one of the version's turns. False: all are taken, or it is stopped; why
// says which.
func take(ctx context.Context, p Place, s Statement, worker string, now time.Time) (turn, why string, err error) {
	r, err := Look(ctx, p, s.Version)
	if err != nil {
		return "", "", err
	}
	if r.Stopped(s) {
		return "", fmt.Sprintf("version %s has served %d workers badly and is not taken any more: %s", s.Version, len(r.Bad), r.Bad[0].Why), nil
	}
	for name, n := range r.Turns {
		if n.Worker == worker {
			return name, "", nil // ours, from before a crash
		}
		if !n.At.IsZero() && now.Sub(n.At) > lost { // of one that cannot be read nothing is known
			if err := expire(ctx, p, s.Version, name, n, now); err != nil {
				return "", "", err
			}
		}
	}
	body, err := json.Marshal(Note{Worker: worker, At: now.UTC()})
	if err != nil {
		return "", "", err
	}
	for i := range s.AtOnce {
		name := path.Join(rolloutOf(s.Version), fmt.Sprintf("turn-%d", i+1))
		won, err := p.Create(ctx, name, body)
		if err != nil {
			return "", "", fmt.Errorf("take a turn for version %s: %w", s.Version, err)
		}
		if won {
			return name, "", nil
		}
	}
	return "", fmt.Sprintf("version %s: %d others are taking it", s.Version, s.AtOnce), nil
}

// renew says anew that a turn is used, by whoever has it.
func renew(ctx context.Context, p Place, turn string, now time.Time) (err error) {
	body, err := p.Get(ctx, turn)
	if err != nil {
		return err
	}
	var n Note
	if err := json.Unmarshal(body, &n); err != nil {
		return fmt.Errorf("%s cannot be read: %w", turn, err)
	}
	n.At = now.UTC()
	if body, err = json.Marshal(n); err != nil {
		return err
	}
	draft, err := os.CreateTemp("", "skynet-turn-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(draft.Name())) }()
	_, err = draft.Write(body)
	if err = errors.Join(err, draft.Close()); err != nil {
		return err
	}
	return p.Put(ctx, turn, draft.Name())
}

// expire ends the turn of a worker that was not heard of since.
func expire(ctx context.Context, p Place, version, turn string, n Note, now time.Time) error {
	return settle(ctx, p, version, "bad", turn, Note{Worker: n.Worker, At: now.UTC(), Why: "took it and was not heard of again"})
}

// settle says how a version served a worker, unless that is not known, and gives its
// turn to the next.
func settle(ctx context.Context, p Place, version, how, turn string, n Note) error {
	body, err := json.Marshal(n)
	if err != nil {
		return err
	}
	if how != "" {
		if _, err := p.Create(ctx, noteName(version, how, n.Worker), body); err != nil {
			return fmt.Errorf("say how version %s does: %w", version, err)
		}
	}
	if turn == "" {
		return nil
	}
	if err := p.Remove(ctx, turn); err != nil {
		return fmt.Errorf("give the turn for version %s back: %w", version, err)
	}
	return nil
}
