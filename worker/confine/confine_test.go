package confine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestMain plays the program that is confined where a test wants more of it than
// a shell can do.
func TestMain(m *testing.M) {
	if to := os.Getenv("TRY_CONNECT"); to != "" {
		c, err := net.DialTimeout("tcp", to, time.Second)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		_ = c.Close()
		os.Exit(0)
	}
	if what := os.Getenv("TRY"); what != "" {
		fmt.Fprintln(os.Stderr, tries[what]())
		os.Exit(9)
	}
	os.Exit(m.Run())
}

// kernels are the one here and those that refuse a part.
func kernels() map[string]kernel {
	all := found()
	bare := kernel{prlimit: all.prlimit}
	onlyFiles := bare
	onlyFiles.landlock = all.landlock
	onlySpaces := all
	onlySpaces.landlock = 0
	return map[string]kernel{"all": all, "no namespaces": onlyFiles, "no Landlock": onlySpaces, "bare": bare}
}

func shell(t *testing.T, script string) Program {
	return Program{
		Path: "/bin/sh", Args: []string{"-c", script}, Folder: t.TempDir(),
		Limits: Limits{Time: 20 * time.Second, Memory: 256 << 20, Disk: 8 << 20, Files: 64, Processes: 64, Stdout: 1 << 20},
	}
}

// TestTries is what a program that a file got hold of may try. What each kernel
// in the list cannot hinder is left out there.
func TestTries(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hush")
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("hush"), 0o600); err != nil {
		t.Fatal(err)
	}
	every := []string{"all", "no namespaces", "no Landlock", "bare"}
	files, spaces, ends := []string{"all", "no namespaces"}, []string{"all", "no Landlock"}, []string{"all", "bare"}
	for name, c := range map[string]struct {
		script string
		want   string // in the error
		on     []string
	}{
		"reads /etc/passwd":        {"cat /etc/passwd", "ermission denied", files},
		"reads a file beside":      {"cat " + secret, "ermission denied", files},
		"reads by a link":          {"ln -s " + secret + " x && cat x", "ermission denied", files},
		"lists the root":           {"ls /", "ermission denied", files},
		"writes outside":           {"echo x > " + secret, "ermission denied", files},
		"truncates outside":        {"truncate -s 0 " + secret, "ermission denied", files},
		"removes outside":          {"rm -f " + secret, "ermission denied", files},
		"writes to /dev/shm":       {"echo x > /dev/shm/" + filepath.Base(t.TempDir()), "ermission denied", files},
		"makes a device":           {"mknod x b 1 1", "x: ", append(files, "no Landlock")},
		"mounts":                   {"mount -t tmpfs x .", "mount: ", every},
		"sees our secrets":         {"echo got:$AWS_SECRET_ACCESS_KEY: >&2; exit 1", "got::", every},
		"looks into its parent":    {"cat /proc/$PPID/environ /proc/" + strconv.Itoa(os.Getpid()) + "/environ", "/environ", []string{"all", "no namespaces", "no Landlock"}},
		"kills its parent":         {"kill -9 " + strconv.Itoa(os.Getpid()), "kill: ", []string{"all", "no namespaces", "no Landlock"}},
		"kills all it can":         {"kill -9 -1; sleep 0.1; exit 3", "", spaces},
		"eats memory":              {"head -c 2000000000 /dev/zero | tail | cat; exit 3", "", ends},
		"eats memory in pieces":    {"for i in 1 2 3; do (head -c 120000000 /dev/zero; sleep 20) | tail & done; sleep 20", "used more than 256MiB of memory", ends},
		"fills the disk":           {"cat /dev/zero > x; exit 7", "7", ends},
		"fills it with many files": {"while :; do i=$((i+1)); head -c 1000000 /dev/zero > x$i; done", "wrote more than 8MiB", ends},
		// Not without an end: the kernel holds root to no number of processes, and a machine that
		// is busy with other tests looks too late.
		"forks a bomb":       {"for i in $(seq 400); do sleep 20 & done; sleep 20", "started more than 64 processes", ends},
		"opens many files":   {"exec 200</dev/null", "", ends},
		"sleeps for ever":    {"sleep 1000", "ran longer than", ends},
		"computes for ever":  {"while :; do :; done", "of processor time", ends},
		"talks for ever":     {"cat /dev/zero", "wrote more than 1MiB to its standard output", ends},
		"complains for ever": {"head -c 100000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo so >&2; exit 1", "so", ends},
		"crashes":            {"(kill -SEGV $(exec sh -c 'echo $PPID')); exit 5", "status 5", ends},
	} {
		for _, on := range c.on {
			t.Run(name+"/"+on, func(t *testing.T) {
				t.Parallel()
				p := shell(t, c.script)
				var out bytes.Buffer
				p.Stdout = &out
				switch {
				case strings.HasPrefix(name, "sleeps"):
					p.Limits.Time = 300 * time.Millisecond
				case strings.HasPrefix(name, "computes"):
					p.Limits.CPU = time.Second
				}
				begin := time.Now()
				err := kernels()[on].run(t.Context(), p)
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %q", err, c.want)
				}
				if took := time.Since(begin); took > 15*time.Second {
					t.Errorf("took %v", took)
				}
				t.Log(err)
				if s := fmt.Sprint(out.String(), err); strings.Contains(s, "hush") || strings.Contains(s, "root:") || len(err.Error()) > 1000 {
					t.Errorf("got %.200s", s)
				}
			})
		}
	}
	t.Cleanup(func() {
		if b, _ := os.ReadFile(secret); string(b) != "hush" {
			t.Errorf("the file beside is %q", b)
		}
	})
}

