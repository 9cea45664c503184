package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"

	"skynet/test/programs"
)

// TestAFleetOfHundreds runs the real daemon on an account that is played here: every
// tick decides, nothing is throttled, heartbeats are read, and a wave of interruptions
// is known to a tick. How fast is for `make scale` to say.
func TestAFleetOfHundreds(t *testing.T) {
	dir := t.TempDir()
	if err := programs.Build(t.Context(), dir, "skynet"); err != nil {
		t.Fatal(err)
	}
	f, err := measure(t.Context(), filepath.Join(dir, "skynet"), plan{workers: 500, queues: 10, ticks: 2, warm: 3, interval: time.Second, notices: 750, wave: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.ticks) < 2 || f.refused != 0 || f.used.resident == 0 || f.used.cpu == 0 || f.journal <= 0 || f.beats < 5 {
		t.Errorf("measured %+v", f)
	}
	for _, tick := range f.ticks {
		if tick.bad == "" && (tick.have < 400 || tick.parts.List <= 0 || tick.parts.Decide <= 0 || tick.parts.Journal <= 0) {
			t.Errorf("a tick of %+v", tick)
		}
	}
	if w := f.front; w == nil || w.sent != 750 || w.ours < 300 || w.ours > 500 {
		t.Errorf("interruptions: %+v", w)
	}
	if row, more := f.row(), f.more(); !strings.HasPrefix(row, "| 500 |") || !strings.Contains(more, "750 interruptions") {
		t.Errorf("told as %q, %q", row, more)
	}
}

func TestTheParts(t *testing.T) {
	span := func(name string, from, to uint64) *trace.Span {
		return &trace.Span{Name: name, StartTimeUnixNano: from, EndTimeUnixNano: to}
	}
	got, ok := tickOf([]*trace.Span{
		span("fleet list", 100, 600), span("source queue", 100, 700), span("ec2 DescribeInstances", 110, 590), span("decide", 720, 730),
		span("journal write", 730, 800), span("fleet drain", 800, 900), span("journal settle", 900, 910), span("tick", 100, 950),
	})
	want := parts{List: 500, Read: 600, Derive: 20, Decide: 10, Journal: 80, Deeds: 100}
	if !ok || got.took != 850 || got.parts != want {
		t.Errorf("got %+v", got)
	}
	if _, ok := tickOf([]*trace.Span{span("decide", 1, 2)}); ok {
		t.Error("a trace without its tick is none yet")
	}
}

// The picture is well-formed whatever was measured, and nothing in it lies outside.
func TestThePicture(t *testing.T) {
	var list []figures
	for _, n := range []int{10, 100, 1000, 10_000} {
		f := figures{plan: plan{workers: n, queues: 100}}
		f.ticks = []tick{{took: time.Duration(n) * time.Millisecond, parts: parts{List: time.Duration(n) * time.Millisecond, Deeds: 3 * time.Second}}}
		f.used.peak = int64(n) << 18
		list = append(list, f)
	}
	doc := draw(list)
	for d := xml.NewDecoder(bytes.NewReader(doc)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok {
			for _, a := range e.Attr {
				if strings.Contains(a.Value, "NaN") || strings.HasPrefix(a.Value, "-") && a.Name.Local != "aria-label" {
					t.Errorf("<%s %s=%q>", e.Name.Local, a.Name.Local, a.Value)
				}
			}
		}
	}
	if !bytes.Contains(doc, []byte(">10,000<")) {
		t.Error("sizes are missing")
	}
}

func TestQuantiles(t *testing.T) {
	is := func(v float64) float64 { return v }
	for _, c := range []struct {
		list []float64
		q    float64
		want float64
	}{{nil, 0.5, 0}, {[]float64{3}, 0.5, 3}, {[]float64{3, 1, 2}, 0.5, 2}, {[]float64{3, 1, 2}, 1, 3}, {[]float64{math.Inf(1), 1}, 0, 1}} {
		if got := quantile(c.list, c.q, is); got != c.want {
			t.Errorf("%g of %v is %g, want %g", c.q, c.list, got, c.want)
		}
	}
}
