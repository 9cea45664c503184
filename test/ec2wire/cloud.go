package ec2wire

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Cloud is a backend in memory which keeps EC2's documented promises, and which can be
// told to break them. It is used by one goroutine at a time, as a Wire does.
type Cloud struct {
	Now       func() time.Time
	Zones     map[string]string // of subnets
	Page      int               // instances on a page, at most; 0: as many as are asked for
	Lag       time.Duration     // how long a launch is not listed
	Forgetful bool              // does not honour client tokens
	// None is an error code by "type zone market": none of these is launched; or after a
	// number, as in "3 InsufficientInstanceCapacity": no more than so many at a time.
	None map[string]string

	all     []*Instance
	byID    map[string]*Instance
	made    int
	answers map[string]answered // by client token
}

type answered struct {
	form string
	done Launched
}

// All are the instances, the oldest first.
func (c *Cloud) All() []*Instance { return c.all }

// Find is one of them, or nil.
func (c *Cloud) Find(id string) *Instance { return c.byID[id] }

// Remove has instances never have been there.
func (c *Cloud) Remove(ids ...string) {
	for _, id := range ids {
		delete(c.byID, id)
	}
	c.all = slices.DeleteFunc(c.all, func(i *Instance) bool { return c.byID[i.ID] == nil })
}

// Add makes an instance, pending and without tags.
func (c *Cloud) Add(typ, subnet string, spot bool) *Instance {
	c.made++
	n := strconv.FormatInt(int64(c.made), 16)
	id := strings.Repeat("0", max(0, 17-len(n))) + n
	i := &Instance{
		ID: "i-" + id, Type: typ, Subnet: subnet, Zone: c.Zones[subnet], Spot: spot, State: "pending",
		Born: c.Now(), Started: c.Now(), Volumes: []string{"vol-" + id}, Tags: map[string]string{},
	}
	if c.byID == nil {
		c.byID = map[string]*Instance{}
	}
	c.all, c.byID[i.ID] = append(c.all, i), i
	return i
}

// Answer has a token answered as if it had been used before.
func (c *Cloud) Answer(token, form string, done Launched) {
	if c.answers == nil {
		c.answers = map[string]answered{}
	}
	c.answers[token] = answered{form, done}
}

// Launch launches at once what there is, and says why the rest was not. Under a token
// that was used before it gives the answer that it gave then:
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
func (c *Cloud) Launch(l Launch) (Launched, error) {
	if a, known := c.answers[l.Token]; known && !c.Forgetful {
		if a.form != l.Form {
			return Launched{}, &Error{Code: "IdempotentParameterMismatch", Message: "The client token was used with other parameters"}
		}
		return a.done, nil
	}
	done, missing := Launched{}, l.Count
	for _, o := range l.Offers {
		room, code := c.room(o, l.Market(), missing)
		if code != "" {
			done.Refused = append(done.Refused, Refused{Offer: o, Code: code, Message: "none here"})
		}
		if room == 0 {
			continue
		}
		bought := Bought{Offer: o}
		for range room {
			i := c.Add(o.Type, o.Subnet, l.Spot)
			i.Tags = maps.Clone(l.Tags)
			bought.IDs = append(bought.IDs, i.ID)
		}
		done.Bought = append(done.Bought, bought)
		missing -= room
	}
	if missing == 0 {
		done.Refused = nil
	}
	c.Answer(l.Token, l.Form, done)
	return done, nil
}

// room is how many of so many there are of an offer, and why not more.
func (c *Cloud) room(o Offer, market string, wanted int) (room int, code string) {
	code, some := c.None[o.Type+" "+c.Zones[o.Subnet]+" "+market]
	if !some {
		return wanted, ""
	}
	if first, rest, two := strings.Cut(code, " "); two {
		room, _ = strconv.Atoi(first)
		code = rest
	}
	if room >= wanted {
		return wanted, ""
	}
	return room, code
}

