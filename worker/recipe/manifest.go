package recipe

import "time"

// The names under which the worker writes beside the outputs, and where it keeps
// what the parts of a group have to tell each other.
const (
	ManifestName = "manifest.json" // written last: it is there when all outputs are
	FailedName   = "failed.json"   // why the last try failed
	PartsFolder  = ".parts"        // in the group's folder
)

// Manifest says what was made of an item, and of what. It lies beside the outputs.
type Manifest struct {
	Item     string     `json:"item"` // ID in its queue
	Batch    string     `json:"batch,omitempty"`
	Recipe   string     `json:"recipe,omitempty"`
	Digest   string     `json:"digest"` // of what was asked: equal digests ask for the same
	Folder   string     `json:"folder"` // URL of the folder it lies in
	Inputs   []Artifact `json:"inputs"`
	Outputs  []Artifact `json:"outputs"`
	Worker   string     `json:"worker"`
	Version  string     `json:"version,omitempty"` // of the worker's program
	Started  time.Time  `json:"started"`
	Finished time.Time  `json:"finished"`
	Seconds  float64    `json:"seconds"` // of slot time
	Tries    int        `json:"tries"`
}

// Artifact is one file of a manifest. What is not known of it is left out.
type Artifact struct {
	Name    string  `json:"name"`
	URL     string  `json:"url"`
	Type    string  `json:"type,omitempty"`
	Bytes   int64   `json:"bytes"`
	SHA256  string  `json:"sha256"`
	Width   int     `json:"width,omitempty"`
	Height  int     `json:"height,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
}

// Failure says why a try of an item failed. It lies where its outputs would be.
type Failure struct {
	Item   string    `json:"item"`
	Batch  string    `json:"batch,omitempty"`
	Recipe string    `json:"recipe,omitempty"`
	Digest string    `json:"digest,omitempty"` // where it was known
	Input  string    `json:"input,omitempty"`
	Folder string    `json:"folder,omitempty"`
	Reason string    `json:"reason"`
	Tries  int       `json:"tries"`
	Last   bool      `json:"last"` // no further try follows
	Worker string    `json:"worker"`
	At     time.Time `json:"at"`
}
