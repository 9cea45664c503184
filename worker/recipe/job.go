package recipe

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
