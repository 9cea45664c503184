package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"skynet/policy"
	"skynet/signals"
)

// diedOf is a tick that saw some die, one for each of these causes.
func diedOf(causes ...string) signals.Tick {
	return signals.Tick{Died: named(len(causes)), Causes: causes}
}

// Whoever is called reads of what launches died, the most frequent cause first.
func TestBreakerSaysWhy(t *testing.T) {
	const onLaunch, noRoom = "Client.InternalError: Client error on launch", "Server.InsufficientInstanceCapacity: none left"
	refused := signals.Tick{Deeds: signals.Deeds{Asked: 1, Refused: 2, Failures: []string{"drain: no", "launch: denied: UnauthorizedOperation: not allowed\nmore"}}}
	for _, c := range []struct {
		name string
		s    signals.Snapshot
		want string
	}{
		{"nobody says", history(signals.Tick{Died: named(3)}), ""},
		{"all of one", history(diedOf(onLaunch, onLaunch), diedOf(onLaunch)), " (3 × " + onLaunch + ")"},
		{"mostly of one", history(diedOf(noRoom), diedOf(onLaunch, onLaunch, onLaunch)), " (3 × " + onLaunch + "; 1 × " + noRoom + ")"},
		{"the newest first among equals", history(diedOf(onLaunch, onLaunch), diedOf(noRoom, noRoom)), " (2 × " + noRoom + "; 2 × " + onLaunch + ")"},
		{"of many", history(diedOf("a", "a", "b", "c", "d", "b", "a")), " (3 × a; 2 × b; 2 × other causes)"},
		{"some for no known cause", history(diedOf("", "", onLaunch)), " (2 × for no known cause; 1 × " + onLaunch + ")"},
		{"fewer causes than deaths", history(signals.Tick{Died: named(3), Causes: []string{onLaunch}}), " (2 × for no known cause; 1 × " + onLaunch + ")"},
		{"times and IDs differ", history(diedOf("exit status 1: 2026-03-01T12:00:01Z i-0123456789abcdef0 no disk", "exit status 1: 2026-03-01T12:00:07Z i-0123456789abcdef1 no disk", "exit status 2: 2026-03-01T12:00:07Z i-0123456789abcdef1 no disk")),
			" (2 × exit status 1: 2026-03-01T12:00:01Z i-0123456789abcdef0 no disk; 1 × exit status 2: 2026-03-01T12:00:07Z i-0123456789abcdef1 no disk)"},
		{"what died before one that works is over", history(diedOf(onLaunch), signals.Tick{Born: named(1), Died: named(2), Causes: []string{onLaunch, onLaunch}}, diedOf(noRoom, noRoom, noRoom)), " (3 × " + noRoom + ")"},
		{"long ago", history(append([]signals.Tick{diedOf(onLaunch)}, append(slices.Repeat([]signals.Tick{{}}, 60), diedOf(noRoom, noRoom, noRoom))...)...), " (3 × " + noRoom + ")"},
		{"the rest was refused", history(diedOf(noRoom, noRoom, noRoom), refused, refused), " (3 × " + noRoom + "; 4 more were refused, the last: launch: denied: UnauthorizedOperation: not allowed …)"},
		{"refused, and nobody says why any died", history(signals.Tick{Died: named(3)}, refused), " (2 more were refused, the last: launch: denied: UnauthorizedOperation: not allowed …)"},
		{"refused in words that are gone", history(diedOf(noRoom, noRoom, noRoom), signals.Tick{Deeds: signals.Deeds{Refused: 1}}), " (3 × " + noRoom + "; 1 more were refused)"},
		{"nothing died", history(), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			said := policy.Breaker{Dead: 3}.Said(c.s)
			if _, why, _ := strings.Cut(said, "became workers"); why != c.want {
				t.Errorf("says %q, want %q", why, c.want)
			}
		})
	}
	s := history(diedOf(noRoom, noRoom))
	s.Died, s.Causes = named(1), []string{noRoom}
	want := "launch one probe instead of 2: the last 3 launches never became workers (3 × " + noRoom + ")"
	if d := soften(t, policy.Breaker{Dead: 3}, s, policy.Decision{Launch: 2}); len(d.Reasons) != 1 || d.Reasons[0].Said != want {
		t.Errorf("says %v, want %q", d.Reasons, want)
	}
}

// However much a cloud has to say, a reason stays one that can be read.
func TestBreakerSaysItBriefly(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ticks := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) signals.Tick {
			return diedOf(rapid.SliceOfN(rapid.OneOf(rapid.String(), rapid.StringN(900, 2000, -1), rapid.Just("")), 0, 4).Draw(rt, "causes")...)
		}), 0, 9).Draw(rt, "ticks")
		s := history(ticks...)
		said := policy.Breaker{Dead: 3}.Said(s)
		if n := len([]rune(said)); n > 600 || strings.Contains(said, "\n") {
			rt.Fatalf("%d characters: %q", n, said)
		}
	})
}

// A probe that waits says why, too.
func TestBreakerSaysWhyWhileItWaits(t *testing.T) {
	s := history(diedOf("a", "a", "a"), diedOf("a"), diedOf("a"), diedOf("a"), signals.Tick{Deeds: signals.Deeds{Asked: 1}})
	s.Now = s.Now.Add(time.Second)
	d := soften(t, policy.Breaker{Dead: 3}, s, policy.Decision{Launch: 2})
	if len(d.Reasons) != 1 || !strings.Contains(d.Reasons[0].Said, "(6 × a), the next probe is due at ") {
		t.Errorf("says %v", d.Reasons)
	}
	s.Open = 1
	if d = soften(t, policy.Breaker{Dead: 3}, s, policy.Decision{Launch: 2}); len(d.Reasons) != 1 || !strings.Contains(d.Reasons[0].Said, "(6 × a), a probe is on its way") {
		t.Errorf("says %v", d.Reasons)
	}
}
