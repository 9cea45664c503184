package heartbeats_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skynet/fleet"
	"skynet/queue"
	"skynet/signals/heartbeats"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// beat is a heartbeat of i-1's agent in its first start, boot "a", that says
// which number it is by its jobs, and has finished one item.
func beat(seq uint64, change ...func(*fleet.Heartbeat)) fleet.Heartbeat {
	b := fleet.Heartbeat{
		Worker: "i-1", Fleet: "render", Boot: "a", Seq: seq, At: noon.Add(time.Duration(seq) * 15 * time.Second),
		State: fleet.Working, Jobs: int(seq), Slots: 4, CPU: 50, Memory: 40,
		Queues: []fleet.Work{{Queue: "photos", Completed: 1}},
	}
	for _, c := range change {
		c(&b)
	}
	return b
}

func boot(name string, at time.Time) func(*fleet.Heartbeat) {
	return func(b *fleet.Heartbeat) { b.Boot, b.At = name, at }
}

func of(id fleet.ID) func(*fleet.Heartbeat) { return func(b *fleet.Heartbeat) { b.Worker = id } }

// post is letters that are read as they arrive.
func post(beats ...fleet.Heartbeat) []queue.Letter { return postAt(time.Time{}, beats...) }

func postAt(at time.Time, beats ...fleet.Heartbeat) (letters []queue.Letter) {
	for _, b := range beats {
		body, err := json.Marshal(b)
		if err != nil {
			panic(err)
		}
		letters = append(letters, queue.Letter{Body: body, At: at})
	}
	return letters
}

// Heartbeats may come doubled, late and out of order; the newest is believed
// and each is counted once.
func TestWhatIsBelievedAndCounted(t *testing.T) {
	later := noon.Add(time.Hour)
	second := func(seq uint64) fleet.Heartbeat {
		return beat(seq, boot("b", later.Add(time.Duration(seq)*time.Second)), func(b *fleet.Heartbeat) { b.Jobs = 100 + int(seq) })
	}
	for _, c := range []struct {
		name  string
		beats []fleet.Heartbeat
		jobs  int // as last said
		count int // items
	}{
		{"in order", []fleet.Heartbeat{beat(1), beat(2), beat(3)}, 3, 3},
		{"doubled", []fleet.Heartbeat{beat(1), beat(1), beat(2), beat(2), beat(1)}, 2, 2},
		{"out of order", []fleet.Heartbeat{beat(3), beat(1), beat(2)}, 3, 3},
		{"out of order and doubled", []fleet.Heartbeat{beat(3), beat(1), beat(3), beat(1), beat(2)}, 3, 3},
		{"some lost", []fleet.Heartbeat{beat(1), beat(9)}, 9, 2},
		{"the oldest that may be late", []fleet.Heartbeat{beat(65), beat(2)}, 65, 2},
		{"too late to tell from a double", []fleet.Heartbeat{beat(65), beat(1)}, 65, 1},
		{"far ahead", []fleet.Heartbeat{beat(1), beat(1000), beat(999), beat(1)}, 1000, 3},
		{"a new start", []fleet.Heartbeat{beat(7), second(1), second(2)}, 102, 3},
		{"a late word of the old start", []fleet.Heartbeat{beat(7), second(1), beat(8)}, 101, 3},
		{"the same, doubled", []fleet.Heartbeat{beat(7), second(1), beat(8), beat(8), beat(7)}, 101, 3},
		{"a late word of a start we never heard", []fleet.Heartbeat{second(1), beat(8), beat(8)}, 101, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := counting()
			for _, b := range c.beats { // one call each, as they would trickle in
				e.Hear(later, post(b))
			}
			expect(t, e, c.jobs, c.count)
			e = counting()
			e.Hear(later, post(c.beats...))
			expect(t, e, c.jobs, c.count)
		})
	}
}

// counting is Ears that were asked for the signals of fleet render.
func counting() *heartbeats.Ears {
	e := heartbeats.New()
	e.Source("render", []string{"photos"}, time.Minute)
	return e
}

func expect(t *testing.T, e *heartbeats.Ears, jobs, count int) {
	t.Helper()
	last, _, ok := e.Last("i-1")
	if got := e.Totals("render")["photos"].Completed; !ok || last.Jobs != jobs || got != count {
		t.Errorf("believes %d jobs and counts %d items, want %d and %d", last.Jobs, got, jobs, count)
	}
}

