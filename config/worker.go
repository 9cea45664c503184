package config

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/goccy/go-yaml"

	"skynet/config/strict"
)

// Worker is worker.yaml, the agent's settings.
type Worker struct {
	Fleet       string          `yaml:"fleet" strict:"required" doc:"fleet that the worker belongs to"`
	Metadata    string          `yaml:"metadata" doc:"instance metadata endpoint (http://169.254.169.254)"`
	Queues      []Queue         `yaml:"queues,omitempty" doc:"queues to receive from"`
	Heartbeats  string          `yaml:"heartbeats" strict:"required" doc:"queue to report to, nats://host:port/NAME or https://sqs.REGION.amazonaws.com/ACCOUNT/NAME"`
	NATS        NATS            `yaml:"nats" doc:"how to get into NATS"`
	Stores      []string        `yaml:"stores,omitempty" doc:"folders and buckets to read from and write to, as file:///… and s3://BUCKET/FOLDER URLs"`
	Outputs     string          `yaml:"outputs" doc:"folder in one of the stores for items that do not name one, such as event notifications of S3; what is made of s3://BUCKET/KEY goes to BUCKET/KEY below it"`
	Slots       int             `yaml:"slots" strict:"min=1" doc:"items worked on at once (number of CPUs)"`
	Scratch     string          `yaml:"scratch" doc:"folder for files in the making (skynet-worker in the system's temporary folder)"`
	Heartbeat   strict.Duration `yaml:"heartbeat" doc:"how often to report (15s)"`
	Poll        strict.Duration `yaml:"poll" doc:"how often the metadata is asked whether to drain (5s)"`
	Grace       strict.Duration `yaml:"grace" doc:"longest time that items in hand may take when asked to stop; 0 is no limit (0)"`
	WhileParent bool            `yaml:"while_parent" doc:"stop when the process that started the worker ends (false)"`
	Log         Log             `yaml:"log" doc:"what is logged and how"`
}

// NATS is how to get into a NATS server.
type NATS struct {
	TokenFile string `yaml:"token_file" doc:"file that holds the token"`
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
