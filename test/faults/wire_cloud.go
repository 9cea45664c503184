package faults

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"skynet/fleet"
	"skynet/test/ec2wire"
)

// backend is EC2 in a world: it speaks of its machines, and lies as they do.
type backend struct {
	*Host
	*wired
	m Machines
}

var _ ec2wire.Backend = backend{}

// refused is an error of Machines in EC2's words, or on its connection.
func refused(err error) error {
	switch {
	case err == nil:
		return nil
	case isErr(err, fleet.ErrThrottled):
		return &ec2wire.Error{Status: 503, Code: "RequestLimitExceeded", Message: "Request limit exceeded."}
	case isErr(err, fleet.ErrNoCapacity):
		return &ec2wire.Error{Status: 500, Code: "InsufficientInstanceCapacity", Message: "We currently do not have sufficient capacity."}
	case isErr(err, ErrUnreached):
		return &ec2wire.Gone{Err: &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}}
	case isErr(err, ErrLost):
		return &ec2wire.Gone{Err: &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}}
	case isErr(err, ErrLate):
		return &ec2wire.Gone{Err: context.DeadlineExceeded}
	case isErr(err, ErrNotFound):
		return ec2wire.ErrNoInstance(named.FindString(err.Error()))
	}
	return err
}

// named is an instance's ID in an error.
var named = regexp.MustCompile(`\bi-[0-9a-z]+\b`)

// Launch implements ec2wire.Backend. A request must be the very same whenever it is
// sent under a token: EC2 refuses it otherwise.
func (b backend) Launch(l ec2wire.Launch) (ec2wire.Launched, error) {
	if form, known := b.forms[l.Token]; known && form != l.Form {
		b.breach(lawSame, "%s sends %s again as another request", b.name, l.Token)
		return ec2wire.Launched{}, &ec2wire.Error{Code: "IdempotentParameterMismatch", Message: "The client token was used with other parameters"}
	}
	b.forms[l.Token] = l.Form
	p := Purchase{Token: l.Token, Count: l.Count, Tags: l.Tags, Spot: l.Spot}
	var none []ec2wire.Offer
	for _, o := range l.Offers {
		if zone := o.Subnet[len("subnet-"):]; b.sold(l, o) {
			p.Offers = append(p.Offers, Offer{o.Type, zone})
		} else {
			none = append(none, o)
		}
	}
	if len(p.Offers) == 0 { // somebody has some, always
		p.Offers, none = []Offer{{l.Offers[0].Type, l.Offers[0].Subnet[len("subnet-"):]}}, l.Offers[1:]
	}
	list, err := b.m.Launch(p)
	if err != nil && !isErr(err, fleet.ErrNoCapacity) {
		return ec2wire.Launched{}, refused(err)
	}
	if len(list) < l.Count {
		none = l.Offers
	}
	return b.launched(list, none), nil
}

// sold reports whether there is any of a type in a zone on a market.
func (b backend) sold(l ec2wire.Launch, o ec2wire.Offer) bool {
	strength := b.Blows(NoRoom)
	const window = 10 * time.Minute
	kind := hash(o.Type + o.Subnet + l.Market())
	return strength == 0 || b.chance.of(NoRoom, kind, uint64(b.now/window)).Float64() > .5*strength
}

// launched puts an answer together, by type and zone.
func (b backend) launched(list []fleet.Instance, none []ec2wire.Offer) (done ec2wire.Launched) {
	for _, in := range list {
		b.zones[string(in.ID)] = in.Zone
		o := ec2wire.Offer{Type: in.Type, Subnet: "subnet-" + in.Zone}
		at := slices.IndexFunc(done.Bought, func(g ec2wire.Bought) bool { return g.Offer == o })
		if at < 0 {
			at, done.Bought = len(done.Bought), append(done.Bought, ec2wire.Bought{Offer: o})
		}
		done.Bought[at].IDs = append(done.Bought[at].IDs, string(in.ID))
	}
	for _, o := range none {
		done.Refused = append(done.Refused, ec2wire.Refused{Offer: o, Code: "InsufficientInstanceCapacity", Message: "none there"})
	}
	return done
}

// words are EC2's for the phases of an instance.
var words = map[fleet.Phase]string{
	fleet.PhasePending: "pending", fleet.PhaseRunning: "running", fleet.PhaseStopping: "stopping", fleet.PhaseStopped: "stopped",
	fleet.PhaseShuttingDown: "shutting-down", fleet.PhaseTerminated: "terminated",
}

// told is an instance as EC2 tells of it.
func told(in fleet.Instance) *ec2wire.Instance {
	i := &ec2wire.Instance{
		ID: string(in.ID), Type: in.Type, Zone: wiredRegion + in.Zone, Subnet: "subnet-" + in.Zone, Spot: in.Spot, State: words[in.Phase],
		Born: in.Launched, Started: in.Launched, Tags: in.Tags, Impaired: in.Impaired, Volumes: []string{"vol-" + string(in.ID)},
	}
	if _, ours := i.Tags[fleet.TagController]; !ours { // started by hand, with our tags
		i.Tags = maps.Clone(i.Tags)
		i.Tags[fleet.TagController] = wiredName
	}
	if !in.Woken.IsZero() {
		i.Started = in.Woken
	}
	if !in.Stopped.IsZero() {
		i.Reason = "User initiated (" + in.Stopped.UTC().Format(time.DateTime) + " GMT)"
	}
	return i
}

