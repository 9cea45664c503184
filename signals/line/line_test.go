package line_test

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skynet/fleet"
	"skynet/signals"
	"skynet/signals/line"
)

const example = `{"time":"2026-03-01T17:00:00Z","signals":{"queue.visible":120,"queue.in_flight":8,"queue.arrived":40,"queue.completed":38,"queue.oldest_age":12.5,"work.seconds_mean":4,"fleet.running":6,"fleet.pending":1,"fleet.slots":4,"fleet.boot_seconds":90}}`

var (
	five  = time.Date(2026, 3, 1, 17, 0, 0, 0, time.UTC)
	open  = signals.Names{Open: true}
	fixed = signals.Names{Queues: []string{"photos"}, User: []string{"upload.cpu"}}
)

func TestParse(t *testing.T) {
	in, err := line.Parse([]byte(example))
	if err != nil || !in.Time.Equal(five) || len(in.Signals) != 10 || *in.Signals["queue.oldest_age"] != 12.5 || in.Workers != nil {
		t.Fatalf("got %+v, %v", in, err)
	}
	in, err = line.Parse([]byte(`{"time":"2026-03-01T18:00:00.5+01:00","signals":{"upload.cpu":null,"queues.photos.visible":-0.5e1},
		"workers":[{"id":"i-1","state":"working","jobs":2,"slots":4,"heard":"2026-03-01T17:00:00Z"}],
		"advice":[{"policy":"mine","want":3}],
		"orders":{"pause":{"until":"2026-03-01T18:00:00Z","by":"ann"},"floor":{"want":2,"until":"2026-03-01T18:00:00Z"},
		"drain":[{"id":"i-1","until":"2026-03-01T18:00:00Z"}],"forget":[{"id":"i-2","until":"2026-03-01T18:00:00Z"}],"changes":[{"at":"2026-03-01T18:00:00Z","said":"so"}]}}` + "\r"))
	if err != nil {
		t.Fatal(err)
	}
	until := five.Add(time.Hour)
	want := line.In{
		Time: in.Time, Signals: map[string]*float64{"upload.cpu": nil, "queues.photos.visible": new(-5.0)},
		Workers: []fleet.Worker{{ID: "i-1", State: fleet.Working, Jobs: 2, Slots: 4, Heard: five}},
		Advice:  []signals.Advice{{Policy: "mine", Want: 3}},
		Orders: signals.Standing{
			Pause: &signals.Pause{Until: until, By: "ann"}, Floor: &signals.Floor{Want: 2, Until: until},
			Drain: []signals.Named{{ID: "i-1", Until: until}}, Forget: []signals.Named{{ID: "i-2", Until: until}},
			Changes: []signals.Change{{At: until, Said: "so"}},
		},
	}
	if diff := cmp.Diff(want, in); diff != "" || !in.Time.Equal(five.Add(500*time.Millisecond)) {
		t.Errorf("%s at %s", diff, in.Time)
	}
}

