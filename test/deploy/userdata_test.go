package deploy

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"skynet/config"
)

const (
	userData = "user-data.sh"
	margin   = "                " // of user data in the template
	after    = "# The same as user-data.sh.\n"
	most     = 16 << 10 // bytes of user data that EC2 takes, before base64
)

// TestTheTemplateHoldsTheUserData compares the script with the block of the template,
// whose indent YAML takes off.
func TestTheTemplateHoldsTheUserData(t *testing.T) {
	script, whole := string(read(t, userData)), string(read(t, "template.yaml"))
	head, rest, ok := strings.Cut(whole, after)
	lead, rest, begun := strings.Cut(rest, "- |\n")
	_, tail, ended := strings.Cut(rest, "\n\nOutputs:")
	if !ok || !begun || !ended {
		t.Fatal("the template has no block of user data")
	}
	block := ""
	for line := range strings.Lines(script) {
		if line != "\n" {
			line = margin + line
		}
		block += line
	}
	want := head + after + lead + "- |\n" + block + "\nOutputs:" + tail
	if *update {
		if err := os.WriteFile(filepath.Join(folder, "template.yaml"), []byte(want), 0o644); err != nil { //nolint:gosec // for all to read
			t.Fatal(err)
		}
	}
	if string(read(t, "template.yaml")) != want {
		t.Error("the template's user data is not user-data.sh: go test ./test/deploy -update")
	}
	if len(script) > most-1024 {
		t.Errorf("user data has %d bytes, and EC2 takes %d with what the template writes ahead of it", len(script), most)
	}
}

// instance is a machine of stand-ins: what would change this machine only takes down
// what it was asked for.
type instance struct {
	t         *testing.T
	root, bin string
	env       []string
}

// program is a stand-in, by name.
var programs = map[string]string{
	"apt-get":   `echo "apt-get $*" >>"$LOG"`,
	"apt-cache": `exit 1`,
	"systemctl": `echo "systemctl $*" >>"$LOG"`,
	"useradd":   `echo "useradd $*" >>"$LOG"`,
	"getent":    `grep -q useradd "$LOG"`,
	"ldconfig":  `echo "libvips.so.42 (libc6,x86-64) => /lib/libvips.so.42"`,
	"ffmpeg":    ``,
	"ffprobe":   ``,
	"aws":       `echo "aws $*" >>"$LOG"; test -e "$ONCE" || { : >"$ONCE"; exit 1; }; printf '%s' "$AGENT" >"${@: -1}"`,
	"curl":      `case "$*" in *PUT*) echo token;; *token:\ token*tags/instance/skynet:fleet) echo render;; *) exit 22;; esac`,
}