// Instances implements ec2wire.Backend. A page may be shorter than what is asked for:
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
func (b backend) Instances(q ec2wire.Query) (p ec2wire.Page, err error) {
	list, err := b.m.List(func(in fleet.Instance) bool { return string(in.ID) > q.Token && q.Passes(told(in)) })
	if err != nil {
		return p, refused(err)
	}
	for _, in := range list {
		b.zones[string(in.ID)] = in.Zone
		p.Instances = append(p.Instances, told(in))
	}
	for _, o := range b.orphans {
		if o.ID > q.Token && q.Passes(o.Instance) {
			p.Instances = append(p.Instances, o.Instance)
		}
	}
	if size := 2 + b.chance.of(forScene, hash("a page of instances"), 0).IntN(9); len(p.Instances) > size {
		p.Instances, p.Next = p.Instances[:size], p.Instances[size-1].ID
	}
	return p, nil
}

// Statuses implements ec2wire.Backend.
func (b backend) Statuses(q ec2wire.Query) (p ec2wire.Page, err error) {
	list, err := b.m.List(func(in fleet.Instance) bool { return q.Passes(told(in)) })
	if err != nil {
		return p, refused(err)
	}
	gone := slices.Clone(q.IDs)
	for _, in := range list {
		gone = slices.DeleteFunc(gone, func(id string) bool { return id == string(in.ID) })
		if q.All || in.Phase == fleet.PhaseRunning {
			p.Instances = append(p.Instances, told(in))
		}
	}
	if len(gone) > 0 {
		return p, ec2wire.ErrNoInstance(gone...)
	}
	return p, nil
}

// changed says what state those are in to whom something was done. Where it was done to
// none of them, why.
func changed(done []fleet.ID, state string, err error) (list []ec2wire.Change, _ error) {
	for _, id := range done {
		list = append(list, ec2wire.Change{ID: string(id), State: state})
	}
	if err != nil && len(list) == 0 {
		return nil, err
	}
	return list, nil
}

func ids(texts []string) []fleet.ID {
	list := make([]fleet.ID, len(texts))
	for i, t := range texts {
		list[i] = fleet.ID(t)
	}
	return list
}

// Terminate implements ec2wire.Backend. Somebody may have protected one by hand: those
// in its zone are not terminated either then, and the call fails, though the others of
// it are: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html
func (b backend) Terminate(names []string) ([]ec2wire.Change, error) {
	if slices.ContainsFunc(b.orphans, func(o *orphan) bool { return o.ID == names[0] }) {
		return b.endOrphans(names)
	}
	held := map[string]string{}
	for _, id := range names {
		if b.protected(id) {
			held[b.zones[id]] = id
		}
	}
	var free []fleet.ID
	var first string
	for _, id := range names {
		if by, is := held[b.zones[id]]; !is {
			free = append(free, fleet.ID(id))
		} else if first == "" {
			first = by
		}
	}
	if first == "" {
		done, err := b.m.Terminate(free)
		return changed(done, "shutting-down", refused(err))
	}
	b.Tell("EC2", "terminates but %d of %d: %s is protected by hand", len(free), len(names), first)
	if len(free) > 0 {
		if _, err := b.m.Terminate(free); err != nil {
			return nil, refused(err)
		}
	} else {
		b.Wait(50 * time.Millisecond)
	}
	return nil, &ec2wire.Error{Code: "OperationNotPermitted", Message: "The instance '" + first + "' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again."}
}

// protected reports whether somebody has protected an instance for a while.
func (b backend) protected(id string) bool {
	strength := b.Blows(EC2Protected)
	const window = 20 * time.Minute
	return strength > 0 && b.chance.of(EC2Protected, hash(id), uint64(b.now/window)).Float64() < .3*strength
}

// Stop implements ec2wire.Backend.
func (b backend) Stop(names []string, hibernate bool) ([]ec2wire.Change, error) {
	if hibernate {
		return nil, &ec2wire.Error{Code: "UnsupportedHibernationConfiguration", Message: "The instance is not configured for hibernation"}
	}
	done, err := b.m.Stop(ids(names))
	return changed(done, "stopping", refused(err))
}

// Start implements ec2wire.Backend.
func (b backend) Start(names []string) ([]ec2wire.Change, error) {
	done, err := b.m.Start(ids(names))
	if err = refused(err); err != nil && len(done) == 0 {
		if _, plain := errors.AsType[*ec2wire.Error](err); !plain && !isGone(err) {
			err = &ec2wire.Error{Code: "IncorrectInstanceState", Message: "The instance '" + names[0] + "' is not in a state from which it can be started."}
			if b.cloud.full(b.zones[names[0]]) {
				err = refused(fleet.ErrNoCapacity)
			}
		}
	}
	return changed(done, "pending", err)
}

func isGone(err error) bool {
	_, is := errors.AsType[*ec2wire.Gone](err)
	return is
}

// Tag implements ec2wire.Backend.
func (b backend) Tag(names []string, tags map[string]string) error {
	for key, value := range tags { // we set one at a time
		if _, err := b.m.Tag(ids(names), key, value); err != nil {
			return refused(err)
		}
	}
	return nil
}

// Untag implements ec2wire.Backend.
func (b backend) Untag(names, keys []string) error {
	for _, key := range keys {
		if _, err := b.m.Untag(ids(names), key); err != nil {
			return refused(err)
		}
	}
	return nil
}

// slog tells the story what fleet/ec2 logs.
func (h *Host) slog() *slog.Logger {
	return slog.New(slog.NewTextHandler(teller{h}, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{} // this machine's
		}
		return a
	}}))
}

type teller struct{ *Host }

func (t teller) Write(line []byte) (int, error) {
	t.Tell(t.name, "%s", strings.TrimSpace(string(bytes.TrimSpace(line))))
	return len(line), nil
}
