package config

import (
	"fmt"
	"net/url"
	"slices"

	"skynet/config/strict"
)

// ownership checks that each queue belongs to one fleet, and to one that exists.
func (c *Config) ownership(r *strict.Report) {
	if len(c.Fleets) == 0 && r.Sound("fleets") {
		r.Bad("fleets", nil, "no fleet, so there is nothing to do; add fleets: [{name: render, queues: […], policy: render.policy.yaml, local: {}}]")
	}
	names := make([]string, len(c.Queues))
	for i, q := range c.Queues {
		names[i] = q.Name
	}
	owners := map[string]string{}
	for i, f := range c.Fleets {
		f.claim(fleetAt(r, i), names, owners)
	}
	for i, name := range names {
		if _, owned := owners[name]; !owned && name != "" && r.Sound("fleets") && len(c.Fleets) > 0 {
			queueAt(r, i).Bad("name", name, "belongs to no fleet, so nobody works on it; add it to the queues of a fleet or remove it")
		}
	}
}

// claim makes a fleet the owner of its queues.
func (f *Fleet) claim(r *strict.Report, known []string, owners map[string]string) {
	for i, q := range f.Queues {
		path := fmt.Sprintf("queues[%d]", i)
		owner, owned := owners[q]
		switch {
		case !slices.Contains(known, q):
			r.Unknown(path, q, "a queue of this file", slices.DeleteFunc(slices.Clone(known), func(s string) bool { return s == "" }))
		case owned && owner == f.Name:
			r.Bad(path, q, "is listed twice; remove one")
		case owned:
			r.Bad(path, q, "belongs to fleet %q already; a queue has one fleet, so remove it from one of them", owner)
		default:
			owners[q] = f.Name
		}
	}
}

// unique reports a name that an earlier element has.
func unique(r *strict.Report, path string, n int, what string, name func(i int) string) {
	key := "name"
	if path == "prices" {
		key = "type"
	}
	first := map[string]int{}
	for i := range n {
		before, taken := first[name(i)]
		switch {
		case name(i) == "":
		case taken:
			r.Bad(fmt.Sprintf("%s[%d].%s", path, i, key), name(i), "is the name of %s[%d] already; give each %s its own", path, before, what)
		default:
			first[name(i)] = i
		}
	}
}

// addresses checks the URLs of queues and heartbeats, no two of which may be the same.
func addresses(r *strict.Report, queues []Queue, heartbeats string) {
	taken := map[Address]string{}
	place(r, "heartbeats", heartbeats, taken)
	places(r, queues, taken)
}

func places(r *strict.Report, queues []Queue, taken map[Address]string) {
	for i, q := range queues {
		place(r, fmt.Sprintf("queues[%d].url", i), q.URL, taken)
	}
}

func place(r *strict.Report, path, value string, taken map[Address]string) {
	if value == "" && !r.Given(path) {
		return
	}
	a, err := ParseAddress(value)
	if err != nil {
		r.Bad(path, value, "%s", err)
		return
	}
	if other, ok := taken[a]; ok {
		r.Bad(path, value, "is the address of %s already; give each its own", other)
		return
	}
	taken[a] = path
}

func stores(r *strict.Report, urls []string) {
	for i, s := range urls {
		if err := checkStore(s); err != nil {
			r.Bad(fmt.Sprintf("stores[%d]", i), s, "%s", err)
		}
	}
}

// endpoint wants the base URL of an HTTP server.
func endpoint(r *strict.Report, value string) {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" {
		r.Bad("metadata", value, "is not the URL of a metadata endpoint; write it like http://169.254.169.254")
	}
}
