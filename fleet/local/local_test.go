//go:build linux

package local

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skynet/fleet"
)

// The test binary also plays the worker, its helper and a controller: real
// processes, told by this variable which part they play.
const envPart = "LOCAL_TEST_PART"

func TestMain(m *testing.M) {
	part, ok := map[string]func(){
		"worker": work, "stubborn": stubborn, "helped": helped, "broken": broken, "controller": control,
	}[os.Getenv(envPart)]
	if !ok {
		os.Exit(m.Run())
	}
	time.AfterFunc(2*time.Minute, func() { os.Exit(9) }) // whatever becomes of the test
	part()
}

func work() {
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGTERM)
	fmt.Println("working")
	<-heard
}

func stubborn() {
	signal.Ignore(syscall.SIGTERM)
	fmt.Println("ready to ignore")
	select {}
}

// helped is a worker with a helper in a process group of its own, which does
// not listen to SIGTERM.
func helped() {
	helper := exec.Command(os.Args[0])
	helper.Env = append(os.Environ(), envPart+"=stubborn")
	helper.Stdout = os.Stdout
	helper.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := helper.Start(); err != nil {
		panic(err)
	}
	work()
}

func broken() {
	fmt.Println("reading settings\nno such queue: videoz")
	os.Exit(3)
}

// control is a controller that launches an order and waits to be killed.
func control() {
	f, err := Open(os.Getenv("LOCAL_TEST_DIR"), Options{Templates: []Template{template("worker")}})
	if err != nil {
		panic(err)
	}
	ids, err := f.Launch(context.Background(), order(3))
	if err == nil {
		_, err = f.Sleep(context.Background(), ids[:1])
	}
	fmt.Println(ids, err)
	select {}
}

func template(part string) Template {
	return Template{
		Fleet: "render", Command: []string{os.Args[0]}, Env: []string{envPart + "=" + part, "GOMAXPROCS=1"},
		Type: "c7i.xlarge", Zone: "eu-west-1a", Spot: true, Tags: map[string]string{"slots": "4"},
	}
}

func order(n int) fleet.Order {
	return fleet.Order{Fleet: "render", Count: n, Token: fleet.Token("render", 7, 0)}
}

// folder is a state folder; nothing that carries its mark survives the test.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := privateDir(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		eventually(t, "all processes gone", func() bool {
			found, err := survey(dir, mustBoot(t))
			for _, ms := range found {
				for _, m := range ms {
					_ = m.signal(m.Boot, unix.SIGKILL)
				}
			}
			return err == nil && len(found) == 0
		})
	})
	return dir
}

func mustBoot(t *testing.T) string {
	t.Helper()
	boot, err := bootID()
	if err != nil {
		t.Fatal(err)
	}
	return boot
}

func open(t *testing.T, dir, part string) *Fleet {
	t.Helper()
	return openWith(t, dir, Options{Templates: []Template{template(part)}})
}

func openWith(t *testing.T, dir string, o Options) *Fleet {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	f, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeFleet(t, f) })
	return f
}

func closeFleet(t *testing.T, f *Fleet) {
	t.Helper()
	if err := f.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func stopAll(t *testing.T, f *Fleet) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	if err := f.StopAll(ctx); err != nil {
		t.Fatal(err)
	}
}

func launch(t *testing.T, f *Fleet, o fleet.Order) []fleet.ID {
	t.Helper()
	ids, err := f.Launch(t.Context(), o)
	if err != nil || len(ids) != o.Count {
		t.Fatalf("launched %v, %v; want %d", ids, err, o.Count)
	}
	return ids
}

// instance returns what is listed of one instance.
func instance(t *testing.T, f *Fleet, id fleet.ID) fleet.Instance {
	t.Helper()
	list, err := f.Instances(t.Context(), "render")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(i fleet.Instance) bool { return i.ID == id })
	if i < 0 {
		t.Fatalf("%s is not listed among %d", id, len(list))
	}
	return list[i]
}

func phases(t *testing.T, f *Fleet) map[fleet.Phase]int {
	t.Helper()
	list, err := f.Instances(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	n := map[fleet.Phase]int{}
	for _, i := range list {
		n[i.Phase]++
	}
	return n
}

func (f *Fleet) pid(id fleet.ID) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.records[id].Process.PID
}

// said waits until the instance wrote the line: it listens for signals then.
func said(t *testing.T, f *Fleet, id fleet.ID, line string) {
	t.Helper()
	path := filepath.Join(f.logs.dir, "render-"+string(id)+".log")
	eventually(t, "log says "+line, func() bool {
		text, _ := os.ReadFile(path)
		return strings.Contains(string(text), line)
	})
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Errorf("never: %s", what)
}

func marks(t *testing.T, dir string) map[fleet.ID][]marked {
	t.Helper()
	found, err := survey(dir, mustBoot(t))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// notes is a log to read afterwards.
type notes struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.Write(p)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.String()
}
