package main

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	collect "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector takes the traces of ticks, as an OpenTelemetry collector does.
type collector struct {
	url string

	mu  sync.Mutex
	all map[string][]*trace.Span // by trace
}

func newCollector() *collector { return &collector{all: map[string][]*trace.Span{}} }

func (c *collector) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		if z, err := gzip.NewReader(r.Body); err == nil {
			body = z
		}
	}
	data, _ := io.ReadAll(body)
	var in collect.ExportTraceServiceRequest
	if proto.Unmarshal(data, &in) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range in.ResourceSpans {
		for _, scope := range of.ScopeSpans {
			for _, s := range scope.Spans {
				c.all[string(s.TraceId)] = append(c.all[string(s.TraceId)], s)
			}
		}
	}
}

// tick is how long one took, and its parts.
type tick struct {
	at    time.Time
	took  time.Duration
	parts parts
	have  int64
	want  int64
	blind bool
	bad   string // why it came to nothing
}

// parts are those of a tick. What is read is read at once: the longest of it counts.
type parts struct {
	List    time.Duration // of EC2's calls that list instances and their status checks
	Read    time.Duration // everything that is read, the list among it
	Derive  time.Duration // what follows from it, and the forecast
	Decide  time.Duration
	Journal time.Duration
	Deeds   time.Duration
}

// ticks are those that were collected, the first first.
func (c *collector) ticks() (list []tick) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, spans := range c.all {
		if t, ok := tickOf(spans); ok {
			list = append(list, t)
		}
	}
	return list
}

func tickOf(spans []*trace.Span) (t tick, ok bool) {
	var read, decide uint64 // when reading ended and deciding began
	for _, s := range spans {
		took := time.Duration(s.EndTimeUnixNano - s.StartTimeUnixNano)
		switch kind, name, _ := strings.Cut(s.Name, " "); {
		case s.Name == "tick":
			t.at, t.took, ok = time.Unix(0, int64(s.StartTimeUnixNano)), took, true
			t.bad = s.Status.GetMessage()
			t.note(s)
		case kind == "fleet" && name == "list":
			t.parts.List, read = took, max(read, s.EndTimeUnixNano)
		case kind == "source":
			read = max(read, s.EndTimeUnixNano)
		case kind == "decide":
			t.parts.Decide, decide = took, s.StartTimeUnixNano
		case kind == "journal":
			t.parts.Journal += took
		case kind == "fleet":
			t.parts.Deeds += took
		}
	}
	if ok && read > 0 {
		t.parts.Read = time.Unix(0, int64(read)).Sub(t.at)
	}
	if decide > read {
		t.parts.Derive = time.Duration(decide - read)
	}
	return t, ok
}

// note reads what a tick says of itself.
func (t *tick) note(s *trace.Span) {
	for _, a := range s.Attributes {
		switch a.Key {
		case "skynet.have":
			t.have = a.Value.GetIntValue()
		case "skynet.want":
			t.want = a.Value.GetIntValue()
		case "skynet.blind":
			t.blind = a.Value.GetBoolValue()
		}
	}
}
