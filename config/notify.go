package config

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"skynet/config/strict"
)

// Notify is one place where is told what a person should know.
type Notify struct {
	Name      string   `yaml:"name" strict:"required" doc:"name in the log and in metrics"`
	Webhook   string   `yaml:"webhook" doc:"address that a JSON document is posted to; its text key is what Slack and its kin show"`
	Command   []string `yaml:"command" doc:"program, by its whole path, and its arguments; the same document is on its standard input"`
	TokenFile string   `yaml:"token_file" doc:"file that holds a bearer token for the webhook, read anew each time"`
	On        []string `yaml:"on" doc:"of breaker, budget, objective, versions, blind, failed and pause (all of them)"`
}

// Occasions are what can be told of, as notify.on names them.
var Occasions = []string{"breaker", "budget", "objective", "versions", "blind", "failed", "pause"}

// Telemetry is where traces go.
type Telemetry struct {
	Endpoint string `yaml:"endpoint" strict:"required" doc:"address of an OpenTelemetry collector that speaks OTLP over HTTP, like http://127.0.0.1:4318"`
}

// Validate wants one way to tell, and occasions that there are.
func (n *Notify) Validate(r *strict.Report) {
	named(r, n.Name, plainName, "oncall")
	switch hook, program := n.Webhook != "", len(n.Command) > 0; {
	case !r.Sound("webhook", "command"):
	case hook && program:
		r.Bad("command", nil, "stands beside webhook; remove one of them, or make two entries")
	case !hook && !program:
		r.Bad("", nil, "has nowhere to go; add webhook: https://… or command: [/path/of/a/program]")
	}
	n.where(r)
	for i, on := range n.On {
		if !slices.Contains(Occasions, on) {
			r.Bad("on", on, "is no occasion; write some of %s, or leave on out for all", strings.Join(Occasions, ", "))
		} else if slices.Contains(n.On[:i], on) {
			r.Bad("on", on, "is there twice; remove one")
		}
	}
}

// where checks the webhook or the command. The address is never shown: Slack's is a
// secret as a whole.
func (n *Notify) where(r *strict.Report) {
	if u, err := url.Parse(n.Webhook); n.Webhook != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		r.Bad("webhook", nil, "is not the address of something served over HTTP; write it like https://hooks.example.com/services/…")
	}
	if len(n.Command) > 0 && !filepath.IsAbs(n.Command[0]) {
		r.Bad("command", n.Command[0], "is found in a PATH that may be another tomorrow; write the whole path of the program")
	}
	if n.TokenFile != "" && n.Webhook == "" && r.Sound("webhook") {
		r.Bad("token_file", n.TokenFile, "is for a webhook; remove it")
		return
	}
	token(r, n.TokenFile)
}

// Validate checks where traces go.
func (t *Telemetry) Validate(r *strict.Report) {
	u, err := url.Parse(t.Endpoint)
	switch {
	case t.Endpoint == "":
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		r.Bad("endpoint", nil, "is not an address; write it like http://127.0.0.1:4318")
	case u.User != nil:
		r.Bad("endpoint", t.Endpoint, "holds a secret; have a collector on this machine that knows it")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		r.Bad("endpoint", t.Endpoint, "has more than the collector's address; write it like http://127.0.0.1:4318, without /v1/traces")
	}
}
