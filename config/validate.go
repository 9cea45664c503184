package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"skynet/config/strict"
)

var (
	plainName  = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	dottedName = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$`)
	account    = regexp.MustCompile(`^[0-9]{12}$`)
	region     = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]+$`)
)

func fleetAt(r *strict.Report, i int) *strict.Report { return r.At(fmt.Sprintf("fleets[%d]", i)) }
func queueAt(r *strict.Report, i int) *strict.Report { return r.At(fmt.Sprintf("queues[%d]", i)) }

// Validate checks the daemon's settings as a whole.
func (c *Config) Validate(r *strict.Report) {
	between(r, "interval", c.Interval, time.Second, time.Hour)
	absolute(r, "state_dir", c.StateDir)
	c.listens(r)
	c.lease(r)
	addresses(r, c.Queues, c.Heartbeats)
	unique(r, "queues", len(c.Queues), "queue", func(i int) string { return c.Queues[i].Name })
	unique(r, "fleets", len(c.Fleets), "fleet", func(i int) string { return c.Fleets[i].Name })
	unique(r, "signals", len(c.Signals), "signal", func(i int) string { return c.Signals[i].Name })
	unique(r, "notify", len(c.Notify), "notify", func(i int) string { return c.Notify[i].Name })
	c.ownership(r)
	c.sends(r)
	c.priced(r)
	c.account(r)
	c.reachable(r)
}

// priced wants the prices that a limit in money is reckoned from.
func (c *Config) priced(r *strict.Report) {
	if c.Limits.Hourly == 0 {
		return
	}
	for i, f := range c.Fleets {
		if len(f.Prices) == 0 && r.Sound(fmt.Sprintf("fleets[%d].prices", i)) {
			fleetAt(r, i).Bad("", nil, "limits.hourly needs the prices of fleet %q; add prices: [{type: …, hourly: …}]", f.Name)
		}
	}
}

// Validate checks the account and the region's form.
func (a *AWS) Validate(r *strict.Report) {
	if a.Account != "" && !account.MatchString(a.Account) {
		r.Bad("account", a.Account, "is not an account number; write its twelve digits in quotes")
	}
	if a.Region != "" && !region.MatchString(a.Region) {
		r.Bad("region", a.Region, "is not a region; write it like eu-west-1")
	}
	if a.Orphans != 0 {
		between(r, "orphans", a.Orphans, 10*time.Second, 30*24*time.Hour)
	}
}

// Validate wants coarser records kept no shorter than finer ones: charts go
// over from one to the other.
func (j *Journal) Validate(r *strict.Report) {
	between(r, "details", j.Details, time.Hour, 3650*24*time.Hour)
	if r.Sound("details", "minutes") && j.Minutes < j.Details {
		r.Bad("minutes", j.Minutes, "must not be shorter than details (%s); raise minutes or lower details", j.Details)
	}
	if r.Sound("minutes", "hours") && j.Hours < j.Minutes {
		r.Bad("hours", j.Hours, "must not be shorter than minutes (%s); raise hours or lower minutes", j.Minutes)
	}
}

// Validate checks what a queue says of itself.
func (q *Queue) Validate(r *strict.Report) {
	named(r, q.Name, plainName, "photos_2")
	between(r, "visibility", q.Visibility, time.Second, 12*time.Hour)
}

// Validate checks what a fleet says of itself.
func (f *Fleet) Validate(r *strict.Report) {
	named(r, f.Name, plainName, "render")
	switch {
	case !r.Sound("local", "ec2"):
	case f.Local == nil && f.EC2 == nil:
		r.Bad("", nil, `fleet %q has nowhere to run; add local: {} for processes on this machine`, f.Name)
	case f.Local != nil && f.EC2 != nil:
		r.Bad("ec2", nil, "a fleet is either local or ec2; remove one, or make two fleets")
	}
	if len(f.Queues) == 0 && r.Sound("queues") {
		r.Bad("queues", nil, "fleet %q serves no queue; add queues: [name]", f.Name)
	}
	f.policy(r)
	unique(r, "prices", len(f.Prices), "type", func(i int) string { return f.Prices[i].Type })
}

