package av_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skynet/worker/recipe"
)

// TestACaptiveProgram is what ffmpeg may leave behind when a file has got hold of it:
// nothing of it is opened, followed or handed on.
func TestACaptiveProgram(t *testing.T) {
	const still, ladder = `{name: a.jpg, video: [{do: poster}]}`, `{name: index.m3u8, video: [{do: hls, preset: ultrafast, renditions: [{height: 60, bitrate: 100k}]}]}`
	whole := clip(t, "320x180", 4)
	for name, c := range map[string]struct{ does, outputs string }{
		"a link to a secret":  {`ln -s "$SECRET" a.jpg`, still},
		"a pipe":              {`mkfifo a.jpg`, still},
		"a link to a device":  {`ln -s /dev/zero a.jpg`, still},
		"a link for a folder": {`echo '#EXTM3U' > index.m3u8; ln -s "$OUTSIDE" 60p`, ladder},
		"a pipe for a list":   {`mkdir 60p; mkfifo 60p/index.m3u8; echo '#EXTM3U' > index.m3u8`, ladder},
		"a pipe beside":       {`mkfifo other; echo x > a.jpg`, still},
		"a hard link":         {`echo x > b; ln b a.jpg`, still},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outside := t.TempDir()
			secret := filepath.Join(outside, "index.m3u8")
			if err := os.WriteFile(secret, []byte("#EXTM3U\n#EXTINF:4.0,\nsecret\n#EXT-X-ENDLIST\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			does := strings.NewReplacer("$SECRET", secret, "$OUTSIDE", outside).Replace(c.does)
			m := newMaker(t)
			m.FFmpeg = script(t, does+"; echo progress=end >&3")
			folder, made, err := tryWork(t, m, recipe.Job{Inputs: input(whole), Outputs: outputs(t, c.outputs)})
			if err == nil || !strings.Contains(err.Error(), "which is no file of its own") {
				t.Errorf("made %+v, %v", made, err)
			}
			if left, _ := os.ReadDir(folder); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
			if b, _ := os.ReadFile(secret); !strings.Contains(string(b), "secret") {
				t.Errorf("outside lies %q", b)
			}
		})
	}
}
