package config

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"aead.dev/minisign"
	"github.com/goccy/go-yaml"

	"skynet/config/strict"
)

// Worker is worker.yaml, the agent's settings.
type Worker struct {
	Fleet       string   `yaml:"fleet" strict:"required" doc:"fleet that the worker belongs to"`
	Metadata    string   `yaml:"metadata" doc:"instance metadata endpoint; off: the worker runs on no instance, has a name of its own and is drained by SIGTERM alone (http://169.254.169.254)"`
	Queues      []Queue  `yaml:"queues,omitempty" doc:"queues to receive from"`
	Heartbeats  string   `yaml:"heartbeats" strict:"required" doc:"queue to report to, nats://host:port/NAME or https://sqs.REGION.amazonaws.com/ACCOUNT/NAME; off: nobody"`
	NATS        NATS     `yaml:"nats" doc:"how to get into NATS"`
	Stores      []string `yaml:"stores,omitempty" doc:"folders and buckets to read from and write to, as file:///… and s3://BUCKET/FOLDER URLs"`
	Making      `yaml:",inline"`
	Send        []Queue         `yaml:"send,omitempty" doc:"further queues that recipes send items on to (then)"`
	Slots       int             `yaml:"slots" strict:"min=1" doc:"items worked on at once (number of CPUs)"`
	Scratch     string          `yaml:"scratch" doc:"folder for files in the making (skynet-worker in the system's temporary folder)"`
	Heartbeat   strict.Duration `yaml:"heartbeat" doc:"how often to report (15s)"`
	Poll        strict.Duration `yaml:"poll" doc:"how often the metadata is asked whether to drain (5s)"`
	Grace       strict.Duration `yaml:"grace" doc:"longest time that items in hand may take when asked to stop; 0 is no limit (0)"`
	WhileParent bool            `yaml:"while_parent" doc:"stop when the process that started the worker ends (false)"`
	Bundle      *Bundle         `yaml:"bundle,omitempty" doc:"versions of the worker that it takes by itself (none)"`
	Log         Log             `yaml:"log" doc:"what is logged and how"`
}

// Bundle is where a worker finds newer versions of itself.
type Bundle struct {
	From   string          `yaml:"from" strict:"required" doc:"where versions are published: s3://BUCKET/FOLDER or file:///FOLDER"`
	Key    string          `yaml:"key" strict:"required" doc:"public key of who may publish them, as skynet-worker bundle key prints it"`
	Folder string          `yaml:"folder" doc:"where they are kept on this machine (/var/lib/skynet-worker/bundles)"`
	Every  strict.Duration `yaml:"every" doc:"how often it looks for a newer one (1m)"`
	Proves strict.Duration `yaml:"proves" doc:"how long a new one must run without ending or failing its first items before it counts as good (1m)"`
}

// Defaults are right for an instance that does nothing else.
func (b *Bundle) Defaults() {
	b.Folder = "/var/lib/skynet-worker/bundles"
	b.Every, b.Proves = strict.Duration(time.Minute), strict.Duration(time.Minute)
}

// Validate wants addresses and a key that are ones.
func (b *Bundle) Validate(r *strict.Report) {
	if u, err := url.Parse(b.From); r.Sound("from") && (err != nil || u.Scheme != "s3" && u.Scheme != "file" || u.Scheme == "s3" && u.Host == "") {
		r.Bad("from", b.From, "is no place for bundles; write s3://BUCKET/FOLDER or file:///FOLDER")
	}
	if err := new(minisign.PublicKey).UnmarshalText([]byte(b.Key)); r.Sound("key") && err != nil {
		r.Bad("key", nil, "is not a public key; write what skynet-worker bundle key prints, like RWQf6LRCGA9i53ml…")
	}
	if r.Sound("folder") && !filepath.IsAbs(b.Folder) {
		r.Bad("folder", b.Folder, "is not an absolute path; write it like /var/lib/skynet-worker/bundles")
	}
	if r.Sound("every") && b.Every < strict.Duration(time.Second) {
		r.Bad("every", b.Every, "is too often; write at least 1s")
	}
	if r.Sound("proves") && b.Proves < strict.Duration(time.Second) {
		r.Bad("proves", b.Proves, "proves nothing; write at least 1s")
	}
}

// NATS is how to get into a NATS server.
type NATS struct {
	TokenFile string `yaml:"token_file" doc:"file that holds the token; a server of your own on this machine must run as the owner of this file, or as root, to be shown it"`
}

// Log is what is logged and how.
type Log struct {
	Level  string `yaml:"level" strict:"enum=debug|info|warn|error" doc:"(info)"`
	Format string `yaml:"format" strict:"enum=text|json" doc:"(text)"`
}

// Defaults are right for an instance that does nothing else.
func (w *Worker) Defaults() {
	w.Metadata = "http://169.254.169.254"
	w.Slots = runtime.NumCPU()
	w.Scratch = filepath.Join(os.TempDir(), "skynet-worker")
	w.Heartbeat = strict.Duration(15 * time.Second)
	w.Poll = strict.Duration(5 * time.Second)
	w.Limits.Defaults()
	w.Log = Log{Level: "info", Format: "text"}
}

// Marshal writes the settings as a file that LoadWorker reads back the same.
func (w Worker) Marshal() ([]byte, error) {
	// JSON's form of YAML, since goccy leaves out quotes that its parser needs ("? a").
	out, err := yaml.MarshalWithOptions(w, yaml.JSON())
	if err != nil {
		return nil, fmt.Errorf("write the worker's settings: %w", err)
	}
	return out, nil
}

// Write puts the settings into a file, whole or not at all: a worker may be
// reading it.
func (w Worker) Write(file string) error {
	out, err := w.Marshal()
	if err != nil {
		return err
	}
	fresh := file + ".new"
	if err := os.WriteFile(fresh, out, 0o600); err != nil {
		return fmt.Errorf("write the worker's settings: %w", err)
	}
	if err := os.Rename(fresh, file); err != nil {
		return fmt.Errorf("write the worker's settings: %w", err)
	}
	return nil
}
