package exec_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"skynet/fleet"
	"skynet/signals"
	asked "skynet/signals/exec"
	"skynet/signals/line"
)

// TestMain is also the program that is asked: its first argument says what it does.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "program" {
		program(os.Args[2], os.Args[3:])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func program(does string, args []string) {
	in := bufio.NewReader(os.Stdin)
	for n := 1; ; n++ {
		text, err := line.ReadLine(in, line.Longest)
		if err != nil {
			return
		}
		q, err := line.Parse(text)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		answer(does, args, n, q)
	}
}

func answer(does string, args []string, n int, q line.In) {
	switch does {
	case "counts": // which question, how many workers and signals
		fmt.Printf(`{"time":%q,"have":null,"want":%d,"action":"hold","reasons":[{"by":"a","said":"question %d"},{"by":"b","said":"%d workers, %d signals"}]}`+"\n",
			q.Time.Format(time.RFC3339Nano), n, n, len(q.Workers), len(q.Signals))
	case "null":
		fmt.Println(`{"want":null,"reasons":[{"by":"a","said":"it is foggy"}]}`)
	case "once":
		fmt.Println(`{"want":1}`)
		os.Exit(0)
	case "crashes":
		fmt.Fprint(os.Stderr, "Traceback:\n  something\nKeyError: 'queue.visible'\n")
		os.Exit(7)
	case "hangs":
		_ = os.WriteFile(args[0], []byte(strconv.Itoa(os.Getpid())), 0o600)
		time.Sleep(time.Hour)
	case "family": // a child of its own, which holds its pipes
		kin := exec.Command("sleep", "3600")
		kin.Stdout, kin.Stderr = os.Stdout, os.Stderr
		if kin.Start() == nil {
			_ = os.WriteFile(args[0], []byte(strconv.Itoa(kin.Process.Pid)), 0o600)
		}
		if args[1] == "and hangs" {
			time.Sleep(time.Hour)
		}
		os.Exit(1)
	case "says":
		fmt.Println(strings.Join(args, " "))
	case "chatters":
		fmt.Printf("{\"want\":%d}\n{\"want\":99}\n", n)
	case "floods":
		for {
			fmt.Print(strings.Repeat("x", 1<<16))
		}
	case "environment":
		fmt.Printf(`{"want":1,"reasons":[{"by":"env","said":%q}]}`+"\n", strings.Join(os.Environ(), " "))
	}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func does(what ...string) asked.Program {
	return asked.Program{Policy: what[0], Command: append([]string{os.Args[0], "program"}, what...), Timeout: 10 * time.Second}
}

func advisers(t *testing.T, programs ...asked.Program) *asked.Advisers {
	t.Helper()
	a := asked.New(programs...)
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// at is a snapshot a minute after noon.
func at(minute int) signals.Snapshot {
	return signals.Snapshot{
		Now: noon.Add(time.Duration(minute) * time.Minute), Workers: []fleet.Worker{{ID: "i-1", State: fleet.Working}},
		Signals: []signals.Signal{signals.Known("queue.visible", 3, noon, time.Hour), signals.Missing("work.rate", noon, "why")},
	}
}

func ask(t *testing.T, a *asked.Advisers, minute int) signals.Advice {
	t.Helper()
	list := a.Ask(t.Context(), at(minute))
	if len(list) != 1 {
		t.Fatalf("%d answers", len(list))
	}
	return list[0]
}

// One child answers all questions, and knows what the tick knows.
func TestAsks(t *testing.T) {
	a := advisers(t, does("counts"))
	for n := 1; n <= 3; n++ {
		want := signals.Advice{Policy: "counts", Want: n, Because: fmt.Sprintf("question %d; 1 workers, 2 signals", n)}
		if got := ask(t, a, n); got != want {
			t.Errorf("got %+v", got)
		}
	}
	if a := asked.New(); a.Ask(t.Context(), at(0)) != nil {
		t.Error("nobody was asked, and somebody answers")
	}
}

// Several are asked at once, and each answers for itself.
func TestAsksAllAtOnce(t *testing.T) {
	slow := does("hangs", filepath.Join(t.TempDir(), "pid"))
	slow.Timeout = 300 * time.Millisecond
	begun := time.Now()
	list := advisers(t, slow, does("counts"), slow, does("null")).Ask(t.Context(), at(0))
	if took := time.Since(begun); took > 8*time.Second {
		t.Errorf("took %s", took)
	}
	if list[0].Unknown != "no answer within 300ms" || list[1].Want != 1 || list[2].Unknown == "" ||
		list[3].Unknown != "the program says that it cannot tell: it is foggy" {
		t.Errorf("got %+v", list)
	}
}

func TestFailures(t *testing.T) {
	missing := asked.Program{Policy: "missing", Command: []string{"/no/such/program"}}
	for _, c := range []struct {
		name string
		p    asked.Program
		want string
	}{
		{"not there", missing, "the program cannot be started: fork/exec /no/such/program: no such file or directory"},
		{"no command", asked.Program{}, "the program cannot be started: no command"},
		{"a crash", does("crashes"), "the program ended without an answer: exit status 7; it said last: KeyError: 'queue.visible'"},
		{"no JSON", does("says", "hello"), `a wrong answer: "hello" is not an object; write it like {…}`},
		{"no want", does("says", `{"have":1}`), "a wrong answer: want: missing; add it"},
		{"a negative want", does("says", `{"want":-3}`), "a wrong answer: want: -3 is no number of workers"},
		{"of another time", does("says", `{"time":"2026-03-01T11:00:00Z","want":3}`), "a wrong answer: time: it is of 2026-03-01T11:00:00Z, asked was 2026-03-01T12:00:00Z"},
		{"too long", does("floods"), "an answer longer than 1048576 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := advisers(t, c.p)
			if got := ask(t, a, 0); got.Unknown != c.want || got.Want != 0 || got.Policy != c.p.Policy {
				t.Errorf("got %+v, want %s", got, c.want)
			}
		})
	}
}

// What was wrong while nobody asked comes to light with the next question, and
// the one after it is answered by a new child.
func TestMoreThanOneLine(t *testing.T) {
	a := advisers(t, does("chatters"))
	got := []signals.Advice{ask(t, a, 0), ask(t, a, 1), ask(t, a, 2)}
	if got[0].Want != 1 || got[1].Unknown != "the program wrote more than one line for one question" || got[2].Want != 1 {
		t.Errorf("got %+v", got)
	}
}

// A program that ends after each answer is started for each question.
func TestOneQuestionEach(t *testing.T) {
	a := advisers(t, does("once"))
	for n := range 4 {
		got := ask(t, a, n)
		for try := 0; got.Unknown != "" && try < 50; try++ { // it may end just while it is asked
			got = ask(t, a, n)
		}
		if got.Want != 1 {
			t.Errorf("got %+v", got)
		}
	}
}

// Failures in a row make it wait: not the first, then longer and longer.
func TestBackOff(t *testing.T) {
	a := advisers(t, does("crashes"))
	var tried []int
	for minute := range 40 {
		if got := ask(t, a, minute); !strings.HasPrefix(got.Unknown, "failed ") {
			tried = append(tried, minute)
		} else if !strings.Contains(got.Unknown, "times in a row, tried again in ") || !strings.Contains(got.Unknown, "KeyError") {
			t.Errorf("got %s", got.Unknown)
		}
	}
	if want := "[0 1 2 3 5 9 17 27 37]"; fmt.Sprint(tried) != want {
		t.Errorf("tried in minutes %v, want %s", tried, want)
	}
	if got := ask(t, a, -1000); strings.HasPrefix(got.Unknown, "failed ") {
		t.Errorf("the clock was set back, and it waits until then: %s", got.Unknown)
	}
}

// A question larger than a pipe holds, to a program that does not read it.
func TestDoesNotRead(t *testing.T) {
	s := at(0)
	for i := range 5000 {
		s.Workers = append(s.Workers, fleet.Worker{ID: fleet.ID(fmt.Sprint("i-", i+2)), State: fleet.Working})
	}
	p := asked.Program{Policy: "deaf", Command: []string{"sleep", "3600"}, Timeout: 200 * time.Millisecond}
	if got := advisers(t, p).Ask(t.Context(), s); got[0].Unknown != "no answer within 200ms" {
		t.Errorf("got %+v", got)
	}
	p.Command = []string{"sh", "-c", `echo '{"want":1}'; exec sleep 3600`}
	if got := advisers(t, p).Ask(t.Context(), s); got[0].Unknown != "the program answers without reading the question" && got[0].Unknown != "the program wrote before it was asked" { // it may be faster than we are
		t.Errorf("got %+v", got)
	}
	p.Command = []string{"sh", "-c", `read line; printf '{"want":1}'; exec sleep 3600`}
	if got := advisers(t, p).Ask(t.Context(), at(0)); got[0].Unknown != "no answer within 200ms: what it wrote has no end of line" {
		t.Errorf("got %+v", got)
	}
	if got := advisers(t, does("counts")).Ask(t.Context(), s); got[0].Want != 1 {
		t.Errorf("one that reads: %+v", got)
	}
}

// The tick's own deadline holds too.
func TestTheTicksDeadline(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	a := advisers(t, does("hangs", filepath.Join(t.TempDir(), "pid")))
	if got := a.Ask(ctx, at(0)); got[0].Unknown != "no answer within the tick's deadline" {
		t.Errorf("got %+v", got)
	}
}

// A tick whose time others have used up says nothing about a program: it runs on,
// and is not made to wait.
func TestATickWithoutTime(t *testing.T) {
	a := advisers(t, does("counts"))
	if got := ask(t, a, 0); got.Want != 1 {
		t.Fatalf("got %+v", got)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for minute := range 3 {
		if got := a.Ask(over, at(1+minute)); got[0].Unknown != "not asked: the tick's time was up before" {
			t.Errorf("got %+v", got)
		}
	}
	if got := ask(t, a, 4); got.Want != 2 {
		t.Errorf("it was started anew, or waits: %+v", got)
	}
}

// Nobody is left behind: neither the program nor what it has started.
func TestNobodyIsLeft(t *testing.T) {
	for _, what := range []string{"hangs", "and hangs", "and crashes"} {
		t.Run(what, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "pid")
			p := does("hangs", file)
			if what != "hangs" {
				p = does("family", file, what)
			}
			p.Timeout = 2 * time.Second
			a := advisers(t, p)
			if got := ask(t, a, 0); got.Unknown == "" {
				t.Fatalf("got %+v", got)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			pid, _ := strconv.Atoi(string(text))
			if alive(pid) {
				t.Errorf("process %d is alive", pid)
			}
		})
	}
}

// alive reports a process that is more than a zombie of somebody else's. A killed
// one may take a moment to go.
func alive(pid int) bool {
	for range 1000 {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		_, after, _ := strings.Cut(string(text), ") ")
		if err != nil || strings.HasPrefix(after, "Z") || syscall.Kill(pid, 0) != nil {
			return false
		}
		syscall.Select(0, nil, nil, nil, &syscall.Timeval{Usec: 2000})
	}
	return true
}

// Close ends one that would not end by itself, and nobody is asked afterwards.
func TestClose(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	stubborn := asked.Program{Policy: "stubborn", Timeout: 10 * time.Second,
		Command: []string{"sh", "-c", `trap '' TERM; echo $$ > "$0"; read q; echo '{"want":2}'; while :; do sleep 1; done`, file}}
	a := asked.New(stubborn)
	if got := ask(t, a, 0); got.Want != 2 {
		t.Fatalf("got %+v", got)
	}
	begun := time.Now()
	if err := a.Close(); err != nil || time.Since(begun) > 6*time.Second {
		t.Errorf("took %s, %v", time.Since(begun), err)
	}
	text, _ := os.ReadFile(file)
	if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err != nil || alive(pid) {
		t.Errorf("process %d is alive, %v", pid, err)
	}
	if got := ask(t, a, 1); got.Unknown != "the program is not asked any more" {
		t.Errorf("got %+v", got)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// What the daemon knows by its environment is not the program's business.
func TestEnvironment(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hush")
	t.Setenv("SKYNET_NATS_TOKEN_FILE", "hush")
	got := ask(t, advisers(t, does("environment")), 0)
	if strings.Contains(got.Because, "hush") || !strings.Contains(got.Because, "PATH=") {
		t.Errorf("it sees %s", got.Because)
	}
}
