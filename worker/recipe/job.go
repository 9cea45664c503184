package recipe

import (
	"fmt"
	"slices"
	"strings"
)

// Job is what a maker is asked for: outputs of one medium of one item, all at
// once, so that a source is decoded once for all of them.
type Job struct {
	Outputs []Output          // in order; the From of each is in Inputs or is the name of one before it
	Inputs  map[string]string // files by the names that steps and From use; Main is the item's own
	Folder  string            // where outputs are written, under their names; it exists
	Values  map[string]string // what {name} stands for in texts
	Item    []byte            // the item as it was sent, for commands
	Limits  Limits            // zero: the maker's own
}

// Source is the file that an output is made of.
func (j Job) Source(o Output) string {
	if o.From == "" {
		return j.Inputs[Main]
	}
	return j.Inputs[o.From]
}

// Made is a file that was made. What is not known of it is zero.
type Made struct {
	Name    string  `json:"name"` // below the job's folder, with slashes
	Type    string  `json:"type"` // media type, like image/jpeg
	Width   int     `json:"width,omitempty"`
	Height  int     `json:"height,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
}

// And are the limits that keep to both: none of o can raise what l sets.
func (l Limits) And(o Limits) Limits {
	return Limits{
		Time: Tighter(l.Time, o.Time), Memory: Tighter(l.Memory, o.Memory),
		Disk: Tighter(l.Disk, o.Disk), Pixels: Tighter(l.Pixels, o.Pixels),
	}
}

// Tighter is the smaller of two limits, of which zero is none.
func Tighter[T ~int | ~int64](a, b T) T {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// Named is the output with values put into its name and its source's.
func (o Output) Named(values map[string]string) (Output, error) {
	for _, text := range []*string{&o.Name, &o.From} {
		done, err := Expand(*text, values)
		if err != nil {
			return o, fmt.Errorf("output %s: %w", o.Name, err)
		}
		*text = done
	}
	if why := badName(o.Name, o.Command != nil); why != "" {
		return o, fmt.Errorf("output %q %s", o.Name, why)
	}
	return o, nil
}

// Distinct wants a name of its own for each output, once values are put in.
func Distinct(outputs []Output) error {
	seen := map[string]bool{}
	for _, o := range outputs {
		if seen[o.Name] {
			return fmt.Errorf("two outputs are named %s", o.Name)
		}
		seen[o.Name] = true
	}
	return nil
}

// Resources are the URLs of pictures that steps name, each once. Their files are
// among a job's inputs under these URLs.
func Resources(outputs []Output) (urls []string) {
	add := func(image string) {
		if strings.Contains(image, "://") && !slices.Contains(urls, image) {
			urls = append(urls, image)
		}
	}
	for _, o := range outputs {
		for _, s := range o.Image {
			if w, ok := s.Spec.(*Watermark); ok {
				add(w.Image)
			}
		}
		for _, s := range o.Audio {
			if c, ok := s.Spec.(*Cover); ok {
				add(c.Image)
			}
		}
	}
	return urls
}

// Reserved reports whether a name in an item's folder is the worker's own.
func Reserved(name string) bool {
	return slices.Contains(reserved, name) || name == PartsFolder || strings.HasPrefix(name, PartsFolder+"/")
}