func boot(t *testing.T, env ...string) *instance {
	t.Helper()
	i := &instance{t: t, root: t.TempDir(), bin: t.TempDir()}
	for name, body := range programs {
		text := "#!/usr/bin/env bash\n" + body + "\n"
		if err := os.WriteFile(filepath.Join(i.bin, name), []byte(text), 0o700); err != nil { //nolint:gosec // it is run
			t.Fatal(err)
		}
	}
	const queues = "https://sqs.eu-west-1.amazonaws.com/123456789012/skynet-"
	i.env = append([]string{
		"PATH=" + i.bin + ":/usr/bin:/bin", "LOG=" + filepath.Join(i.bin, "log"), "ONCE=" + filepath.Join(i.bin, "once"),
		"AGENT=#!/bin/sh", "SKYNET_ROOT=" + i.root, "SKYNET_PAUSE=0",
		"SKYNET_AGENT=s3://media/agent/skynet-worker", "SKYNET_HEARTBEATS=" + queues + "heartbeats",
		`SKYNET_QUEUES=[{name: items, url: "` + queues + `items", visibility: 120s, tries: 3}]`,
		`SKYNET_STORES=["s3://media/in?region=eu-west-1", "s3://media/out?region=eu-west-1"]`, "SKYNET_OUTPUTS=s3://media/out",
	}, env...)
	if err := os.WriteFile(filepath.Join(i.bin, "log"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return i
}

// run runs the user data and returns what it asked of the machine.
func (i *instance) run() (asked string, err error) {
	i.t.Helper()
	c := exec.CommandContext(i.t.Context(), "bash", filepath.Join(folder, userData))
	c.Env = i.env
	out, err := c.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	log, _ := os.ReadFile(filepath.Join(i.bin, "log"))
	return string(log), err
}

func (i *instance) file(name string) string {
	i.t.Helper()
	text, err := os.ReadFile(filepath.Join(i.root, name))
	if err != nil {
		i.t.Fatal(err)
	}
	return string(text)
}

func TestUserDataIsBash(t *testing.T) {
	if out, err := exec.CommandContext(t.Context(), "bash", "-n", filepath.Join(folder, userData)).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// TestUserDataMakesAWorker runs it twice: the second time must leave the same.
func TestUserDataMakesAWorker(t *testing.T) {
	i := boot(t)
	for range 2 {
		asked, err := i.run()
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"aws s3 cp --only-show-errors s3://media/agent/skynet-worker ", "systemctl enable --now skynet-worker.service"} {
			if !strings.Contains(asked, want) {
				t.Errorf("does not %q: %s", want, asked)
			}
		}
		if n := strings.Count(asked, "useradd "); n != 1 {
			t.Errorf("makes the user %d times", n)
		}
		if i.file("usr/local/bin/skynet-worker") != "#!/bin/sh" {
			t.Error("the agent is not what was fetched")
		}
		w, err := config.LoadWorker(filepath.Join(i.root, "etc/skynet/worker.yaml"), nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, i.file("etc/skynet/worker.yaml"))
		}
		if w.Fleet != "render" || len(w.Queues) != 1 || len(w.Stores) != 2 || w.Outputs != "s3://media/out" || w.Scratch != "/var/lib/skynet-worker" {
			t.Errorf("settings %+v", w)
		}
		unit := i.file("etc/systemd/system/skynet-worker.service")
		for _, want := range []string{
			"\nExecStart=/usr/local/bin/skynet-worker run --config /etc/skynet/worker.yaml\n", "\nRestart=always\n",
			"\nKillMode=mixed\n", "\nTimeoutStopSec=infinity\n", "MALLOC_ARENA_MAX=2", "[Unit]\n",
		} {
			if !strings.Contains(unit, want) {
				t.Errorf("the unit lacks %q:\n%s", want, unit)
			}
		}
	}
}

func TestUserDataConfines(t *testing.T) {
	for _, want := range []bool{false, true} {
		i := boot(t, fmt.Sprintf("SKYNET_CONFINED=%t", want))
		if _, err := i.run(); err != nil {
			t.Fatal(err)
		}
		w, err := config.LoadWorker(filepath.Join(i.root, "etc/skynet/worker.yaml"), nil)
		if err != nil || w.Confined != want {
			t.Errorf("confined is %t, want %t; %v", w.Confined, want, err)
		}
	}
}

func TestUserDataInstallsAPackage(t *testing.T) {
	i := boot(t, "AGENT=!<arch>\n")
	if err := os.WriteFile(filepath.Join(i.bin, "skynet-worker"), nil, 0o700); err != nil { //nolint:gosec // as the package would
		t.Fatal(err)
	}
	asked, err := i.run()
	if err != nil || !strings.Contains(asked, "/agent.deb\n") {
		t.Errorf("%v; asked for %s", err, asked)
	}
	if unit := i.file("etc/systemd/system/skynet-worker.service"); !strings.Contains(unit, "\nExecStart="+i.bin+"/skynet-worker run") {
		t.Errorf("the unit does not start the package's agent:\n%s", unit)
	}
}

// An agent that is not the one of the digest, be it an older one of ours, is not run.
func TestUserDataRunsNoOtherAgent(t *testing.T) {
	right := fmt.Sprintf("SKYNET_SHA256=%x", sha256.Sum256([]byte("#!/bin/sh")))
	if asked, err := boot(t, right).run(); err != nil || !strings.Contains(asked, "systemctl enable") {
		t.Errorf("%v; asked for %s", err, asked)
	}
	i := boot(t, right, "AGENT=#!/bin/sh -x")
	asked, err := i.run()
	if err == nil || !strings.Contains(err.Error(), "is not what Sha256 says it is") || strings.Contains(asked, "systemctl") {
		t.Errorf("%v; asked for %s", err, asked)
	}
	if _, err := os.Stat(filepath.Join(i.root, "usr/local/bin/skynet-worker")); err == nil {
		t.Error("the other agent was installed")
	}
}

// What begins as https must not be led to a server that anybody could play.
func TestUserDataFetchesByTLSAlone(t *testing.T) {
	i := boot(t, "SKYNET_AGENT=https://example.com/skynet-worker")
	curl := `#!/usr/bin/env bash
echo "curl $*" >>"$LOG"; case "$*" in *PUT*) echo token;; *tags/instance*) echo render;; *https://example.com*) printf '#!/bin/sh' >"${@: -2:1}";; esac`
	if err := os.WriteFile(filepath.Join(i.bin, "curl"), []byte(curl), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	if asked, err := i.run(); err != nil || !strings.Contains(asked, "--proto =https") || !strings.Contains(asked, "systemctl enable") {
		t.Errorf("%v; asked for %s", err, asked)
	}
}

// systemd-analyze says on standard error what it does not know, and ends well all the
// same.
func TestUserDataWritesAUnitThatSystemdKnows(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("needs systemd-analyze")
	}
	i := boot(t)
	if _, err := i.run(); err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(i.root, "etc/systemd/system/skynet-worker.service")
	text := strings.Replace(i.file("etc/systemd/system/skynet-worker.service"), "/usr/local/bin/skynet-worker", "/bin/true", 1)
	if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", unit).CombinedOutput()
	if err != nil || strings.Contains(string(out), "skynet-worker") {
		t.Errorf("%v: %s", err, out)
	}
}

// An instance whose tags cannot be read must not start an agent of no fleet.
func TestUserDataWantsTheFleet(t *testing.T) {
	i := boot(t)
	if err := os.WriteFile(filepath.Join(i.bin, "curl"), []byte("#!/bin/sh\nexit 22\n"), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	if asked, err := i.run(); err == nil || strings.Contains(asked, "systemctl") {
		t.Errorf("%v; asked for %s", err, asked)
	}
}

// decode reads user data as EC2 gives it back.
func decode(encoded string) (string, error) {
	text, err := base64.StdEncoding.DecodeString(encoded)
	return string(text), err
}