// Every refusal names the key and the cure.
func TestRefusals(t *testing.T) {
	with := func(members string) string { return `{"time":"2026-03-01T17:00:00Z","signals":{}` + members + `}` }
	given := func(sig string) string { return `{"time":"2026-03-01T17:00:00Z","signals":{` + sig + `}}` }
	for _, c := range []struct{ name, text, want string }{
		{"nothing", `null`, `"null" is not an object; write it like {…}`},
		{"a list", `[]`, `"[]" is not an object; write it like {…}`},
		{"no JSON", `time: now`, `"time: now" is not an object; write it like {…}`},
		{"no time", `{"signals":{}}`, `time: missing; write it like "time":"2026-03-01T17:00:00Z"`},
		{"no signals", `{"time":"2026-03-01T17:00:00Z"}`, `signals: missing; write it like "signals":{"queue.visible":120}`},
		{"a time as a number", `{"time":1772384400,"signals":{}}`, `time: "1772384400" is not a time; write it like "2026-03-01T17:00:00Z" (RFC 3339)`},
		{"a time without zone", `{"time":"2026-03-01T17:00:00","signals":{}}`, `time: "2026-03-01T17:00:00" is not a time; write it like "2026-03-01T17:00:00Z" (RFC 3339)`},
		{"a zero time", `{"time":"0001-01-01T00:00:00Z","signals":{}}`, `time: 0001-01-01T00:00:00Z lies before 1970; write the time of the snapshot`},
		{"an unknown key", with(`,"signal":{}`), `"signal": unknown key; did you mean "signals"?`},
		{"a key in another case", with(`,"Workers":[]`), `"Workers": unknown key; did you mean "workers"?`},
		{"a key twice", with(`,"signals":{}`), `"signals" is given twice; remove one`},
		{"garbage after it", with("") + "x", `more follows the end of the object; write one object a line`},
		{"another after it", with("") + with(""), `more follows the end of the object; write one object a line`},
		{"half a line", `{"time":"2026-03-01T17:00:00Z","signals":{"queue.visible":1`, `signals: the line ends too early; write a whole object on one line`},
		{"signals in a list", `{"time":"2026-03-01T17:00:00Z","signals":[]}`, `signals: "[]" is not an object; write it like {…}`},
		{"NaN", given(`"queue.visible":NaN`), `signals: is not JSON: invalid character 'N' looking for beginning of value; a number that is unknown is written as null`},
		{"infinity", given(`"queue.visible":1e999`), `signals: "queue.visible": "1e999" is too large for a number; write a finite one, or null if it is unknown`},
		{"text", given(`"queue.visible":"12"`), `signals: "queue.visible": "12" is not a number; write it with digits and without quotes, or null if it is unknown`},
		{"a boolean", given(`"queue.visible":true`), `signals: "queue.visible": "true" is not a number; write it with digits and without quotes, or null if it is unknown`},
		{"a signal twice", given(`"queue.visible":1,"queue.visible":2`), `signals: "queue.visible" is given twice; remove one`},
		{"a misspelt signal", given(`"queue.visble":1`), `signals: "queue.visble": is not a signal; did you mean "queue.visible"?`},
		{"a misspelt signal of a queue", given(`"queues.photos.visble":1`), `signals: "queues.photos.visble": is not a signal; did you mean "queues.photos.visible"?`},
		{"one of a group that is like none", given(`"fleet.zebra_stripes":1`), "signals: \"fleet.zebra_stripes\": is not a signal; `skynet signals` lists those that there are"},
		{"no name", given(`"Queue Visible":1`), `signals: "Queue Visible": is not a signal's name; write small letters, digits and _ with dots between, like queue.visible`},
		{"an empty name", given(`"":1`), `signals: "": is not a signal's name; write small letters, digits and _ with dots between, like queue.visible`},
		{"a negative count", given(`"queue.visible":-1`), `signals: "queue.visible": -1 is negative, which items cannot be; write null if it is unknown`},
		{"a negative count of a queue", given(`"queues.photos.in_flight":-1`), `signals: "queues.photos.in_flight": -1 is negative, which items cannot be; write null if it is unknown`},
		{"half a worker", given(`"fleet.running":1.5`), `signals: "fleet.running": 1.5 is not a whole number of instances; round it`},
		{"too many workers", given(`"fleet.pending":1e9`), `signals: "fleet.pending": 1e+09 instances are more than 100000; correct it`},
		{"workers in an object", with(`,"workers":{}`), `workers: "{}" is not a list; write it like […]`},
		{"a worker's key misspelt", with(`,"workers":[{"id":"a","state":"working","job":1}]`), `workers[0]: "job": unknown key; did you mean "jobs"?`},
		{"a worker's key twice", with(`,"workers":[{"id":"a","id":"b","state":"working"}]`), `workers[0]: "id" is given twice; remove one`},
		{"a worker's key in another case", with(`,"workers":[{"ID":"a","state":"working"}]`), `workers[0]: "ID": unknown key; did you mean "id"?`},
		{"a worker without a state", with(`,"workers":[{"id":"a"}]`), `workers[0].state: missing; add it`},
		{"a worker in no state", with(`,"workers":[{"id":"a","state":"busy"}]`), `workers[0]: unknown state "busy" (known: unknown, starting, working, draining, drained, stopping, asleep, waking, leaving)`},
		{"a worker's jobs as text", with(`,"workers":[{"id":"a","state":"working","jobs":"1"}]`), `workers[0].jobs: is a string, not of the kind int; correct it`},
		{"a worker's negative jobs", with(`,"workers":[{"id":"a","state":"working","jobs":-1}]`), `workers[0]: jobs -1, slots 0, unheard 0s, hourly 0: none can be negative; correct it`},
		{"a worker without a name", with(`,"workers":[{"id":"","state":"working"}]`), `workers[0].id: is empty; give each worker the ID that it keeps from line to line`},
		{"a worker twice", with(`,"workers":[{"id":"a","state":"working"},{"id":"a","state":"working"}]`), `workers[1].id: "a" is listed twice; list each worker once`},
		{"negative advice", with(`,"advice":[{"policy":"mine","want":-1}]`), `advice[0].want: -1 is negative; write how many workers are wanted, or say in unknown why not`},
		{"an unknown order", with(`,"orders":{"ceiling":{}}`), `orders: "ceiling": unknown key; known: [pause floor drain forget changes ended]`},
		{"a pause without an end", with(`,"orders":{"pause":{}}`), `orders.pause.until: missing; add it`},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, err := line.Parse([]byte(c.text))
			if err == nil {
				err = in.Check(open)
			}
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// Where the settings are known, only their names may be spoken of.
func TestNamesOfAFleet(t *testing.T) {
	for name, want := range map[string]string{
		"queue.visible": "", "upload.cpu": "", "queues.photos.visible": "", "queue.growth": "",
		"queues.videos.visible": `signals: "queues.videos.visible": is not a signal of this fleet; did you mean "queues.photos.visible"?`,
		"upload.cpus":           `signals: "upload.cpus": is not a signal of this fleet; did you mean "upload.cpu"?`,
	} {
		in := line.In{Signals: map[string]*float64{name: new(1.0)}}
		if name == "queue.growth" {
			in.Signals[name] = new(-1.0)
		}
		if err := in.Check(fixed); (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (line.In{Signals: map[string]*float64{"queues.videos.visible": nil, "my.own": new(-3.0)}}).Check(open); err != nil {
		t.Error(err)
	}
}

func TestReader(t *testing.T) {
	short := `{"time":"2026-03-01T17:00:00Z","signals":{}}`
	r := line.NewReader(strings.NewReader(short + "\r\n" + short)) // the last without an end
	for n := 1; n <= 2; n++ {
		if _, err := r.Next(); err != nil || r.Line() != n {
			t.Errorf("line %d (%d): %v", n, r.Line(), err)
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last: %v", err)
	}
	r = line.NewReader(strings.NewReader(short + "\n\n" + short + "\n"))
	_, _ = r.Next()
	if _, err := r.Next(); err == nil || err.Error() != "line 2: is empty; write one snapshot a line" {
		t.Errorf("an empty line: %v", err)
	}
}

// endless never ends a line.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) { e.read += len(p); return len(p), nil }

func TestReaderIsBounded(t *testing.T) {
	from := &endless{}
	if _, err := line.NewReader(from).Next(); err == nil || !strings.Contains(err.Error(), "line 1: is longer than 16777216 bytes") {
		t.Errorf("got %v", err)
	}
	if from.read > line.Longest+1<<20 {
		t.Errorf("read %d bytes of a line that is too long", from.read)
	}
	for n, bad := range map[int]bool{8: false, 9: true} {
		text, err := line.ReadLine(bufio.NewReader(strings.NewReader(strings.Repeat("x", n)+"\n")), 8)
		if (err != nil) != bad || !bad && len(text) != n {
			t.Errorf("%d bytes of 8: %q, %v", n, text, err)
		}
	}
}

// What is written stands in the order that is promised.
func TestOut(t *testing.T) {
	for _, c := range []struct {
		out  line.Out
		want string
	}{
		{line.Out{Time: five, Have: new(7), Want: new(7), Action: "hold", Reasons: []line.Reason{{By: "slo", Said: "1 < 2"}}},
			`{"time":"2026-03-01T17:00:00Z","have":7,"want":7,"action":"hold","reasons":[{"by":"slo","said":"1 < 2"}]}`},
		{line.Out{Time: five, Action: "hold"}, `{"time":"2026-03-01T17:00:00Z","have":null,"want":null,"action":"hold","reasons":[]}`},
	} {
		text, err := c.out.Encode()
		if err != nil || string(text) != c.want+"\n" {
			t.Errorf("got %s, %v", text, err)
		}
		back, err := line.ParseOut(text)
		if diff := cmp.Diff(c.out, back, cmp.Transformer("", func(r []line.Reason) string { return string(mustEncode(r)) })); diff != "" || err != nil {
			t.Errorf("%s %v", diff, err)
		}
	}
}

func mustEncode(r []line.Reason) []byte {
	b, _ := line.Out{Reasons: r}.Encode()
	return b
}

func TestParseOut(t *testing.T) {
	if o, err := line.ParseOut([]byte(`{"want":3}`)); err != nil || *o.Want != 3 {
		t.Errorf("got %+v, %v", o, err)
	}
	for text, want := range map[string]string{
		``:                    `"" is not an object; write it like {…}`,
		`3`:                   `"3" is not an object; write it like {…}`,
		`{}`:                  `want: missing; add it`,
		`{"want":-1}`:         `want: -1 is no number of workers`,
		`{"want":5000000000}`: `want: 5000000000 is no number of workers`,
		`{"want":2.5}`:        `want: is a number 2.5, not of the kind int; correct it`,
		`{"wants":2}`:         `"wants": unknown key; did you mean "want"?`,
		`{"want":2}{`:         `more follows the end of the object; write one object a line`,
		`{"want":"two"}`:      `want: is a string, not of the kind int; correct it`,
	} {
		if _, err := line.ParseOut([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// A snapshot's line says null where it does not know.
func TestOf(t *testing.T) {
	s := signals.Snapshot{Now: five, Workers: []fleet.Worker{}, Signals: []signals.Signal{
		signals.Known("a.known", 1, five, 0), signals.Known("b.stale", 2, five.Add(-time.Minute), time.Second), signals.Missing("c.unknown", five, "why"),
	}}
	text, err := line.Of(s).Encode()
	const want = `{"time":"2026-03-01T17:00:00Z","signals":{"a.known":1,"b.stale":null,"c.unknown":null},"workers":[]}` + "\n"
	if err != nil || string(text) != want {
		t.Errorf("got %s, %v", text, err)
	}
	s.Workers = nil
	if text, _ = line.Of(s).Encode(); strings.Contains(string(text), "workers") {
		t.Errorf("nobody was listed: %s", text)
	}
}

// FuzzLine: no line can break the reader, and what it takes it can write again.
func FuzzLine(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte(`{"time":"2026-03-01T18:00:00.5+01:00","signals":{"upload.cpu":null},"workers":[{"id":"i-1","state":"working"}],"advice":[{"policy":"m","want":3}],"orders":{"pause":{"until":"2026-03-01T18:00:00Z"}}}`))
	f.Add([]byte(`{"time":"2026-03-01T17:00:00Z","signals":{"queue.visible":1e400}}`))
	f.Add([]byte(strings.Repeat(`{"signals":`, 300)))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = line.ParseOut(data)
		in, err := line.Parse(data)
		if err != nil {
			return
		}
		if err := in.Check(open); err != nil {
			return
		}
		for _, s := range in.Given(in.Time) {
			if _, err := s.Check(in.Time); (err == nil) != (in.Signals[s.Name] != nil) {
				t.Errorf("%s: %v", s.Name, err)
			}
		}
		text, err := in.Encode()
		if err != nil {
			t.Fatalf("%s cannot be written: %v", data, err)
		}
		back, err := line.Parse(text)
		if err != nil || !back.Time.Equal(in.Time) || !cmp.Equal(in.Signals, back.Signals) || !cmp.Equal(in.Workers, back.Workers) {
			t.Errorf("%s is written as %s and read as %+v, %v", data, text, back, err)
		}
	})
}
