// Package traces sends one OpenTelemetry trace a tick to a collector: what was read,
// deciding, the journal, each deed, and what was asked of others for them.
//
// While a tick is under way its steps are only noted, with the times at which they
// began and ended. The spans are made when it is over, and sent by a goroutine of
// their own, so that no library and no collector stands in a tick's way. Where there
// is no collector there is no Recorder either: its methods do nothing on nil.
package traces

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Options say where traces go.
type Options struct {
	Endpoint string      // of the collector, like http://127.0.0.1:4318
	Version  string      // of the program
	Warn     func(error) // told what goes wrong, at most once a minute
}

// sendTimeout bounds one attempt to send; longestClose the end.
const (
	sendTimeout  = 10 * time.Second
	longestClose = 5 * time.Second
	warnEvery    = time.Minute
)

// Tracer sends traces.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// New returns a Tracer. That the collector does not answer shows later: it is told by
// Warn, and nothing waits for it.
func New(ctx context.Context, o Options) (*Tracer, error) {
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(o.Endpoint+"/v1/traces"), otlptracehttp.WithTimeout(sendTimeout))
	if err != nil {
		return nil, fmt.Errorf("telemetry.endpoint %s: %w", o.Endpoint, err)
	}
	otel.SetErrorHandler(&seldom{warn: o.Warn})
	return over(sdk.NewBatchSpanProcessor(exporter), o.Version), nil
}

// over sends spans to a processor.
func over(p sdk.SpanProcessor, version string) *Tracer {
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(p), sdk.WithResource(resource.NewSchemaless(
		attribute.String("service.name", "skynet"), attribute.String("service.version", version),
	)))
	return &Tracer{provider: provider, tracer: provider.Tracer("skynet")}
}

// Close sends what is left, for some seconds at most.
func (t *Tracer) Close() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), longestClose)
	defer cancel()
	return t.provider.Shutdown(ctx)
}

// seldom is an error handler that speaks once in a while: a collector that is down
// fails every few seconds.
type seldom struct {
	warn func(error)
	mu   sync.Mutex
	last time.Time
}

// Handle is OpenTelemetry's way to tell.
func (s *seldom) Handle(err error) {
	s.mu.Lock()
	tell := s.warn != nil && time.Since(s.last) > warnEvery
	if tell {
		s.last = time.Now()
	}
	s.mu.Unlock()
	if tell {
		s.warn(err)
	}
}

// Recorder returns the recorder of one fleet; nil where there is no Tracer.
func (t *Tracer) Recorder(fleet string) *Recorder {
	if t == nil {
		return nil
	}
	return &Recorder{tracer: t.tracer, fleet: fleet}
}

// mostSteps bounds what is noted for one tick.
const mostSteps = 2000

// Recorder notes the steps of one fleet's ticks. It is safe for use by many
// goroutines; on nil its methods do nothing.
type Recorder struct {
	tracer trace.Tracer
	fleet  string

	mu    sync.Mutex
	steps []*step
}

// Attr is something that is known of a step.
type Attr = attribute.KeyValue

// Text and Count make an Attr.
func Text(key, value string) Attr      { return attribute.String(key, value) }
func Count(key string, value int) Attr { return attribute.Int(key, value) }
func Yes(key string, value bool) Attr  { return attribute.Bool(key, value) }

// step is a part of a tick.
type step struct {
	of     *Recorder
	within *step // nil: the tick itself
	name   string
	attrs  []Attr
	begun  time.Time
	ended  time.Time // zero while it is under way
	err    error
}

// under is the key of a context that belongs to a step.
type under struct{}

// none ends nothing.
func none(error, ...Attr) {}

// Begin notes that a step begins, within the one that ctx belongs to. What it returns
// ends it; the context belongs to it.
func (r *Recorder) Begin(ctx context.Context, name string, attrs ...Attr) (context.Context, func(err error, more ...Attr)) {
	if r == nil {
		return ctx, none
	}
	within, _ := ctx.Value(under{}).(*step)
	s := &step{of: r, within: within, name: name, attrs: attrs, begun: time.Now()}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.steps) >= mostSteps {
		return ctx, none
	}
	r.steps = append(r.steps, s)
	return context.WithValue(ctx, under{}, s), s.end
}

func (s *step) end(err error, more ...Attr) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.ended, s.err, s.attrs = time.Now(), err, append(s.attrs, more...)
}

// Below notes a step within the one that ctx belongs to; nothing where it belongs to
// none.
func Below(ctx context.Context, name string, attrs ...Attr) (context.Context, func(err error, more ...Attr)) {
	if s, ok := ctx.Value(under{}).(*step); ok {
		return s.of.Begin(ctx, name, attrs...)
	}
	return ctx, none
}

// Tick ends the tick that began then, and sends it with its steps. A step that is
// still under way (a source that is late) is told as far as it has come.
func (r *Recorder) Tick(begin time.Time, err error, attrs ...Attr) {
	if r == nil {
		return
	}
	end := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	ctx, root := r.tracer.Start(context.Background(), "tick", trace.WithTimestamp(begin),
		trace.WithAttributes(append(attrs, Text("skynet.fleet", r.fleet))...))
	spans := map[*step]context.Context{}
	for _, s := range r.steps {
		if s.begun.Before(begin) {
			continue // of no tick: what is read at the start
		}
		spans[s] = s.send(r.tracer, spans, ctx, end)
	}
	r.steps = nil
	mark(root, err)
	root.End(trace.WithTimestamp(end))
}

// send makes a span of the step and returns its context.
func (s *step) send(t trace.Tracer, spans map[*step]context.Context, tick context.Context, end time.Time) context.Context {
	parent, ok := spans[s.within]
	if !ok {
		parent = tick
	}
	ctx, span := t.Start(parent, s.name, trace.WithTimestamp(s.begun), trace.WithAttributes(s.attrs...))
	if s.ended.IsZero() {
		span.SetAttributes(Yes("skynet.unfinished", true))
	} else {
		end = s.ended
	}
	mark(span, s.err)
	span.End(trace.WithTimestamp(end))
	return ctx
}

func mark(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
}