// Instances is a page of those that are listed by now.
func (c *Cloud) Instances(q Query) (Page, error) {
	now := c.Now()
	return c.page(q, func(i *Instance) bool { return !now.Before(i.Born.Add(c.Lag)) })
}

// Statuses is a page of those that run.
func (c *Cloud) Statuses(q Query) (Page, error) {
	if err := c.missing(q.IDs); err != nil {
		return Page{}, err
	}
	return c.page(q, func(i *Instance) bool { return q.All || i.State == "running" })
}

// page goes through all from where the page before ended.
func (c *Cloud) page(q Query, there func(*Instance) bool) (p Page, err error) {
	from, size := 0, q.Most
	if q.Token != "" {
		if from, err = strconv.Atoi(q.Token); err != nil || from < 0 || from > len(c.all) {
			return p, &Error{Code: "InvalidNextToken", Message: "The token '" + q.Token + "' is invalid"}
		}
	}
	if c.Page > 0 && (size == 0 || size > c.Page) {
		size = c.Page
	}
	for n, i := range c.all[from:] {
		if !there(i) || !q.Passes(i) {
			continue
		}
		if size > 0 && len(p.Instances) == size {
			p.Next = strconv.Itoa(from + n)
			return p, nil
		}
		p.Instances = append(p.Instances, i)
	}
	return p, nil
}

func (c *Cloud) missing(ids []string) error {
	var gone []string
	for _, id := range ids {
		if c.byID[id] == nil {
			gone = append(gone, id)
		}
	}
	if len(gone) > 0 {
		return ErrNoInstance(gone...)
	}
	return nil
}

// change does it to each, or says that one of them is not there.
func (c *Cloud) change(ids []string, do func(*Instance)) (done []Change, err error) {
	if err := c.missing(ids); err != nil {
		return nil, err
	}
	for _, id := range ids {
		i := c.byID[id]
		do(i)
		done = append(done, Change{ID: id, State: i.State})
	}
	return done, nil
}

// Terminate keeps to what EC2 documents of protected ones: those in the same zone are
// not terminated either, the others are, and the call fails.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html
func (c *Cloud) Terminate(ids []string) ([]Change, error) {
	held := map[string]string{}
	for _, id := range ids {
		if i := c.byID[id]; i != nil && i.Protected {
			held[i.Zone] = id
		}
	}
	done, err := c.change(ids, func(i *Instance) {
		if held[i.Zone] == "" && i.State != "terminated" {
			i.State = "shutting-down"
		}
	})
	if err != nil || len(held) == 0 {
		return done, err
	}
	id := held[slices.Min(slices.Collect(maps.Keys(held)))]
	return nil, &Error{Code: "OperationNotPermitted", Message: fmt.Sprintf("The instance '%s' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.", id)}
}

// Stop stops instances, or has them hibernate if all were launched for it.
func (c *Cloud) Stop(ids []string, hibernate bool) ([]Change, error) {
	for _, id := range ids {
		if i := c.byID[id]; i != nil && hibernate && !i.Hibernates {
			return nil, &Error{Code: "UnsupportedHibernationConfiguration", Message: "The instance is not configured for hibernation"}
		}
	}
	return c.change(ids, func(i *Instance) {
		i.State, i.Reason = "stopping", "User initiated ("+c.Now().UTC().Format(time.DateTime)+" GMT)"
	})
}

// Start starts instances.
func (c *Cloud) Start(ids []string) ([]Change, error) {
	return c.change(ids, func(i *Instance) { i.State, i.Started, i.Reason = "pending", c.Now(), "" })
}

// Tag sets tags.
func (c *Cloud) Tag(ids []string, tags map[string]string) error {
	_, err := c.change(ids, func(i *Instance) { maps.Copy(i.Tags, tags) })
	return err
}

// Untag removes tags.
func (c *Cloud) Untag(ids, keys []string) error {
	_, err := c.change(ids, func(i *Instance) {
		for _, key := range keys {
			delete(i.Tags, key)
		}
	})
	return err
}
