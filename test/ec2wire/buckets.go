package ec2wire

import (
	"net/http"
	"net/url"
	"time"
)

// rate is a bucket's size and what is filled in each second.
type rate struct{ size, refill float64 }

// The rates that EC2 documents of requests, an account and region:
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
var (
	reading   = rate{100, 20}
	unpaged   = rate{50, 10} // of lists asked for without a filter or pages
	changing  = rate{50, 5}
	byRequest = map[string]rate{
		"CreateTags": {100, 10}, "DeleteTags": {100, 10}, "StartInstances": {5, 2}, "TerminateInstances": {100, 5},
	}
	// byResource are buckets from which each instance takes one, besides.
	byResource = map[string]rate{
		"TerminateInstances": {1000, 20}, "StartInstances": {1000, 2}, "StopInstances": {1000, 20},
	}
	lists = map[string]bool{"DescribeInstances": true, "DescribeInstanceStatus": true, "DescribeVolumes": true}
)

// Buckets throttle calls as EC2 documents that it does. They are used by one goroutine
// at a time.
type Buckets struct {
	Now func() time.Time
	// Share is how much of its rates others in the account leave to us; 0 stands for all.
	// It may change.
	Share float64

	left map[string]*bucket
}

type bucket struct {
	rate
	tokens float64
	at     time.Time
}

// Take takes the tokens of a call, or is the fault that it has instead.
func (b *Buckets) Take(action string, form url.Values) *Fault {
	name, r := request(action, form)
	request := b.bucket(name, r)
	resource, resources := (*bucket)(nil), 0.0
	if r, limited := byResource[action]; limited {
		resource, resources = b.bucket(action+" resources", r), float64(len(list(form, "InstanceId")))
	}
	if request.tokens < 1 || resource != nil && resource.tokens < resources {
		return &Fault{Error: Error{Status: http.StatusServiceUnavailable, Code: "RequestLimitExceeded", Message: "Request limit exceeded."}}
	}
	request.tokens--
	if resource != nil {
		resource.tokens -= resources
	}
	return nil
}

// request is the bucket of a request.
func request(action string, form url.Values) (name string, r rate) {
	if r, own := byRequest[action]; own {
		return action, r
	}
	switch {
	case lists[action] && !form.Has("Filter.1.Name") && !form.Has("MaxResults"):
		return action + " unpaged", unpaged
	case Read(action):
		return action, reading
	}
	return action, changing
}

// bucket is one, filled up to now.
func (b *Buckets) bucket(name string, r rate) *bucket {
	now := b.Now()
	if b.Share > 0 {
		r.size, r.refill = max(1, r.size*b.Share), r.refill*b.Share
	}
	if b.left == nil {
		b.left = map[string]*bucket{}
	}
	one := b.left[name]
	if one == nil {
		one = &bucket{rate: r, tokens: r.size, at: now}
		b.left[name] = one
	}
	one.rate = r
	one.tokens = min(one.size, one.tokens+max(0, now.Sub(one.at).Seconds())*one.refill)
	one.at = now
	return one
}
