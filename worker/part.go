package worker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"skynet/worker/recipe"
)

// part is one task of an item, from its inputs to its manifest.
type part struct {
	media *Media
	try   Try
	task  Task

	folder string // scratch
	recipe recipe.Recipe
	limits recipe.Limits
	job    recipe.Job
	inputs []recipe.Artifact
	digest string // of what is asked for
	bytes  int64  // of the inputs

	stale bool            // a manifest of something else lies there
	made  []recipe.Made   // nil where it was made before
	said  recipe.Manifest // of what was made
	began time.Time
	took  time.Duration

	gone bool // the event's object is not there any more: nothing to do
	done Done
	err  error
}

// step does one step, unless there is nothing more to do.
func (p *part) step(ctx context.Context, do func(context.Context) error) {
	if p.err != nil || p.gone {
		return
	}
	err := do(ctx)
	if err == nil {
		err = ctx.Err() // what was lost meanwhile is somebody else's to go on with
	}
	if p.task.event && p.inputs == nil && errors.Is(err, fs.ErrNotExist) && p.laid() {
		p.gone, p.done = true, Done{Idle: p.task.Input + " is gone again"}
		return
	}
	if err != nil {
		p.err = &TaskError{Task: p.task, Recipe: p.recipe.Name, Digest: p.digest, Err: plainly(err)}
	}
}

// laid reports whether the scratch folder is there: where it is not, that is what is
// missing, and says nothing of the input.
func (p *part) laid() bool {
	_, err := os.Stat(p.job.Folder)
	return err == nil
}

// plainly puts what the system says of a full disk into words.
func plainly(err error) error {
	if noRoom(err) {
		return fmt.Errorf("the worker's disk is full: %w", err)
	}
	return err
}

// open fetches the inputs and finds out what is to be made of them, and whether it
// was made before.
func (p *part) open(ctx context.Context) (err error) {
	if p.task.Recipe != "" {
		if err := p.find(p.task.Recipe); err != nil {
			return err // before anything is fetched
		}
	}
	if p.folder, err = os.MkdirTemp(p.media.scratch, "item-"); err != nil {
		return fmt.Errorf("make a scratch folder: %w", err)
	}
	p.job = recipe.Job{Inputs: map[string]string{}, Folder: filepath.Join(p.folder, "made"), Values: p.values(), Item: p.try.Body}
	if err := os.Mkdir(p.job.Folder, 0o700); err != nil {
		return fmt.Errorf("make a scratch folder: %w", err)
	}
	return p.watched(ctx, p.media.Limits.Disk, func(ctx context.Context) error {
		if err := p.fetch(ctx, recipe.Main, p.task.Input); err != nil {
			return fmt.Errorf("input: %w", err)
		}
		if err := p.resolve(); err != nil {
			return err
		}
		if err := p.fetchMore(ctx); err != nil {
			return err
		}
		if p.digest, err = p.reckon(); err != nil {
			return err
		}
		return p.look(ctx)
	})
}

// values are those of the item, and the input's name where the item gives none.
func (p *part) values() map[string]string {
	all := map[string]string{"name": "input"}
	if u, err := url.Parse(p.task.Input); err == nil {
		if base := path.Base(u.Path); base != "." && base != "/" {
			all["name"] = strings.Map(plainRune, strings.TrimSuffix(base, path.Ext(base)))
		}
	}
	maps.Copy(all, p.task.Values)
	return all
}

// plainRune leaves out of a name what names of outputs may not hold.
func plainRune(r rune) rune {
	if r < ' ' || r == 0x7f || strings.ContainsRune(`*?[\/`, r) {
		return '_'
	}
	return r
}

// fetch brings one input. It gets a name of ours and no extension: what it claims to
// be must not decide how it is read. What is named twice is fetched once.
func (p *part) fetch(ctx context.Context, name, from string) error {
	for _, known := range p.inputs {
		if known.URL == from {
			p.job.Inputs[name] = p.job.Inputs[known.Name]
			known.Name = name
			p.inputs = append(p.inputs, known)
			return nil
		}
	}
	file := filepath.Join(p.folder, fmt.Sprintf("input-%d", len(p.inputs)))
	n, err := p.media.stores.Fetch(ctx, from, file)
	if err != nil {
		return err
	}
	sum, err := checksum(file)
	if err != nil {
		return fmt.Errorf("read %s: %w", from, err)
	}
	p.job.Inputs[name] = file
	p.bytes += n
	p.inputs = append(p.inputs, recipe.Artifact{Name: name, URL: from, Bytes: n, SHA256: sum})
	return nil
}

