package ec2

import (
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"skynet/fleet"
)

// request is what an order's Request holds: all that a launch depends on, so that it
// can be sent again after a crash by a controller whose settings have changed.
type request struct {
	Account    string            `json:"account"`
	Region     string            `json:"region"`
	Controller string            `json:"controller"`
	Template   string            `json:"template"` // ID of the launch template
	Version    string            `json:"version"`  // a number
	Tags       map[string]string `json:"tags"`
	Calls      []call            `json:"calls"`
}

// call is one CreateFleet call. One market each: what is refused in one says nothing
// about the other.
type call struct {
	Token    string  `json:"token"`
	Count    int     `json:"count"`
	Spot     bool    `json:"spot,omitempty"`
	Strategy string  `json:"strategy"`
	Offers   []offer `json:"offers"` // the preferred first
}

// offer is a type in a zone, by way of the one subnet there that a request may name:
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-fleet.html
type offer struct {
	Type   string `json:"type"`
	Zone   string `json:"zone"`
	Subnet string `json:"subnet"`
}

// prioritized buys the preferred type first, on demand.
const prioritized = "prioritized"

// Draft makes the choices for an order: which version of the template, how many on
// demand and on the Spot market, which types in which zones. It sends nothing. An
// order for a fleet that Check found fault with gets no Request, and Launch refuses it.
func (f *Fleet) Draft(o fleet.Order, ws []fleet.Worker) fleet.Order {
	t, r, ok := f.template(o.Fleet)
	if !ok || o.Count < 1 {
		return o
	}
	req := request{
		Account: f.o.Account, Region: f.o.Region, Controller: f.o.Controller,
		Template: r.template, Version: r.version, Tags: f.tags(t, o),
	}
	demand, spot := f.split(t.Spot, o.Count, ws)
	if spot > 0 && f.drought(t, r) {
		demand, spot = o.Count, 0
	}
	if demand > 0 {
		req.Calls = append(req.Calls, call{Token: o.Token, Count: demand, Strategy: prioritized, Offers: f.offers(t, r, false)})
	}
	if spot > 0 {
		req.Calls = append(req.Calls, call{Token: o.Token + spotSuffix, Count: spot, Spot: true, Strategy: t.Spot.Strategy, Offers: f.offers(t, r, true)})
	}
	if text, err := json.Marshal(req); err == nil {
		o.Request = text
		f.drafts.add(o.Token, f.o.Now())
	}
	return o
}

// drafts are the tokens that were made here and not sent yet: nobody else can have
// sent them.
type drafts struct {
	mu   sync.Mutex
	made map[string]time.Time
}

// draftsKept is how long a draft is remembered that nobody sends, as in a dry run.
const draftsKept = time.Hour

func (d *drafts) add(token string, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.DeleteFunc(d.made, func(_ string, at time.Time) bool { return now.Sub(at) > draftsKept })
	d.made[token] = now
}

// take reports whether a token was never sent, and takes it for sent.
func (d *drafts) take(token string) (fresh bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, fresh = d.made[token]
	delete(d.made, token)
	return fresh
}

// spotSuffix makes a token of its own for the second call of an order: under one
// token EC2 takes one request only.
const spotSuffix = "-spot"

// tags are carried by what is launched: ours cannot be overridden.
func (f *Fleet) tags(t Template, o fleet.Order) map[string]string {
	tags := maps.Clone(t.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	tags[fleet.TagController], tags[fleet.TagFleet], tags[fleet.TagIntent] = f.o.Controller, o.Fleet, o.Token
	return tags
}

// split says how many of n are bought on demand and how many on the Spot market, so
// that those that live then have the base on demand and the share of Spot above it.
// Sleeping ones live: they come back.
func (f *Fleet) split(s *Spot, n int, ws []fleet.Worker) (demand, spot int) {
	if s == nil {
		return n, 0
	}
	all, spots := 0, 0
	for i := range ws {
		if ws[i].State == fleet.Leaving {
			continue
		}
		all++
		if ws[i].Spot || f.launchedAsSpot(ws[i].ID) {
			spots++
		}
	}
	for range n {
		all++
		if float64(spots+1) <= float64(all-s.BaseOnDemand)*s.Share+1e-9 {
			spots++
			spot++
		} else {
			demand++
		}
	}
	return demand, spot
}

// drought reports that the Spot market has refused everything within minutes, and that
// a fleet which takes both is better served on demand meanwhile. One whose settings
// want Spot alone waits for it.
func (f *Fleet) drought(t Template, r resolved) bool {
	if t.Spot.Share >= 1 && t.Spot.BaseOnDemand == 0 {
		return false
	}
	return len(f.fresh(t, r, true)) == 0 && len(f.fresh(t, r, false)) > 0
}

// launchedAsSpot is known of what we launched before EC2 lists it.
func (f *Fleet) launchedAsSpot(id fleet.ID) bool {
	s, ok := f.known.sight(id)
	return ok && s.spot
}

// offers are the types in the zones, but for those that were refused within minutes.
// If all were, all are tried again.
func (f *Fleet) offers(t Template, r resolved, spot bool) []offer {
	if fresh := f.fresh(t, r, spot); len(fresh) > 0 {
		return fresh
	}
	return f.filtered(t, r, func(offer, bool) bool { return true })
}

// fresh are the offers that were not refused within minutes.
func (f *Fleet) fresh(t Template, r resolved, spot bool) []offer {
	now := f.o.Now()
	return f.filtered(t, r, func(o offer, roomy bool) bool {
		return roomy && !f.refusals.refused(kind{Type: o.Type, Zone: o.Zone, Spot: spot}, now)
	})
}

// filtered are the types in the zones, the preferred first, that are wanted.
func (f *Fleet) filtered(t Template, r resolved, want func(o offer, roomy bool) bool) (list []offer) {
	for _, typ := range t.Types {
		for _, p := range r.places {
			if !slices.Contains(r.offered[typ], p.zone) {
				continue
			}
			subnet, roomy := f.subnet(p)
			if o := (offer{Type: typ, Zone: p.zone, Subnet: subnet}); want(o, roomy) {
				list = append(list, o)
			}
		}
	}
	return list
}

// subnet is the first of a zone that has addresses as far as we know.
func (f *Fleet) subnet(p place) (id string, roomy bool) {
	now := f.o.Now()
	for _, s := range p.subnets {
		if !f.refusals.refused(kind{Subnet: s}, now) {
			return s, true
		}
	}
	return p.subnets[0], false
}