// A worker whose clock was set back with a new start must not be taken for its
// own past for ever: it would be silent, and replaced with items in hand.
func TestAClockSetBackByAStart(t *testing.T) {
	e := counting()
	e.Hear(noon, post(beat(500)))
	past := boot("b", noon.Add(-time.Hour))
	e.Hear(noon.Add(5*time.Minute), post(beat(1, past)))
	if last, _, _ := e.Last("i-1"); last.Boot != "a" {
		t.Error("what may be a late word was believed")
	}
	e.Hear(noon.Add(5*time.Minute+1), post(beat(2, past)))
	if last, heard, _ := e.Last("i-1"); last.Boot != "b" || last.Jobs != 2 || !heard.Equal(noon.Add(5*time.Minute+1)) {
		t.Errorf("still believes %+v, heard %s", last, heard)
	}
	if n := e.Totals("render")["photos"].Completed; n != 3 {
		t.Errorf("counted %d, want 3", n)
	}
}

func TestADoubleIsNoSignOfLife(t *testing.T) {
	e := heartbeats.New()
	e.Hear(noon, post(beat(2)))
	e.Hear(noon.Add(time.Minute), post(beat(2), beat(1)))
	if _, heard, _ := e.Last("i-1"); !heard.Equal(noon) {
		t.Errorf("heard at %s, want %s", heard, noon)
	}
}

// A letter may have waited while the controller was away, or come from a remote
// server whose clock is another.
func TestAWorkerIsHeardWhenItsLetterArrived(t *testing.T) {
	for name, c := range map[string]struct{ at, heard time.Time }{
		"at once":                    {noon, noon},
		"four minutes ago":           {noon.Add(-4 * time.Minute), noon.Add(-4 * time.Minute)},
		"by a clock that is ahead":   {noon.Add(time.Hour), noon},
		"by a mail that cannot tell": {time.Time{}, noon},
	} {
		e := counting()
		e.Hear(noon, postAt(c.at, beat(1)))
		if _, heard, _ := e.Last("i-1"); !heard.Equal(c.heard) {
			t.Errorf("%s: heard at %s, want %s", name, heard, c.heard)
		}
		if since, until := e.Listening(); !since.Equal(noon) || !until.Equal(noon) {
			t.Errorf("%s: listened from %s to %s: we have listened since we read, whatever was read", name, since, until)
		}
		if n := e.Totals("render")["photos"].Completed; n != 1 {
			t.Errorf("%s: counted %d items", name, n)
		}
	}
}

// What a worker said before it was sent to sleep is no word of the woken one,
// and does not bury what it said since.
func TestWordsFromBeforeASleep(t *testing.T) {
	e := heartbeats.New()
	asleep := noon.Add(-3 * time.Minute)
	e.Hear(noon, postAt(asleep, beat(7)))
	if _, heard, _ := e.Last("i-1"); !heard.Equal(asleep) {
		t.Errorf("heard at %s, want %s", heard, asleep)
	}
	e.Hear(noon.Add(time.Minute), append(postAt(asleep, beat(6)), postAt(noon.Add(time.Second), beat(8))...))
	if last, heard, _ := e.Last("i-1"); last.Seq != 8 || !heard.Equal(noon.Add(time.Second)) {
		t.Errorf("believes number %d, heard at %s", last.Seq, heard)
	}
}

// The first word of a start, or after a sleep, is the first that arrived, not the
// first that was read: queues do not keep the order.
func TestBootedWhereWordsOvertakeOneAnother(t *testing.T) {
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	e := heartbeats.New()
	e.Hear(at(50), append(postAt(at(45), beat(3)), append(postAt(at(15), beat(1)), postAt(at(30), beat(2))...)...))
	if got := e.Booted("i-1"); !got.Equal(at(15)) {
		t.Errorf("booted at %s", got)
	}
	e.Hear(at(3650), append(postAt(at(3645), beat(6)), postAt(at(3615), beat(4))...))
	if got := e.Booted("i-1"); !got.Equal(at(3615)) {
		t.Errorf("woke at %s", got)
	}
	e.Hear(at(3660), postAt(at(40), beat(5))) // from before its sleep
	if got := e.Booted("i-1"); !got.Equal(at(3615)) {
		t.Errorf("woke at %s", got)
	}
}

