// Package metrics plays Amazon CloudWatch for tests: a server that keeps datapoints
// and speaks what the SDK's client does, rpc-v2-cbor with gzip, with faults on
// demand:
// https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
package metrics

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/encoding/cbor"

	"skynet/awshttp"
)

// Region is the region that it plays.
const Region = "eu-west-1"

// Server is a CloudWatch of one test's own.
type Server struct {
	URL string

	mu      sync.Mutex
	samples map[string][]sample
	asked   []Request
	faults  []Fault
	status  map[string]string
	page    int
	loose   bool
}

type sample struct {
	at    time.Time
	value float64
	count float64
}

// Request is what was asked.
type Request struct {
	Operation string
	Metrics   int  // queries, or metrics that were published
	Packed    bool // the body was gzipped
	From, To  time.Time
	Body      cbor.Map
}

// Fault is an answer that is none.
type Fault struct {
	Status int    // 400
	Code   string // Throttling
	Said   string
	Hang   <-chan struct{} // instead: answers when it is closed
}

// Start starts a server, which ends with the test.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s := New()
	h := httptest.NewServer(s)
	tb.Cleanup(h.Close)
	s.URL = h.URL
	return s
}

// New returns one that is not served yet.
func New() *Server { return &Server{samples: map[string][]sample{}, status: map[string]string{}} }

// Config is an SDK configuration whose calls end here, and are not tried again.
func (s *Server) Config() aws.Config {
	return aws.Config{
		Region: Region, BaseEndpoint: &s.URL, RetryMaxAttempts: 1, HTTPClient: awshttp.Whole(http.DefaultClient),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}
}

// Put stores a sample. The dimensions are written Name=Value.
func (s *Server) Put(namespace, name string, at time.Time, value float64, dimensions ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(key(namespace, name, dimensions), sample{at, value, 1})
}

func (s *Server) put(key string, v sample) { s.samples[key] = append(s.samples[key], v) }

func key(namespace, name string, dimensions []string) string {
	dimensions = slices.Sorted(slices.Values(dimensions))
	return namespace + "|" + name + "|" + strings.Join(dimensions, "|")
}

// Count is how many samples there are of a metric, and Sum what they add up to.
func (s *Server) Count(namespace, name string, dimensions ...string) (count, sum float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.samples[key(namespace, name, dimensions)] {
		count, sum = count+v.count, sum+v.value*v.count
	}
	return count, sum
}

// Keys are the metrics that there are, as namespace|name|dimension|….
func (s *Server) Keys() (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.samples {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// Fail makes the next requests fail, one each.
func (s *Server) Fail(list ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, list...)
}

// Say makes results of a metric carry a status other than Complete; "" ends that.
func (s *Server) Say(name, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status[name] = status
}

// Pages bounds how many datapoints a page has.
func (s *Server) Pages(datapoints int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.page = datapoints
}

// Loose makes it answer with what came after EndTime too, whole or not.
func (s *Server) Loose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loose = true
}

// Asked is what was asked so far.
func (s *Server) Asked() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in, packed, err := read(r)
	if err != nil || r.Header.Get("Smithy-Protocol") != "rpc-v2-cbor" {
		http.Error(w, fmt.Sprint("not rpc-v2-cbor: ", err), http.StatusNotFound)
		return
	}
	req := Request{Operation: path.Base(r.URL.Path), Packed: packed, Body: in, Metrics: len(list(in["MetricDataQueries"])) + len(list(in["MetricData"]))}
	if in["StartTime"] != nil {
		req.From, req.To = moment(in["StartTime"]), moment(in["EndTime"])
	}
	fault, failed := s.note(req)
	if failed && fault.Hang != nil {
		select {
		case <-fault.Hang:
		case <-r.Context().Done():
		}
	}
	if failed && fault.Code != "" {
		refuse(w, fault)
		return
	}
	switch req.Operation {
	case "GetMetricData":
		s.get(w, in)
	case "PutMetricData":
		s.publish(w, in)
	default:
		refuse(w, Fault{Status: http.StatusNotFound, Code: "UnknownOperationException"})
	}
}

func (s *Server) note(r Request) (f Fault, failed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r)
	if len(s.faults) == 0 {
		return f, false
	}
	f, s.faults = s.faults[0], s.faults[1:]
	return f, true
}

func read(r *http.Request) (in cbor.Map, packed bool, err error) {
	body := io.Reader(r.Body)
	if packed = r.Header.Get("Content-Encoding") == "gzip"; packed {
		if body, err = gzip.NewReader(r.Body); err != nil {
			return nil, true, err
		}
	}
	data, err := io.ReadAll(io.LimitReader(body, 8<<20))
	if err != nil {
		return nil, packed, err
	}
	v, err := cbor.Decode(data)
	in, _ = v.(cbor.Map)
	return in, packed, err
}

func refuse(w http.ResponseWriter, f Fault) {
	status := f.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	w.Header().Set("X-Amzn-Query-Error", f.Code+";Sender")
	answer(w, status, cbor.Map{"__type": cbor.String("com.amazonaws.cloudwatch#" + f.Code), "message": cbor.String(f.Said), "Message": cbor.String(f.Said)})
}

func answer(w http.ResponseWriter, status int, m cbor.Map) {
	w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	w.Header().Set("Content-Type", "application/cbor")
	w.WriteHeader(status)
	_, _ = w.Write(cbor.Encode(m))
}