func (f *Fleet) policy(r *strict.Report) {
	if f.Policy == "" {
		return
	}
	file := r.Beside(f.Policy)
	switch info, err := os.Stat(file); {
	case err != nil:
		r.Bad("policy", f.Policy, "is not there (%s); write the file or correct the path", file)
	case !info.Mode().IsRegular():
		r.Bad("policy", f.Policy, "is not a file; name the policy file itself")
	}
}

// Validate checks what a local fleet is given.
func (l *Local) Validate(r *strict.Report) {
	between(r, "heartbeat", l.Heartbeat, 100*time.Millisecond, time.Minute)
	stores(r, l.Stores)
	l.making(r, l.Stores)
	unique(r, "env", len(l.Env), "name", func(i int) string { return l.Env[i].Name })
	if l.Worker == "" {
		return
	}
	if info, err := os.Stat(r.Beside(l.Worker)); err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
		r.Bad("worker", l.Worker, "is not a program that can be run; correct the path, or leave worker out to use the one beside skynet or in PATH")
	}
}

// Validate checks the agent's settings as a whole.
func (w *Worker) Validate(r *strict.Report) {
	if w.Fleet != "" && !plainName.MatchString(w.Fleet) {
		r.Bad("fleet", w.Fleet, "is not a name; write small letters, digits and _, like render")
	}
	if w.Metadata != Off {
		endpoint(r, w.Metadata)
	}
	if len(w.Queues) == 0 && r.Sound("queues") {
		r.Bad("queues", nil, "no queue to receive from; add queues: [{name: photos, url: nats://host:port/photos}]")
	}
	if w.Heartbeats == Off {
		places(r, w.Queues, map[Address]string{})
	} else {
		addresses(r, w.Queues, w.Heartbeats)
	}
	w.remote(r)
	unique(r, "queues", len(w.Queues), "queue", func(i int) string { return w.Queues[i].Name })
	stores(r, w.Stores)
	w.making(r, w.Stores)
	w.sends(r)
	absolute(r, "scratch", w.Scratch)
	between(r, "heartbeat", w.Heartbeat, 100*time.Millisecond, time.Minute)
	between(r, "poll", w.Poll, 100*time.Millisecond, time.Minute)
}

// remote refuses embedded queues: the server is in the daemon, not in the agent.
func (w *Worker) remote(r *strict.Report) {
	const cure = "means a queue inside skynet; write the address at which skynet serves it, nats://host:port/NAME"
	for i, q := range w.Queues {
		if a, err := ParseAddress(q.URL); err == nil && a.Embedded() {
			queueAt(r, i).Bad("url", q.URL, cure)
		}
	}
	for i, q := range w.Send {
		if a, err := ParseAddress(q.URL); err == nil && a.Embedded() {
			r.Bad(fmt.Sprintf("send[%d].url", i), q.URL, cure)
		}
	}
	for key, value := range map[string]string{"heartbeats": w.Heartbeats, "results": w.Results} {
		if a, err := ParseAddress(value); err == nil && a.Embedded() {
			r.Bad(key, value, cure)
		}
	}
}

func (c *Config) lease(r *strict.Report) {
	if c.Lease != "" && !regexp.MustCompile(`^s3://[^/]+/.+`).MatchString(c.Lease) {
		r.Bad("lease", c.Lease, "is not a lease; leave it out for a file lock in state_dir, or write s3://bucket/key")
	}
}

func absolute(r *strict.Report, path, folder string) {
	if folder != "" && !filepath.IsAbs(folder) {
		r.Bad(path, folder, "is relative, and to what depends on who starts us; write a path that begins with /")
	}
	if folder == "" {
		r.Bad(path, nil, "is empty; write a path that begins with /")
	}
}

func named(r *strict.Report, name string, pattern *regexp.Regexp, like string) {
	if name != "" && !pattern.MatchString(name) {
		r.Bad("name", name, "is not a name; write small letters, digits and _, like %s", like)
	}
}

func between(r *strict.Report, path string, d strict.Duration, least, most time.Duration) {
	if d.Std() < least || d.Std() > most {
		r.Bad(path, d, "is out of bounds; write %s to %s", strict.Duration(least), strict.Duration(most))
	}
}
