package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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
		{"skynet.service", "LimitCORE=0", "keys and tokens would lie on disk after a crash"},
		{"skynet.service", "StateDirectoryMode=0700", "others could read the journal and the token's folder"},
		{"skynet.service", "CacheDirectoryMode=0700", "others could read what workers have in hand"},
		{"skynet-worker.service", "LimitCORE=0", "keys would lie on disk after a crash"},
		{"skynet-worker.service", "StateDirectoryMode=0700", "others could read what it has in hand"},
		{"skynet-worker.service", "CacheDirectoryMode=0700", "others could read what it has in hand"},
		{"skynet.service", "UMask=0027", "others could read what local workers write"},
		{"skynet-worker.service", "UMask=0027", "others could read what it writes"},
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

// open is what systemd finds not closed, with the argument for leaving it open. What is
// not here must be closed: an item that disappears or appears is noticed.
var open = map[string]string{
	"SystemCallFilter=~@resources":             "encoders bind their threads to processors",
	"RootDirectory=/RootImage=":                "programs and libraries are the machine's, which is read-only",
	"MemoryDenyWriteExecute=":                  "worker: libvips writes code for the processor that it finds",
	"RestrictNamespaces=~user":                 "media tools are locked up in namespaces",
	"RestrictNamespaces=~pid":                  "the same",
	"RestrictNamespaces=~net":                  "the same",
	"RestrictNamespaces=~ipc":                  "the same",
	"RestrictAddressFamilies=~AF_NETLINK":      "Go lists a machine's addresses by it",
	"RestrictAddressFamilies=~AF_UNIX":         "systemd is told of readiness by it",
	"RestrictAddressFamilies=~AF_(INET|INET6)": "queues, clouds, the dashboard",
	"ProcSubset=":                              "the boot's ID and the machine's load are read there",
	"PrivateNetwork=":                          "queues, clouds, the dashboard",
	"PrivateUsers=":                            "the controller: one started anew would not know the workers of the one before",
	"DeviceAllow=":                             "ProtectClock brings the clock's device, to be read",
	"IPAddressDeny=":                           "AWS has no addresses that could be listed; an operator may (docs/security.md)",
	"UMask=":                                   "programs of the group skynet read results",
}

// TestWhatIsOpenIsArgued compares what systemd finds open with the list of arguments, and
// that with the page which tells operators of it.
func TestWhatIsOpenIsArgued(t *testing.T) {
	page, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, name := range units {
		out, said, err := analyze(t, "security", "--offline=true", "--no-pager", filepath.Join("../../deploy/systemd", name))
		if err != nil {
			t.Fatalf("%s: %v: %s", name, err, said)
		}
		for line := range strings.Lines(out) {
			if rest, ok := strings.CutPrefix(line, "✗ "); ok {
				found[strings.Fields(rest)[0]] = true
			}
		}
	}
	for item := range found {
		if open[item] == "" {
			t.Errorf("%s is open, and nobody says why", item)
		}
		if !strings.Contains(strings.ReplaceAll(string(page), `\|`, "|"), "`"+item+"`") {
			t.Errorf("docs/security.md does not say why %s is open", item)
		}
	}
	for item := range open {
		if !found[item] {
			t.Errorf("%s is closed: it needs no argument any more", item)
		}
	}
}

// service are the lines of a unit's [Service], comments and the program aside.
func service(t *testing.T, text string) (lines []string) {
	t.Helper()
	_, rest, ok := strings.Cut(text, "\n[Service]\n")
	rest, _, ended := strings.Cut(rest, "\n[Install]")
	if !ok || !ended {
		t.Fatalf("no unit:\n%s", text)
	}
	for line := range strings.Lines(rest) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' && !strings.HasPrefix(line, "ExecStart=") {
			lines = append(lines, line)
		}
	}
	return lines
}

// On EC2 user data writes the unit: it must not be a weaker one.
func TestUserDataWritesTheSameService(t *testing.T) {
	i := boot(t)
	if _, err := i.run(); err != nil {
		t.Fatal(err)
	}
	want := service(t, string(read(t, "../systemd/skynet-worker.service")))
	if got := service(t, i.file("etc/systemd/system/skynet-worker.service")); !slices.Equal(got, want) {
		t.Errorf("user data writes\n%s\nand the package has\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Modes of what packages put into place: settings are root's and may be read, programs
// and units nobody else may change.
func TestPackagesPutNothingThatOthersMayChange(t *testing.T) {
	modes := regexp.MustCompile(`dst: (\S+?),.*file_info: \{(.*?)\}`)
	want := map[string]string{"/usr/bin/": "mode: 0755", "/lib/systemd/": "mode: 0644", "/etc/skynet/": "mode: 0644"}
	for _, name := range []string{"skynet", "skynet-worker"} {
		found := modes.FindAllStringSubmatch(string(read(t, "../packages/"+name+".nfpm.yaml")), -1)
		if len(found) < 2 {
			t.Fatalf("%s: found %v", name, found)
		}
		for _, f := range found {
			for folder, mode := range want {
				if strings.HasPrefix(f[1], folder) && f[2] != mode {
					t.Errorf("%s is put with %s, want %s and nobody's but root's", f[1], f[2], mode)
				}
			}
		}
	}
	if text := string(read(t, "../packages/skynet.postinst")); !strings.Contains(text, "install -d -o skynet -g skynet -m 700 /var/lib/skynet") {
		t.Error("the state's folder is not made for the user skynet alone")
	}
}
