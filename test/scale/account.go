package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"skynet/test/ec2wire"
	"skynet/test/metrics"
	"skynet/test/sqswire"
)

// What an operator's account holds.
const (
	accountID = "123456789012"
	region    = "eu-west-1"
	template  = "render"
	sqsURL    = "https://sqs." + region + ".amazonaws.com/" + accountID + "/"
)

// latency is how long AWS's calls take at least.
type latency struct{ ec2, sqs time.Duration }

// account plays AWS over HTTP, one server for each service, with EC2's documented
// throttles.
type account struct {
	servers []*http.Server
	env     []string // by which the SDK finds the servers

	sqs   *sqswire.Server
	watch *metrics.Server
	spans *collector

	mu      sync.Mutex // held by who reads or changes instances
	cloud   *ec2wire.Cloud
	wire    *ec2wire.Wire
	buckets *ec2wire.Buckets
	calls   map[string]int // of EC2
	refused map[string]int // of them, by the throttles
	slow    time.Duration
}

func openAccount(l latency) (*account, error) {
	a := &account{sqs: sqswire.New(), watch: metrics.New(), spans: newCollector(), slow: l.ec2, calls: map[string]int{}, refused: map[string]int{}}
	a.sqs.Latency = l.sqs
	zones := map[string]string{"subnet-a": region + "a", "subnet-b": region + "b"}
	a.cloud = &ec2wire.Cloud{Now: time.Now, Zones: zones}
	a.buckets = &ec2wire.Buckets{Now: time.Now}
	a.wire = &ec2wire.Wire{Backend: a.cloud, Before: a.throttle, Whole: true, Catalogue: ec2wire.Catalogue{
		Zones: zones, GiB: 30, Types: map[string]ec2wire.Type{"c7i.xlarge": {MiB: 8192}, "c7a.xlarge": {MiB: 8192}},
		Sold: map[string][]string{"c7i.xlarge": {region + "a", region + "b"}, "c7a.xlarge": {region + "a", region + "b"}},
		Templates: []ec2wire.Template{{Name: template, ID: "lt-1", Number: 1, Aliases: []string{"$Latest"},
			Data: "<metadataOptions><httpTokens>required</httpTokens><instanceMetadataTags>enabled</instanceMetadataTags></metadataOptions>"}},
	}}
	for name, h := range map[string]http.Handler{
		"AWS_ENDPOINT_URL_EC2": http.HandlerFunc(a.ec2), "AWS_ENDPOINT_URL_SQS": a.sqs, "AWS_ENDPOINT_URL_CLOUDWATCH": a.watch,
		"AWS_ENDPOINT_URL_STS": http.HandlerFunc(identity), "TRACES": a.spans,
	} {
		url, err := a.serve(h)
		if err != nil {
			a.close()
			return nil, err
		}
		a.env = append(a.env, name+"="+url)
		if name == "TRACES" {
			a.spans.url = url
		}
	}
	a.env = append(a.env, "AWS_REGION="+region, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_EC2_METADATA_DISABLED=true",
		"OTEL_BSP_SCHEDULE_DELAY=200") // ms: traces come soon after their ticks
	return a, nil
}

// serve serves a service on a port of this machine's own.
func (a *account) serve(h http.Handler) (url string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	a.servers = append(a.servers, s)
	go func() { _ = s.Serve(l) }()
	return "http://" + l.Addr().String(), nil
}

func (a *account) close() {
	for _, s := range a.servers {
		_ = s.Close()
	}
}

// ec2 answers a call of EC2's.
func (a *account) ec2(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	a.mu.Lock()
	answer, err := ec2wire.Direct{Wire: a.wire}.RoundTrip(r)
	a.mu.Unlock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer answer.Body.Close()
	time.Sleep(a.slow - time.Since(begun))
	w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body)
}

// throttle counts a call, and refuses it where EC2 would.
func (a *account) throttle(c *ec2wire.Call) *ec2wire.Fault {
	a.calls[c.Action]++
	f := a.buckets.Take(c.Action, c.Form)
	if f != nil {
		a.refused[c.Action]++
	}
	return f
}

// tally is how often EC2 was called so far, and how often it refused.
func (a *account) tally() (calls, refused map[string]int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	calls, refused = map[string]int{}, map[string]int{}
	for action, n := range a.calls {
		calls[action] = n
	}
	for action, n := range a.refused {
		refused[action] = n
	}
	return calls, refused
}

// identity says whose credentials these are.
func identity(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/xml")
	fmt.Fprintf(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:sts::%s:assumed-role/skynet/a</Arn><UserId>A</UserId><Account>%s</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`, accountID, accountID)
}