// The machine's other clock stands still while it sleeps: by that one, an hour
// in which nobody could be heard would be no break.
func TestListeningIsByTheWallClock(t *testing.T) {
	e := heartbeats.New()
	e.Hear(time.Now(), post(beat(1)))
	since, until := e.Listening()
	_, heard, _ := e.Last("i-1")
	for _, at := range []time.Time{since, until, heard} {
		if at != at.Round(0) {
			t.Errorf("%s carries the monotonic clock", at)
		}
	}
}

func TestListening(t *testing.T) {
	e := heartbeats.New()
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	for _, step := range []struct{ now, since, until int }{
		{0, 0, 0}, {2, 0, 2}, {17, 0, 17}, // a call may take fifteen seconds
		{33, 33, 33}, {35, 33, 35}, // after sixteen we were deaf
		{3600, 3600, 3600},
	} {
		e.Hear(at(step.now), nil) // no messages: but we could have heard one
		if since, until := e.Listening(); !since.Equal(at(step.since)) || !until.Equal(at(step.until)) {
			t.Errorf("at %d s: from %s to %s, want %d to %d", step.now, since, until, step.since, step.until)
		}
	}
	if since, until := heartbeats.New().Listening(); !since.IsZero() || !until.IsZero() {
		t.Errorf("has listened before it began: %s %s", since, until)
	}
}

// The cloud tells of an interruption in more than one way: whichever is first
// counts, for as long as an interruption takes.
func TestNotice(t *testing.T) {
	e, taken := heartbeats.New(), fleet.Interruption{Action: "terminate", At: noon.Add(2 * time.Minute)}
	e.Hear(noon, post(beat(1)))
	e.Notice(noon, "i-1", taken)
	e.Notice(noon, "i-2", taken)
	if b, _, ok := e.Last("i-1"); !ok || b.Interruption == nil || *b.Interruption != taken || b.Jobs != 1 {
		t.Errorf("i-1: %+v, %v", b, ok)
	}
	if b, heard, ok := e.Last("i-2"); ok || b.Interruption == nil || !heard.IsZero() {
		t.Errorf("i-2, which was never heard: %+v, %v, %v", b, heard, ok)
	}
	own := fleet.Interruption{Action: "stop", At: noon.Add(time.Minute)}
	e.Hear(noon.Add(time.Second), post(beat(2, func(b *fleet.Heartbeat) { b.Interruption = &own })))
	if b, _, _ := e.Last("i-1"); *b.Interruption != own {
		t.Errorf("what it says itself is %+v", b.Interruption)
	}
	e.Hear(noon.Add(16*time.Minute), post(beat(3)))
	for _, id := range []fleet.ID{"i-1", "i-2"} {
		if b, _, _ := e.Last(id); b.Interruption != nil {
			t.Errorf("%s: the notice of long ago still counts: %+v", id, b.Interruption)
		}
	}
}

func TestAtRisk(t *testing.T) {
	e := heartbeats.New()
	e.Hear(noon, post(beat(1), beat(1, of("i-2"), func(b *fleet.Heartbeat) { b.AtRisk = true }), beat(1, of("i-3"))))
	e.AtRisk(noon, "i-3")
	for id, want := range map[fleet.ID]bool{"i-1": false, "i-2": true, "i-3": true} {
		if b, _, _ := e.Last(id); b.AtRisk != want {
			t.Errorf("%s is at risk: %v", id, b.AtRisk)
		}
	}
	e.Hear(noon.Add(25*time.Hour), post(beat(2, of("i-3"))))
	if b, _, _ := e.Last("i-3"); b.AtRisk {
		t.Error("the word of a day ago still counts")
	}
}

