package config

import (
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"skynet/config/strict"
)

// reserved are the groups of the catalogue's signals, in which no user's own may
// live: a signal of a later version would take its name.
var reserved = []string{"queue", "queues", "work", "fleet", "forecast", "calendar", "decision", "cost"}

// Validate wants a name of its own and one source.
func (s *Signal) Validate(r *strict.Report) {
	named(r, s.Name, dottedName, "upload.cpu")
	if group, _, _ := strings.Cut(s.Name, "."); slices.Contains(reserved, group) && r.Sound("name") {
		r.Bad("name", s.Name, "is in a group of the catalogue (%s.…); choose another first word, like my.%s", group, s.Name)
	}
	sources := 0
	for _, there := range []bool{s.CloudWatch != nil, s.Prometheus != nil, s.HTTPJSON != nil} {
		if there {
			sources++
		}
	}
	switch {
	case !r.Sound("cloudwatch", "prometheus", "http_json"):
	case sources == 0:
		r.Bad("", nil, "signal %q has no source; add cloudwatch: {namespace: …, metric: …, statistic: …}, prometheus: {url: …, query: …} or http_json: {url: …, field: …}", s.Name)
	case sources > 1:
		r.Bad("", nil, "signal %q has %d sources; leave one of them", s.Name, sources)
	}
}

// Validate checks where a query goes.
func (p *Prometheus) Validate(r *strict.Report) {
	address(r, p.URL, "http://prometheus:9090")
	if u, err := url.Parse(p.URL); err == nil && (u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), "/api/v1")) && r.Sound("url") {
		r.Bad("url", p.URL, "has more than the server's address; write it like http://prometheus:9090, without /api/v1")
	}
	token(r, p.TokenFile)
	p.Rhythm.validate(r)
}

var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// Validate checks where a document is, and what is sent along.
func (h *HTTPJSON) Validate(r *strict.Report) {
	address(r, h.URL, "http://host:8080/status")
	unique(r, "headers", len(h.Headers), "header", func(i int) string { return strings.ToLower(h.Headers[i].Name) })
	for i, p := range h.Headers {
		key := fmt.Sprintf("headers[%d]", i)
		switch {
		case p.Name == "":
		case !headerName.MatchString(p.Name):
			r.Bad(key+".name", p.Name, "is not the name of a header; write it like X-Api-Key")
		case strings.ContainsFunc(p.Value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }):
			r.Bad(key+".value", nil, "has letters that no header may have; write it on one line")
		case strings.EqualFold(p.Name, "Authorization") && h.TokenFile != "":
			r.Bad(key+".name", p.Name, "is what token_file is sent as; remove one of them")
		}
	}
	token(r, h.TokenFile)
	h.Rhythm.validate(r)
}

// address wants the URL of something served over HTTP, without a password: it is
// shown in messages and in the journal.
func address(r *strict.Report, value, like string) {
	if value == "" || !r.Sound("url") {
		return
	}
	u, err := url.Parse(value)
	switch {
	case err != nil: // not shown: a password may be in it
		r.Bad("url", nil, "is not a URL; write it like %s", like)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		r.Bad("url", value, "is not the URL of something served over HTTP; write it like %s", like)
	case u.User != nil:
		r.Bad("url", value, "holds a secret; put a token into a file of its own and name it in token_file")
	}
}

// leastToken is how long a word is that may be a token rather than a file's name, which
// is not shown.
const leastToken = 12

// token wants a file that is there: that it cannot be read shows sooner or later.
func token(r *strict.Report, path string) {
	if path == "" || !r.Sound("token_file") {
		return
	}
	file := r.Beside(path)
	if info, err := os.Stat(file); err != nil || info.IsDir() {
		if len(path) >= leastToken && !strings.ContainsAny(path, "/.") {
			r.Bad("token_file", nil, "is not a file; it looks like the token itself, which belongs into a file of its own")
			return
		}
		r.Bad("token_file", path, "is not a file (%s); write the token into it or correct the path", file)
	}
}

// validate checks the times against one another.
func (h *Rhythm) validate(r *strict.Report) {
	const longest = 20 * time.Second // a tick waits no longer for anything
	between(r, "timeout", h.Timeout, 100*time.Millisecond, longest)
	if r.Given("every") && r.Sound("every") {
		between(r, "every", h.Every, time.Second, 24*time.Hour)
	}
	if r.Given("good") && r.Sound("good", "every") && (h.Good < h.Every || h.Good.Std() < time.Second) {
		r.Bad("good", h.Good, "is shorter than every (%s): the signal would be unknown between two readings; raise good or leave it out", h.Every)
	}
}