func TestNetwork(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{l.Addr().String(), "169.254.169.254:80"} {
		for _, on := range []string{"all", "no namespaces", "no Landlock"} {
			p := Program{Path: self, Folder: t.TempDir(), Env: []string{"TRY_CONNECT=" + to}}
			if err := kernels()[on].run(t.Context(), p); err == nil || !strings.Contains(err.Error(), "unreachable") && !strings.Contains(err.Error(), "permission") {
				t.Errorf("%s, %s: %v", to, on, err)
			}
		}
	}
	p := Program{Path: self, Folder: t.TempDir(), Env: []string{"TRY_CONNECT=" + l.Addr().String()}, Network: true}
	if err := Run(t.Context(), p); err != nil {
		t.Errorf("may use the network: %v", err)
	}
}

// alive counts the processes with these words in their command line.
func alive(words string) (n int) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		b, _ := os.ReadFile(f)
		if strings.Contains(strings.ReplaceAll(string(b), "\x00", " "), words) && !strings.Contains(string(b), "setsid") {
			n++
		}
	}
	return n
}

func TestNothingIsLeftBehind(t *testing.T) {
	length := 1000
	for on, k := range kernels() {
		for name, script := range map[string]string{
			"in the background": "sleep %s & exit 0",
			"in a session":      "setsid sleep %s > /dev/null 2>&1 < /dev/null & sleep 0.2; exit 0",
			"when stopped":      "setsid sleep %s & sleep %[1]s",
		} {
			length++
			long := fmt.Sprintf("%d.%d", length, os.Getpid()) // found again by its length
			t.Run(name+"/"+on, func(t *testing.T) {
				t.Parallel()
				p := shell(t, fmt.Sprintf(script, long))
				p.Limits.Time = time.Second
				_ = k.run(t.Context(), p)
				if n := alive("sleep " + long); n != 0 {
					t.Errorf("%d still run", n)
				}
			})
		}
	}
}