func TestPrime(t *testing.T) {
	e := counting()
	e.Hear(noon, post(beat(5)))
	e.Prime([]fleet.Worker{
		{ID: "i-1", Heard: noon.Add(-time.Hour), Jobs: 9}, // heard since: that is newer
		{ID: "i-2", Heard: noon.Add(-time.Minute), Jobs: 3, Slots: 4},
		{ID: "i-3"}, // never heard then either
	})
	if b, heard, _ := e.Last("i-1"); b.Jobs != 5 || !heard.Equal(noon) {
		t.Errorf("i-1: %+v %s", b, heard)
	}
	if b, heard, ok := e.Last("i-2"); !ok || b.State != fleet.Working || b.Jobs != 3 || b.Slots != 4 || !heard.Equal(noon.Add(-time.Minute)) {
		t.Errorf("i-2: %+v %s %v", b, heard, ok)
	}
	if b, _, ok := e.Last("i-3"); ok {
		t.Errorf("i-3 never spoke: %+v", b)
	}
	e.Hear(noon, post(beat(1, of("i-2"))))
	if b, heard, _ := e.Last("i-2"); b.Jobs != 1 || !heard.Equal(noon) || e.Totals("render")["photos"].Completed != 2 {
		t.Errorf("its first real word was not believed: %+v %s", b, heard)
	}
}

func TestTheGoneAreForgotten(t *testing.T) {
	e := heartbeats.New()
	e.Hear(noon, post(beat(1)))
	e.Hear(noon.Add(24*time.Hour), nil)
	if _, _, ok := e.Last("i-1"); !ok {
		t.Error("forgotten after a day")
	}
	e.Hear(noon.Add(24*time.Hour+1), nil)
	if _, _, ok := e.Last("i-1"); ok {
		t.Error("kept for more than a day")
	}
}

// hostile are messages that are no heartbeats of ours.
var hostile = map[string]string{
	"nothing":               ``,
	"noise":                 `what?`,
	"null":                  `null`,
	"a list":                `[]`,
	"truncated":             `{"worker":"i-1","fleet":"render","boot":"a","seq":9,"state":"worki`,
	"no worker":             `{"fleet":"render","boot":"a","seq":9,"state":"working"}`,
	"a worker's path":       `{"worker":"../../etc","fleet":"render","boot":"a","seq":9,"state":"working"}`,
	"a long worker":         `{"worker":"` + strings.Repeat("i", 65) + `","fleet":"render","boot":"a","seq":9,"state":"working"}`,
	"a fleet's markup":      `{"worker":"i-1","fleet":"<b>","boot":"a","seq":9,"state":"working"}`,
	"no boot":               `{"worker":"i-1","fleet":"render","seq":9,"state":"working"}`,
	"no seq":                `{"worker":"i-1","fleet":"render","boot":"a","state":"working"}`,
	"a negative seq":        `{"worker":"i-1","fleet":"render","boot":"a","seq":-1,"state":"working"}`,
	"no state":              `{"worker":"i-1","fleet":"render","boot":"a","seq":9}`,
	"another state":         `{"worker":"i-1","fleet":"render","boot":"a","seq":9,"state":"asleep"}`,
	"an unknown state":      `{"worker":"i-1","fleet":"render","boot":"a","seq":9,"state":"happy"}`,
	"negative jobs":         `{"worker":"i-1","fleet":"render","boot":"a","seq":9,"state":"working","jobs":-1}`,
	"huge jobs":             `{"worker":"i-1","fleet":"render","boot":"a","seq":9,"state":"working","jobs":1e18}`,
	"huge slots":            `{"worker":"i-1","fleet":"render","boot":"a","seq":9,"state":"working","slots":2000000}`,
	"infinite CPU":          `{"worker":"i-1","fleet":"render","boot":"a","seq":9,"state":"working","cpu":1e999}`,
	"a queue's name":        `{"worker":"i-1","fleet":"render","boot":"a","seq":9,"state":"working","queues":[{"queue":"a.b"}]}`,
	"negative counts":       `{"worker":"i-1","fleet":"render","boot":"a","seq":9,"state":"working","queues":[{"queue":"photos","completed":-1}]}`,
	"negative bytes":        `{"worker":"i-1","fleet":"render","boot":"a","seq":9,"state":"working","queues":[{"queue":"photos","bytes_in":-1}]}`,
	"huge counts":           `{"worker":"i-1","fleet":"render","boot":"a","seq":9,"state":"working","queues":[{"queue":"photos","failed":1000001}]}`,
	"a sketch of nothing":   `{"worker":"i-1","fleet":"render","boot":"a","seq":9,"state":"working","queues":[{"queue":"photos","seconds":"AAAA"}]}`,
	"a long boot":           wordy(`"boot":"%s"`),
	"a long drain":          wordy(`"boot":"a","drain":"%s"`),
	"a long version":        wordy(`"boot":"a","version":"%s"`),
	"a long action":         wordy(`"boot":"a","interruption":{"action":"%s"}`),
	"a version that steers": `{"worker":"i-1","fleet":"render","boot":"a","seq":9,"state":"working","version":"1\u001b[2J"}`,
	"a version turned back": `{"worker":"i-1","fleet":"render","boot":"a","seq":9,"state":"working","version":"1\u202e2"}`,
	"a boot of two lines":   `{"worker":"i-1","fleet":"render","boot":"a\nb","seq":9,"state":"working"}`,
	"too long":              `{"worker":"i-1","fleet":"render","boot":"` + strings.Repeat("a", 256<<10) + `","seq":9,"state":"working"}`,
	"too many queues":       `{"worker":"i-1","fleet":"render","boot":"a","seq":9,"state":"working","queues":[` + strings.Repeat(`{"queue":"a"},`, 256) + `{"queue":"a"}]}`,
}

