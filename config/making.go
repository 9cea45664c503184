package config

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"skynet/config/strict"
)

// Making is what workers are told of their work: in worker.yaml, and under local of
// skynet.yaml for the workers of this machine.
type Making struct {
	Recipes  string     `yaml:"recipes,omitempty" doc:"recipes file: what can be made of items (the built-in ones)"`
	Outputs  string     `yaml:"outputs,omitempty" doc:"folder in one of the stores for items that do not name one, such as event notifications of S3; what is made of s3://BUCKET/KEY goes to BUCKET/KEY below it"`
	Results  string     `yaml:"results,omitempty" doc:"queue that is told of each item that is done or has failed, nats://host:port/NAME or https://sqs.REGION.amazonaws.com/ACCOUNT/NAME (nobody)"`
	Database Database   `yaml:"database,omitempty" doc:"database that gets a row for each item and each output (none)"`
	Limits   ItemLimits `yaml:"limits,omitempty" doc:"what one item may use"`
	Confined bool       `yaml:"confined,omitempty" doc:"refuse to start where the kernel lacks a part of what locks programs up that work on items (false: say so and go on)"`
}

// Database is where rows go.
type Database struct {
	URL     string `yaml:"url,omitempty" doc:"postgres://USER@HOST:5432/NAME or sqlite:///absolute/file.db"`
	URLFile string `yaml:"url_file,omitempty" doc:"file that holds the URL, where it has a password in it"`
}

// ItemLimits are what one item may use.
type ItemLimits struct {
	Time   strict.Duration `yaml:"time,omitempty" doc:"so long its work may take, downloads and uploads left out (1h)"`
	Memory strict.Size     `yaml:"memory,omitempty" doc:"so much memory each program that works on it may use (2GiB)"`
	Disk   strict.Size     `yaml:"disk,omitempty" doc:"so much its files may take in scratch together (20GiB)"`
	Pixels int             `yaml:"pixels,omitempty" strict:"min=1" doc:"so many its picture may have, width times height (100000000)"`
}

// Defaults of the limits.
func (l *ItemLimits) Defaults() {
	l.Time, l.Memory, l.Disk, l.Pixels = strict.Duration(time.Hour), 2<<30, 20<<30, 100_000_000
}

// Validate wants time to work in.
func (l *ItemLimits) Validate(r *strict.Report) {
	between(r, "time", l.Time, time.Second, 7*24*time.Hour)
}

// Validate wants one URL of a database that is known.
func (d *Database) Validate(r *strict.Report) {
	switch {
	case d.URL != "" && d.URLFile != "":
		r.Bad("url_file", d.URLFile, "stands beside url; give one of them")
	case d.URL != "":
		if err := CheckDatabase(d.URL); err != nil {
			r.Bad("url", d.URL, "%s", err)
		}
	case d.URLFile != "":
		regularFile(r, "url_file", d.URLFile)
	}
}

// CheckDatabase refuses what is not the URL of a database. Its errors follow the
// value in a message.
func CheckDatabase(s string) error {
	u, err := url.Parse(s)
	switch {
	case err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") && u.Host != "":
		return nil
	case err == nil && u.Scheme == "sqlite" && u.Host == "" && filepath.IsAbs(u.Path):
		return nil
	}
	return fmt.Errorf("is not the URL of a database; write postgres://USER@HOST:5432/NAME or sqlite:///absolute/file.db")
}

// Read is the database's URL, "" if there is none.
func (d Database) Read() (string, error) {
	if d.URLFile == "" {
		return d.URL, nil
	}
	text, err := os.ReadFile(d.URLFile)
	if err != nil {
		return "", fmt.Errorf("read the database's URL: %w", err)
	}
	s := strings.TrimSpace(string(text))
	if err := CheckDatabase(s); err != nil {
		return "", fmt.Errorf("what %s holds %w", d.URLFile, err)
	}
	return s, nil
}

// making checks what is common to both files.
func (m *Making) making(r *strict.Report, stores []string) {
	if m.Recipes != "" {
		regularFile(r, "recipes", m.Recipes)
	}
	m.outputs(r, stores)
}

func regularFile(r *strict.Report, key, path string) {
	switch info, err := os.Stat(r.Beside(path)); {
	case err != nil:
		r.Bad(key, path, "is not there (%s); write the file or correct the path", r.Beside(path))
	case !info.Mode().IsRegular():
		r.Bad(key, path, "is not a file; name the file itself")
	}
}

// outputs wants a folder of a store, but not a whole one: what lies in it is not
// worked on again.
func (m *Making) outputs(r *strict.Report, stores []string) {
	if m.Outputs == "" || !r.Sound("outputs", "stores") {
		return
	}
	if err := checkStore(m.Outputs); err != nil || strings.Contains(m.Outputs, "?") {
		r.Bad("outputs", m.Outputs, "is not a folder of a store; write it like s3://BUCKET/results/ or file:///absolute/folder/results")
		return
	}
	folder := strings.TrimSuffix(m.Outputs, "/") + "/"
	if !slices.ContainsFunc(stores, func(s string) bool {
		s, _, _ = strings.Cut(s, "?")
		return strings.HasPrefix(folder, strings.TrimSuffix(s, "/")+"/")
	}) {
		r.Bad("outputs", m.Outputs, "lies in none of the stores; add its store, or write a folder of one of them")
	}
}

// sends checks the further queues of a worker, and where results go.
func (w *Worker) sends(r *strict.Report) {
	taken, names := map[Address]string{}, map[string]bool{}
	for i, q := range w.Queues {
		names[q.Name] = true
		if a, err := ParseAddress(q.URL); err == nil {
			taken[a] = fmt.Sprintf("queues[%d].url", i)
		}
	}
	if a, err := ParseAddress(w.Heartbeats); err == nil {
		taken[a] = "heartbeats"
	}
	for i, q := range w.Send {
		if names[q.Name] {
			r.Bad(fmt.Sprintf("send[%d].name", i), q.Name, "is the name of another queue already; give each its own; a queue under queues need not be named again")
		}
		names[q.Name] = true
		place(r, fmt.Sprintf("send[%d].url", i), q.URL, taken)
	}
	if w.Results != "" {
		place(r, "results", w.Results, taken)
	}
}

// sends checks that queues to send to are those of this file.
func (c *Config) sends(r *strict.Report) {
	known := make([]string, len(c.Queues))
	for i, q := range c.Queues {
		known[i] = q.Name
	}
	for i, f := range c.Fleets {
		if f.Local == nil {
			continue
		}
		for k, name := range f.Local.Send {
			if !slices.Contains(known, name) {
				fleetAt(r, i).Unknown(fmt.Sprintf("local.send[%d]", k), name, "a queue of this file", known)
			}
		}
		if f.Local.Results == "" {
			continue
		}
		if _, err := ParseAddress(f.Local.Results); err != nil {
			fleetAt(r, i).Bad("local.results", f.Local.Results, "%s", err)
		}
	}
}
