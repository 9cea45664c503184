package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"skynet/config/strict"
)

// use is a setting that has us act in an AWS account.
type use struct {
	path, value string
	what        string
}

// uses are all of them.
func (c *Config) uses() (list []use) {
	if isSQS(c.Heartbeats) {
		list = append(list, use{"heartbeats", c.Heartbeats, "a queue of Amazon SQS"})
	}
	for i, q := range c.Queues {
		if isSQS(q.URL) {
			list = append(list, use{fmt.Sprintf("queues[%d].url", i), q.URL, "a queue of Amazon SQS"})
		}
	}
	for i, f := range c.Fleets {
		if f.EC2 != nil {
			list = append(list, use{fmt.Sprintf("fleets[%d].ec2", i), "", "a fleet on Amazon EC2"})
		}
	}
	for i, s := range c.Signals {
		if s.CloudWatch != nil {
			list = append(list, use{fmt.Sprintf("signals[%d].cloudwatch", i), "", "a metric of Amazon CloudWatch"})
		}
	}
	if strings.HasPrefix(c.Lease, "s3://") {
		list = append(list, use{"lease", c.Lease, "a lease in Amazon S3"})
	}
	return list
}

func isSQS(url string) bool {
	a, err := ParseAddress(url)
	return err == nil && a.System == SQSQueue
}

// account wants to know in which account and region we may act, and queues to be
// there: we refuse to act anywhere else.
func (c *Config) account(r *strict.Report) {
	for _, u := range c.uses() {
		if c.AWS == nil && r.Sound("aws", u.path) {
			r.Bad(u.path, nil, `%s needs the account and region in which we may act; add aws: {account: "123456789012", region: eu-west-1}`, u.what)
		}
	}
	if c.AWS == nil || !r.Sound("aws") {
		return
	}
	if e := c.AWS.Events; e != "" && !isSQS(e) {
		r.Bad("aws.events", e, "is not the URL of an SQS queue; write https://sqs.%s.amazonaws.com/%s/NAME", c.AWS.Region, c.AWS.Account)
	}
	c.apart(r)
	for _, u := range append(c.uses(), use{path: "aws.events", value: c.AWS.Events}) {
		if isSQS(u.value) && r.Sound(u.path) {
			c.AWS.own(r, u)
		}
	}
}

// apart wants the queue of events to be nobody else's: what is read from it is gone.
func (c *Config) apart(r *strict.Report) {
	events, err := ParseAddress(c.AWS.Events)
	if err != nil || c.AWS.Events == "" || !r.Sound("aws.events") {
		return
	}
	for _, u := range c.uses() {
		if a, err := ParseAddress(u.value); err == nil && isSQS(u.value) && a == events {
			r.Bad("aws.events", c.AWS.Events, "is the address of %s already, and what is in it would be taken for events and deleted; give each its own", u.path)
			return
		}
	}
}

// own wants a queue to be in the account and region of the settings.
func (a *AWS) own(r *strict.Report, u use) {
	switch q, err := ParseAddress(u.value); {
	case err != nil: // has been said
	case q.Region != a.Region:
		r.Bad(u.path, u.value, "is in region %s, and aws.region is %s, the only one in which we act; correct one of them", q.Region, a.Region)
	case q.Account != a.Account:
		r.Bad(u.path, u.value, "is in account %s, and aws.account is %s, the only one in which we act; correct one of them", q.Account, a.Account)
	}
}

// reachable wants queues that instances on EC2 can get at: embedded ones are
// inside this process, on an address of this machine alone.
func (c *Config) reachable(r *strict.Report) {
	const cure = "is inside this process, where instances on EC2 do not reach it; use a queue of SQS, or nats://host:port/NAME"
	far := map[string]bool{}
	for _, f := range c.Fleets {
		if f.EC2 == nil {
			continue
		}
		for _, q := range f.Queues {
			far[q] = true
		}
	}
	embedded := func(url string) bool { a, err := ParseAddress(url); return err == nil && a.Embedded() }
	for i, q := range c.Queues {
		if far[q.Name] && embedded(q.URL) && r.Sound(fmt.Sprintf("queues[%d].url", i)) {
			queueAt(r, i).Bad("url", q.URL, cure)
		}
	}
	if len(far) > 0 && embedded(c.Heartbeats) && r.Sound("heartbeats") {
		r.Bad("heartbeats", c.Heartbeats, cure)
	}
}

// legalTag are keys that instance metadata can serve, which is how a worker reads
// its tags. EC2 refuses a launch with others.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html
var legalTag = regexp.MustCompile(`^[A-Za-z0-9+=.,_:@-]{1,128}$`)

// Validate checks what a fleet on EC2 is given.
func (e *EC2) Validate(r *strict.Report) {
	some(r, "subnets", e.Subnets, "subnet-0abc")
	some(r, "types", e.Types, "c7i.xlarge")
	for i, t := range e.Tags {
		path := fmt.Sprintf("tags[%d].name", i)
		switch {
		case t.Name == "": // has been said
		case strings.HasPrefix(t.Name, "aws:") || strings.HasPrefix(t.Name, "skynet:"):
			r.Bad(path, t.Name, "begins with aws: or skynet:, which are not for others; choose another name")
		case !legalTag.MatchString(t.Name) || slices.Contains([]string{".", "..", "_index"}, t.Name):
			r.Bad(path, t.Name, "cannot be read from instance metadata; use letters, digits and + - = . , _ : @")
		}
	}
	unique(r, "tags", len(e.Tags), "tag", func(i int) string { return e.Tags[i].Name })
}

// some wants a list with something in it, and nothing twice.
func some(r *strict.Report, path string, list []string, like string) {
	if len(list) == 0 && r.Sound(path) && r.Given(path) {
		r.Bad(path, nil, "is empty; write it like [%s]", like)
	}
	for i, s := range list {
		if slices.Contains(list[:i], s) {
			r.Bad(fmt.Sprintf("%s[%d]", path, i), s, "is listed twice; remove one")
		}
	}
}