func wordy(with string) string {
	return `{"worker":"i-1","fleet":"render","seq":9,"state":"working",` + fmt.Sprintf(with, strings.Repeat("a", 257)) + `}`
}

// Whoever posts under ever new names makes us keep no more, and drives out
// nobody that is known.
func TestStrangersAreBounded(t *testing.T) {
	e := counting()
	e.Hear(noon, post(beat(1)))
	flood := func(now time.Time) {
		var all []queue.Letter
		for i := range 20_010 {
			all = append(all, post(beat(1, of(fleet.ID(fmt.Sprintf("a-%d", i))), func(b *fleet.Heartbeat) {
				b.Fleet, b.Queues = fmt.Sprintf("f%d", i), []fleet.Work{{Queue: fmt.Sprintf("q%d", i), Completed: 1}}
			}))...)
		}
		e.Hear(now, all)
	}
	flood(noon)
	if n := e.Refused(); n != 11 {
		t.Errorf("refused %d of 20,011 workers, want 11", n)
	}
	e.Hear(noon, post(beat(2)))
	expect(t, e, 2, 2)
	if len(e.Totals("f1")) != 0 {
		t.Error("a fleet that nobody asked for is counted")
	}
	later := noon.Add(time.Hour + 1)
	e.Hear(later, post(beat(3))) // tidied behind the first word after an hour
	e.Hear(later, post(beat(1, of("i-2"))))
	if _, _, ok := e.Last("i-2"); !ok {
		t.Error("a new worker is refused for longer than an hour")
	}
	if _, _, ok := e.Last("a-1"); ok {
		t.Error("a stranger of an hour ago is kept, though there was no room")
	}
	expect(t, e, 3, 4)
}

func TestCountersAreNotKeptTwice(t *testing.T) {
	e := counting()
	e.Hear(noon, post(beat(1)))
	if last, _, _ := e.Last("i-1"); len(last.Queues) != 0 {
		t.Errorf("keeps %+v", last.Queues)
	}
}

