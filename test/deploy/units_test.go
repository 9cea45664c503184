package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var units = []string{"skynet.service", "skynet-worker.service"}

// analyze runs systemd-analyze, which is on every machine with systemd; .ci/run sees
// to it that it is there.
func analyze(t *testing.T, args ...string) (out, said string, err error) {
	t.Helper()
	path, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is missing, so nobody can look at the units: apt-get install systemd")
	}
	var stdout, stderr strings.Builder
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}

// systemd ignores what it does not know and ends well: a misspelt key of the sandbox
// would be no sandbox. So it must have nothing to say.
func TestSystemdHasNothingToSay(t *testing.T) {
	for _, name := range units {
		text, err := os.ReadFile(filepath.Join("../../deploy/systemd", name))
		if err != nil {
			t.Fatal(err)
		}
		here := regexp.MustCompile(`/usr/bin/skynet(-worker)?\b`).ReplaceAllString(string(text), "/bin/true")
		unit := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(unit, []byte(here), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, said, err := analyze(t, "verify", "--man=no", unit); err != nil || said != "" {
			t.Errorf("%s: %v: %s", name, err, said)
		}
		if err := os.WriteFile(unit, []byte(strings.Replace(here, "PrivateTmp=", "PrivatTmp=", 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, said, _ := analyze(t, "verify", "--man=no", unit); !strings.Contains(said, "PrivatTmp") {
			t.Errorf("%s: a misspelt key is not noticed: %q", name, said)
		}
	}
}

// TestUnitsAreSandboxed holds both to an exposure of 2.0 of 10.
func TestUnitsAreSandboxed(t *testing.T) {
	for _, name := range units {
		out, said, err := analyze(t, "security", "--offline=true", "--threshold=20", "--no-pager", filepath.Join("../../deploy/systemd", name))
		if err != nil {
			t.Errorf("%s: %v: %s\n%s", name, err, said, out)
		}
	}
}

// What the controller and its workers need, and what would break them in a way that
// nobody sees before it is too late, each with the reason.
func TestUnitsLeaveWhatIsNeeded(t *testing.T) {
	for _, c := range []struct{ unit, line, why string }{
		{"skynet.service", "KillMode=process", "a stop would kill local workers"},
		{"skynet.service", "OOMPolicy=continue", "a worker out of memory would stop the controller"},
		{"skynet.service", "Environment=TMPDIR=/var/cache/skynet ", "scratch files of workers would vanish with the private /tmp"},
		{"skynet.service", "WatchdogSec=6min", "it must be three intervals of a minute, and longer than the slowest tick"},
		{"skynet.service", "StartLimitIntervalSec=0", "five starts without a network would be the last"},
		{"skynet-worker.service", "KillMode=mixed", "media tools would be told to stop in the middle of an item"},
		{"skynet-worker.service", "TimeoutStopSec=infinity", "items in hand would be cut off"},
		{"skynet-worker.service", "StartLimitIntervalSec=0", "five starts without a network would be the last"},
		{"skynet-worker.service", "Restart=always", "a newer version of itself that ends with status 0 would be the last"},
	} {
		if text := string(read(t, "../systemd/"+c.unit)); !strings.Contains(text, "\n"+c.line) {
			t.Errorf("%s has no %s: %s", c.unit, c.line, c.why)
		}
	}
	if text := string(read(t, "../systemd/skynet.service")); strings.Contains(text, "\nPrivateUsers=yes") || strings.Contains(text, "\nProcSubset=pid") {
		t.Error("a controller that is started anew could not adopt workers: it must see their environment, and the boot's ID")
	}
	namespaces := regexp.MustCompile(`(?m)^RestrictNamespaces=(.*)$`)
	for _, name := range units {
		allowed := namespaces.FindStringSubmatch(string(read(t, "../systemd/"+name)))
		for _, kind := range []string{"user", "pid", "net", "ipc"} {
			if allowed == nil || !strings.Contains(" "+allowed[1]+" ", " "+kind+" ") {
				t.Errorf("%s: workers lock media tools up in namespaces: %s must be allowed", name, kind)
			}
		}
	}
}
