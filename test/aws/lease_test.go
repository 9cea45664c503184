package aws

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// takeover is how long a successor waits for a holder that is not heard of any more:
// a lease of a minute, a call of half a minute, and its own looks, with room for a
// busy machine.
const takeover = 150 * time.Second

// deed is a call that changes something, or takes heartbeats off their queue.
type deed struct {
	who, action string
	at          time.Time
}

// diary writes down what several daemons do, in the order in which it was asked for.
type diary struct {
	mu    sync.Mutex
	deeds []deed
}

// tap is a way to moto on which the diary sees what one daemon does.
func (d *diary) tap(t *testing.T, who, moto string) *wire {
	t.Helper()
	to, err := url.Parse(moto)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorHandler = func(rw http.ResponseWriter, _ *http.Request, _ error) { rw.WriteHeader(http.StatusBadGateway) }
	w := &wire{calls: map[string]int{}}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		action := actionOf(r, body)
		w.note(action)
		d.note(deed{who, action, time.Now()}, body)
		proxy.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.Close)
	return w
}

// changing are the calls by which a daemon acts. Of those of SQS a daemon needs the
// ones for heartbeats only, which are gone once they were read.
var changing = []string{
	"ec2:CreateFleet", "ec2:RunInstances", "ec2:TerminateInstances", "ec2:StopInstances", "ec2:StartInstances",
	"ec2:CreateTags", "ec2:DeleteTags", "sqs:ReceiveMessage", "sqs:DeleteMessageBatch", "sqs:DeleteMessage",
}

func (d *diary) note(e deed, body []byte) {
	if !slices.Contains(changing, e.action) || strings.Contains(string(body), "DryRun=true") {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deeds = append(d.deeds, e)
}

// of lists what one daemon has done in EC2 since a moment.
func (d *diary) of(who string, since time.Time) (list []deed) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.deeds {
		if e.who == who && !e.at.Before(since) && strings.HasPrefix(e.action, "ec2:") {
			list = append(list, e)
		}
	}
	return list
}

// turns lists who acted, one after the other, and wants no interval with two.
func (d *diary) turns(t *testing.T, interval time.Duration) (turns []string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	in := map[time.Time]string{}
	for _, e := range d.deeds {
		if len(turns) == 0 || turns[len(turns)-1] != e.who {
			turns = append(turns, e.who)
		}
		if i := e.at.Truncate(interval); in[i] == "" {
			in[i] = e.who
		} else if in[i] != e.who {
			t.Errorf("%s and %s act in the interval of %s, the latter by %s", in[i], e.who, i.Format(time.TimeOnly), e.action)
		}
	}
	return turns
}

// TestMotoLease: two controllers are started at once against one account. One of them
// is stopped with SIGSTOP past its lease; the other takes over, and knows what was
// bought; the first is woken, and does nothing.
func TestMotoLease(t *testing.T) {
	p := plan{top: "lease: s3://" + state + "/lease"}
	one := newSite(t, p)
	two := &site{account: one.account, dir: t.TempDir(), moto: one.moto, hv: one.hv}
	two.configure(p)
	var log diary
	one.wire, two.wire = log.tap(t, "one", one.moto.URL), log.tap(t, "two", one.moto.URL)
	daemons := map[string]*process{"one": one.attempt(), "two": two.attempt()}
	first := firstOf(t, daemons, "\truns\t")
	next := map[string]string{"one": "two", "two": "one"}[first]
	await(t, "the other to stand by", func() error { return says(daemons[next], "stands by") })

	one.put("in/0.jpg", photo)
	await(t, "the first to buy", func() error {
		if len(log.of(first, time.Time{})) == 0 || len(one.alive()) == 0 {
			return fmt.Errorf("%d instances", len(one.alive()))
		}
		return nil
	})
	stopped := time.Now()
	t.Logf("%s holds the lease and is stopped", first)
	signal(t, daemons[first], syscall.SIGSTOP)
	for n := range 8 { // there is reason to buy for whoever may
		one.put(fmt.Sprintf("in/while-%d.jpg", n), photo)
	}
	awaitFor(t, takeover, "the other to act", func() error {
		if len(log.of(next, time.Time{})) == 0 {
			return says(daemons[next], "it acts")
		}
		return nil
	})
	t.Logf("%s takes over after %s", next, time.Since(stopped).Round(time.Second))
	if err := says(daemons[next], "holds the lease"); err != nil {
		t.Error(err)
	}
	if n := len(one.alive()); n > 3 {
		t.Errorf("%d instances, at most 3 may be: what the first has bought is forgotten", n)
	}

	woken := time.Now()
	signal(t, daemons[first], syscall.SIGCONT)
	await(t, "the first to notice", func() error { return says(daemons[first], "stops acting") })
	await(t, "the fleet to go home under the second", func() error {
		if n := len(one.alive()); n > 0 {
			return fmt.Errorf("%d instances", n)
		}
		return nil
	})
	if did := log.of(first, woken); len(did) > 0 {
		t.Errorf("%s was woken and acts: %v", first, did)
	}

	told := time.Now()
	two.stop(daemons[next])
	one.put("in/last.jpg", photo)
	await(t, "the first to act again", func() error {
		if len(log.of(first, told)) == 0 {
			return says(daemons[first], "it acts again")
		}
		return nil
	})
	one.stop(daemons[first])
	if got, want := log.turns(t, time.Second), []string{first, next, first}; !slices.Equal(got, want) {
		t.Errorf("turns %v, want %v", got, want)
	}
}

// firstOf waits until one of several daemons has said something.
func firstOf(t *testing.T, daemons map[string]*process, text string) (who string) {
	t.Helper()
	await(t, "one of them to say "+strings.TrimSpace(text), func() error {
		for name, p := range daemons {
			if says(p, text) == nil {
				who = name
				return nil
			}
			if !p.Runs() {
				t.Fatalf("%s ended: %s", name, p.Said())
			}
		}
		return fmt.Errorf("none does")
	})
	return who
}

func says(p *process, text string) error {
	if strings.Contains(p.Said(), text) {
		return nil
	}
	return fmt.Errorf("%s does not say %q: %s", p.Name, text, tail(p.Err))
}

func signal(t *testing.T, p *process, s syscall.Signal) {
	t.Helper()
	if err := p.Signal(s); err != nil {
		t.Fatal(err)
	}
}