func checksum(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// fetchMore brings the further inputs, and what steps name by a URL.
func (p *part) fetchMore(ctx context.Context) error {
	for _, name := range names(p.task.Inputs) {
		if err := p.fetch(ctx, name, p.task.Inputs[name]); err != nil {
			return fmt.Errorf("input %s: %w", name, err)
		}
	}
	for _, from := range recipe.Resources(p.job.Outputs) {
		if err := p.fetch(ctx, from, from); err != nil {
			return fmt.Errorf("a picture that a step names: %w", err)
		}
	}
	return nil
}

// resolve finds what is to be made, now that the input can be looked at.
func (p *part) resolve() error {
	switch {
	case p.task.Outputs != nil:
		outputs, err := recipe.ReadOutputs(p.task.Outputs)
		if err != nil {
			return err
		}
		p.recipe = recipe.Recipe{Outputs: outputs}
	case p.task.Recipe == "":
		if err := p.match(); err != nil {
			return err
		}
	}
	if err := p.fitsRecipe(); err != nil {
		return err
	}
	p.limits = p.media.Limits.And(p.recipe.Limits)
	p.job.Limits = p.limits
	for _, o := range p.recipe.Outputs {
		o, err := o.Named(p.job.Values)
		if err != nil {
			return err
		}
		if p.media.makers[o.Medium()] == nil {
			return fmt.Errorf("output %s: this worker has nothing that makes it by %s", o.Name, o.Medium())
		}
		p.job.Outputs = append(p.job.Outputs, o)
	}
	return recipe.Distinct(p.job.Outputs)
}

func (p *part) find(name string) error {
	r, ok := p.media.Book.Find(name)
	if !ok {
		return fmt.Errorf("there is no recipe %q (known: %s)", name, strings.Join(p.media.Book.Names(), ", "))
	}
	p.recipe = r
	return nil
}

// match finds the first recipe that fits.
func (p *part) match() error {
	var ok bool
	if p.recipe, ok = p.media.Book.Fitting(p.task.Input, p.task.Kind); ok {
		return nil
	}
	kind := p.task.Kind
	if kind == "" {
		var err error
		if kind, err = sniff(p.job.Inputs[recipe.Main], p.task.Input); err != nil {
			return err
		}
	}
	if p.recipe, ok = p.media.Book.Fitting(p.task.Input, kind); ok {
		return nil
	}
	return fmt.Errorf("no recipe fits %s of kind %s; name one", p.task.Input, kind)
}

// fitsRecipe checks that the item gives what its recipe needs.
func (p *part) fitsRecipe() error {
	var missing []string
	for _, name := range p.recipe.Inputs {
		if p.task.Inputs[name] == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("recipe %s needs more inputs: %s is missing in the item's inputs", p.recipe.Name, strings.Join(missing, ", "))
	}
	return p.fitsGroup()
}

// reckon is the digest of what is asked for.
func (p *part) reckon() (string, error) {
	asked, err := json.Marshal(struct {
		Recipe  string
		Outputs []recipe.Output
		Input   string
		Inputs  map[string]string
		Values  map[string]string
		Folder  string
	}{p.recipe.Name, p.job.Outputs, p.task.Input, p.task.Inputs, p.job.Values, p.task.Output})
	if err != nil {
		return "", fmt.Errorf("write what is asked for: %w", err)
	}
	return digestOf(asked), nil
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// look finds out whether it was made before, of the same inputs. What cannot be read
// was not made: to make it again does no harm.
func (p *part) look(ctx context.Context) error {
	body, err := p.media.stores.Read(ctx, p.beside(recipe.ManifestName), maxSmall)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	p.stale = true
	var m recipe.Manifest
	if json.Unmarshal(body, &m) != nil || m.Digest != p.digest || !sameContent(m.Inputs, p.inputs) || len(m.Outputs) == 0 {
		return nil //nolint:nilerr // err is nil here
	}
	for _, o := range m.Outputs {
		if n, err := p.media.stores.Size(ctx, o.URL); err != nil || n != o.Bytes {
			return nil //nolint:nilerr // somebody has removed it
		}
	}
	p.stale, p.said = false, m
	return nil
}

func sameContent(a, b []recipe.Artifact) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Name != b[i].Name || a[i].SHA256 != b[i].SHA256 {
			return false
		}
	}
	return true
}

// finished reports whether it was made before.
func (p *part) finished() bool { return p.said.Digest != "" }

// beside is the URL of a name of ours in the folder of the outputs.
func (p *part) beside(name string) string { return join(p.task.Output, name) }

func join(folder, name string) string { return strings.TrimSuffix(folder, "/") + "/" + name }