func TestHostileMessages(t *testing.T) {
	for name, body := range hostile {
		t.Run(name, func(t *testing.T) {
			if _, err := heartbeats.Parse([]byte(body)); err == nil || len(err.Error()) > 300 {
				t.Errorf("parsed with error %.400v, want a short one", err)
			}
			e := counting()
			e.Hear(noon, append(post(beat(1)), queue.Letter{Body: []byte(body)}))
			e.Hear(noon, post(beat(2))) // and those after it are heard
			expect(t, e, 2, 2)
			if n := e.Refused(); n != 1 {
				t.Errorf("refused %d letters, want 1", n)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, body := range hostile {
		if len(body) < 10_000 {
			f.Add([]byte(body))
		}
	}
	f.Add(post(beat(1))[0].Body)
	f.Add(post(worked(1, "photos", 1, 2, 3))[0].Body)
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := heartbeats.Parse(body)
		if err != nil {
			return
		}
		e := heartbeats.New()
		s := e.Source(b.Fleet, []string{"photos"}, time.Minute)
		e.Hear(noon, []queue.Letter{{Body: body}, {Body: body}})
		if _, _, ok := e.Last(b.Worker); !ok {
			t.Errorf("parsed, but not heard: %q", body)
		}
		for _, s := range s.Read(t.Context(), noon) {
			if v, err := s.Check(noon); err == nil && v < 0 && !strings.HasPrefix(s.Name, "fleet.") {
				t.Errorf("%s is %g after %q", s.Name, v, body)
			}
		}
		again, err := heartbeats.Parse(post(b)[0].Body)
		if err != nil || again.Worker != b.Worker || again.Seq != b.Seq || len(again.Queues) != len(b.Queues) {
			t.Errorf("%q is not read again: %v", body, err)
		}
	})
}

// mailbox fails while it is broken, as a queue's client would: slowly.
type mailbox struct {
	broken  func() bool
	letters chan queue.Letter
}

func (m mailbox) Post(context.Context, []byte) error { return errors.ErrUnsupported }

func (m mailbox) Collect(ctx context.Context, _ int, wait time.Duration) ([]queue.Letter, error) {
	if m.broken() {
		return nil, errors.New("connection refused")
	}
	select {
	case l := <-m.letters:
		return []queue.Letter{l}, nil
	case <-time.After(wait):
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestListenLivesThroughABrokenMailbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun, ctx := time.Now(), t.Context()
		after := func(d time.Duration) time.Duration { return time.Since(begun) - d }
		m := mailbox{
			broken:  func() bool { return after(time.Minute) >= 0 && after(2*time.Minute) < 0 || after(3*time.Minute) >= 0 },
			letters: make(chan queue.Letter, 10),
		}
		var mu sync.Mutex // the race detector does not know that a bubble runs in turns
		var complaints []string
		e := heartbeats.New()
		source := e.Source("render", []string{"photos"}, time.Minute)
		ctx, cancel := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() {
			defer close(done)
			e.Listen(ctx, m, func(err error) {
				mu.Lock()
				defer mu.Unlock()
				complaints = append(complaints, err.Error())
			})
		}()
		said := func() string {
			for _, s := range source.Read(ctx, time.Now()) {
				if s.Name == "queues.photos.completed" {
					return fmt.Sprint(s.Value, " ", s.Unknown)
				}
			}
			return "nothing"
		}
		step := func(d time.Duration, want string, complained int) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if got := said(); got != want || len(complaints) != complained {
				t.Errorf("after %s: %q, want %q; complaints: %q", time.Since(begun), got, want, complaints)
			}
		}
		step(0, "0 no heartbeat queue has been read yet", 0)
		m.letters <- post(beat(1))[0]
		step(30*time.Second, "1 ", 0)
		step(35*time.Second, "0 ", 1) // broken for five seconds: not deaf yet
		step(30*time.Second, "0 heartbeats cannot be read: connection refused", 1)
		m.letters <- post(beat(2))[0]
		step(30*time.Second, "1 ", 1) // well again since 2m, and nothing was lost
		since, until := e.Listening()
		if since.Sub(begun) < 2*time.Minute || since.Sub(begun) > 2*time.Minute+2*time.Second || time.Since(until) > 3*time.Second {
			t.Errorf("listens from %s to %s", since.Sub(begun), until.Sub(begun))
		}
		step(time.Minute+5*time.Second, "0 ", 2) // broken again: said again, once
		cancel()
		<-done
	})
}

// idle is a mailbox that does not wait for letters.
type idle struct {
	mailbox
	asked *int
}

func (m idle) Collect(context.Context, int, time.Duration) ([]queue.Letter, error) {
	*m.asked++
	return nil, nil
}

func TestListenDoesNotSpin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		m := idle{asked: new(int)}
		e := heartbeats.New()
		e.Listen(ctx, m, func(err error) { t.Error(err) })
		if _, until := e.Listening(); *m.asked > 101 || time.Since(until) > time.Second {
			t.Errorf("asked %d times in 10 s, last %s ago", *m.asked, time.Since(until))
		}
	})
}

func TestListenEndsQuietly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, broken := range map[string]bool{"hearing": false, "broken": true} {
			ctx, cancel := context.WithCancel(t.Context())
			complaints := 0
			m := mailbox{broken: func() bool { return broken }}
			go func() {
				time.Sleep(10 * time.Second)
				cancel()
			}()
			begun := time.Now()
			heartbeats.New().Listen(ctx, m, func(error) { complaints++ })
			if took := time.Since(begun); took != 10*time.Second || complaints > 1 || !broken && complaints > 0 {
				t.Errorf("%s: ended after %s with %d complaints", name, took, complaints)
			}
		}
	})
}
