package recipe_test

import (
	"strings"
	"testing"

	"skynet/worker/recipe"
)

// TestMistakesInFilmsSoundAndCommands: each is found where it is, with its cure.
func TestMistakesInFilmsSoundAndCommands(t *testing.T) {
	for name, c := range map[string]struct{ output, want string }{
		"no size":            {`{name: a.mp4, video: [{do: resize}]}`, "outputs[0].video[0]: has no size; give width, height or both"},
		"half a size":        {`{name: a.mp4, video: [{do: resize, width: 100, fit: cover}]}`, `needs both width and height`},
		"eighth of a turn":   {`{name: a.mp4, video: [{do: rotate, degrees: 45}]}`, "45 is not a quarter turn; write 90, 180 or 270"},
		"clip of all":        {`{name: a.mp4, video: [{do: clip}]}`, "takes all of it; give from, for or both"},
		"wrong order":        {`{name: a.mp4, video: [{do: encode}, {do: resize, width: 100}]}`, `"resize" comes after encode; put it before`},
		"twice":              {`{name: a.mp3, audio: [{do: encode}, {do: encode}]}`, `"encode" is there already; each step is done once`},
		"two ways":           {`{name: a.jpg, video: [{do: poster}, {do: sheet}]}`, "has both poster and sheet; make two outputs"},
		"film as picture":    {`{name: a.jpg, video: [{do: encode}]}`, `"a.jpg" is not a film's; write it like video.mp4 or video.webm`},
		"picture as film":    {`{name: a.mp4, video: [{do: poster}]}`, `"a.mp4" is not a picture's; write it like poster.jpg, .png or .webp`},
		"ladder as film":     {`{name: a.mp4, video: [{do: hls, renditions: [{height: 90, bitrate: 100k}]}]}`, `"a.mp4" is not a playlist's; write it like hls/index.m3u8`},
		"ladder upside down": {`{name: a.m3u8, video: [{do: hls, renditions: [{height: 90, bitrate: 100k}, {height: 180, bitrate: 300k}]}]}`, "180 is not below the one before (90); put the largest first"},
		"loud poster":        {`{name: a.jpg, video: [{do: loudness}, {do: poster}]}`, "changes sound, and a picture has none; leave it out"},
		"H.264 in WebM":      {`{name: a.webm, video: [{do: encode, codec: h264}]}`, `"h264" does not go into .webm; it takes vp9, av1, copy`},
		"AAC in WebM":        {`{name: a.webm, video: [{do: encode, audio: aac}]}`, `"aac" does not go into .webm; it takes opus, copy, none`},
		"two qualities":      {`{name: a.mp4, video: [{do: encode, crf: 20, bitrate: 1M}]}`, "20 and bitrate exclude each other; give one"},
		"copied and resized": {`{name: a.mp4, video: [{do: resize, width: 100}, {do: encode, codec: copy}]}`, `"copy" leaves the pictures as they are`},
		"another's preset":   {`{name: a.webm, video: [{do: encode, preset: fast}]}`, `"fast" is not one of vp9's; write a number in quotes, from "8" (fast) to "0" (small)`},
		"unknown preset":     {`{name: a.mp4, video: [{do: encode, preset: quick}]}`, `"quick" is not one of x264's and x265's`},
		"a preset of mpeg4":  {`{name: a.mp4, video: [{do: encode, codec: mpeg4, preset: fast}]}`, `"fast" has no meaning for mpeg4; leave it out`},
		"sound as film":      {`{name: a.mp4, audio: [{do: encode}]}`, `"a.mp4" is not a sound's; write it like episode.mp3`},
		"MP3 in M4A":         {`{name: a.m4a, audio: [{do: encode, codec: mp3}]}`, `"mp3" does not go into .m4a; it takes aac, copy`},
		"copied and louder":  {`{name: a.mp3, audio: [{do: loudness}, {do: encode, codec: copy}]}`, `"copy" leaves the sound as it is`},
		"cover in Ogg":       {`{name: a.opus, audio: [{do: cover, image: cover}]}`, `"cover" cannot be put into .opus; .mp3, .m4a and .flac take one`},
		"unknown cover":      {`{name: a.mp3, audio: [{do: cover, image: covr}]}`, `"covr" is not input or output before it, nor a URL; did you mean "cover"?`},
		"unknown part":       {`{name: a.mp3, audio: [{do: assemble, parts: [input, outro]}]}`, `"outro" is not input or output before it`},
		"clip and assemble":  {`{name: a.mp3, audio: [{do: assemble, parts: [input]}, {do: clip, from: 1s}]}`, "cannot stand beside assemble; make two outputs"},
		"a tag with a space": {`{name: a.mp3, audio: [{do: tags, set: [{name: my title, value: x}]}]}`, `"my title" is not a tag's name`},
		"a relative program": {`{name: a.txt, command: {run: [tool]}}`, "does not begin with the absolute path of a program"},
		"a relative folder":  {`{name: a.txt, command: {run: [/bin/x], read: [fonts]}}`, `"fonts" is not an absolute path; write it like /srv/fonts`},
		"a bad variable":     {`{name: a.txt, command: {run: [/bin/x], env: [{name: A=B, value: c}], pass: [A B]}}`, `"A=B" is not the name of a variable`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := recipe.Read("test.yaml", []byte("recipes: [{name: test, inputs: [cover], outputs: ["+c.output+"]}]"))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