func TestEndsWithTheCauseAtOnce(t *testing.T) {
	why := errors.New("the item was lost")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(100*time.Millisecond, func() { cancel(why) })
	begin := time.Now()
	if err := Run(ctx, shell(t, "sleep 100")); !errors.Is(err, why) || time.Since(begin) > 3*time.Second {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
}

func TestWorksAsAnyProgram(t *testing.T) {
	for on, k := range kernels() {
		t.Run(on, func(t *testing.T) {
			in := filepath.Join(t.TempDir(), "in")
			if err := os.WriteFile(in, []byte("given"), 0o600); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			p := shell(t, `cat; cat "$IN"; echo " $HOME $PATH $MINE" | sed "s#$PWD#folder#"; mkdir -p a/b && echo made > a/b/c && mv a/b/c d; ls`)
			p.Stdin, p.Stdout, p.Read = strings.NewReader("item "), &out, []string{in}
			p.Env = []string{"IN=" + in, "MINE=1"}
			if err := k.run(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			if got, want := out.String(), "item given folder /usr/local/bin:/usr/bin:/bin 1\na\nd\n"; got != want {
				t.Errorf("said %q, want %q", got, want)
			}
			if b, err := os.ReadFile(filepath.Join(p.Folder, "d")); string(b) != "made\n" {
				t.Errorf("%q, %v", b, err)
			}
		})
	}
}

// TestTheWorkerStaysFree: the threads that took confinement on themselves are gone.
func TestTheWorkerStaysFree(t *testing.T) {
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			for range 3 {
				if err := Run(t.Context(), shell(t, "true")); err != nil {
					t.Error(err)
				}
				if _, err := os.ReadFile("/etc/passwd"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	// Each goes a moment after its program.
	for begin := time.Now(); confinedThreads(t) > 0; runtime.Gosched() {
		if time.Since(begin) > 5*time.Second {
			t.Fatalf("%d threads have lost their privileges for good", confinedThreads(t))
		}
	}
}

func confinedThreads(t *testing.T) (n int) {
	statuses, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statuses {
		if b, _ := os.ReadFile(s); strings.Contains(string(b), "NoNewPrivs:\t1") {
			n++
		}
	}
	return n
}

func TestSaysHowItEnded(t *testing.T) {
	err := Run(t.Context(), shell(t, "for i in 1 2 3 4 5; do echo line $i >&2; done; exit 75"))
	if e, ok := errors.AsType[*Ended](err); !ok || e.Status != 75 || e.Words != "line 3; line 4; line 5" {
		t.Errorf("%v", err)
	}
	p := shell(t, "kill -SEGV $$")
	err = kernel{prlimit: found().prlimit}.run(t.Context(), p)
	if e, ok := errors.AsType[*Ended](err); !ok || e.Signal != syscall.SIGSEGV {
		t.Errorf("%v", err)
	}
	for _, p := range []Program{{Path: "sh", Folder: "/tmp"}, {Path: "/bin/sh"}, {Path: "/nowhere/sh", Folder: "/tmp"}, {Path: "/bin/sh", Folder: "/tmp", Read: []string{"/nowhere"}}} {
		if err := Run(t.Context(), p); err == nil {
			t.Errorf("%+v ran", p)
		}
	}
}

func TestMissingIsSaidPlainly(t *testing.T) {
	if got := found().missing(); len(got) != 0 {
		t.Logf("this machine: %q", got)
	}
	if got := (kernel{}).missing(); len(got) != 6 {
		t.Errorf("%d parts: %q", len(got), got)
	}
	k := kernel{users: true, pids: true, net: true, landlock: 3, calls: true, prlimit: "x"}
	if got := k.missing(); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// BenchmarkRun is what confinement costs a program, beside one that is not confined.
func BenchmarkRun(b *testing.B) {
	b.Run("confined", func(b *testing.B) {
		p := Program{Path: "/bin/true", Folder: b.TempDir(), Limits: Limits{Time: time.Minute, Memory: 1 << 30, Disk: 1 << 30, Processes: 100}}
		for b.Loop() {
			if err := Run(b.Context(), p); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			if err := exec.Command("/bin/true").Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
