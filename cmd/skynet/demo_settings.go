package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"skynet/config"
)

// settings are those of the demo, as files that the user can look at, change,
// and hand to `skynet run`.
func (d *demo) settings() (config.Config, error) {
	if err := d.write("media.policy.yaml", fmt.Sprintf(`# As many workers as keep %[2]d waiting items each, none when there is nothing to do.
bounds: {min: 0, max: %[1]d}
policies:
  - {type: backlog, per_worker: %[2]d}
guards:
  release: {after: %[3]s}      # a day's fleet would wait for minutes before it shrinks
  launch: {per_tick: 2}
deadlines: {boot: 1m, silent: 20s, replace: 1m}
`, d.most, d.perWorker, 4*d.interval)); err != nil {
		return config.Config{}, err
	}
	worker := ""
	if d.worker != "" {
		path, err := filepath.Abs(d.worker)
		if err != nil {
			return config.Config{}, fmt.Errorf("--worker: %w", err)
		}
		worker = fmt.Sprintf("\n      worker: %q", path)
	}
	if err := d.write("skynet.yaml", fmt.Sprintf(`interval: %s
state_dir: %q
queues:
  - {name: media, url: "nats://embedded/media", visibility: 10s, tries: 3}
fleets:
  - name: render
    queues: [media]
    policy: media.policy.yaml
    local:%s
      slots: 1
      heartbeat: 1s
      stores: [%q, %q]
`, d.interval, filepath.Join(d.folder, "state"), worker, fileURL(d.mediaFolder()), fileURL(d.results()))); err != nil {
		return config.Config{}, err
	}
	return config.Load(filepath.Join(d.folder, "skynet.yaml"), nil)
}

func (d *demo) write(name, text string) error {
	if err := os.WriteFile(filepath.Join(d.folder, name), []byte(text), 0o644); err != nil {
		return fmt.Errorf("write the demo's settings: %w", err)
	}
	return nil
}

func (d *demo) results() string { return filepath.Join(d.folder, "results") }

// mediaFolder is where items come from: the user's own, or the demo's.
func (d *demo) mediaFolder() string {
	if d.media != "" {
		return d.media
	}
	return filepath.Join(d.folder, "media")
}

func fileURL(path string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
}
