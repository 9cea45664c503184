package av

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The containers that are read. Playlists (hls, dash, concat), which name other
// files, and scripts are not among them.
const (
	films  = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,mxf"
	sounds = "mp3,aac,wav,w64,flac,aiff,caf,amr,au,ac3,eac3"
	// covers are pictures, one a file.
	covers = "jpeg_pipe,png_pipe,webp_pipe"
)

// only keeps ffmpeg to the one file it is given, whatever is in it.
func only(demuxers string) []string {
	return []string{"-protocol_whitelist", "file,pipe", "-format_whitelist", demuxers}
}

// mostStreams is what a file may have: a second is spent on each that is looked at.
const mostStreams = 64

// film is what ffprobe says of a file.
type film struct {
	frame             // of the first real video stream as it is stored, 0 without one
	dots      float64 // width of a pixel by its height
	turned    int     // degrees, by its metadata
	fps       float64 // on average, 0 if unknown
	channels  int     // of its first sound, 0 without one
	rate      int     // of it, samples a second
	codec     string  // of its pictures
	tone      string  // codec of its sound
	seconds   float64 // the longer of both, 0 if unknown
	pictures  float64 // s of its pictures
	sounds    float64 // s of its sound
	streams   int
	sightless bool // it has pictures of no size that we know
	container string
}

// upright is the size at which it is seen: turned, with square pixels.
func (f film) upright() frame {
	w, h := int(math.Round(float64(f.w)*f.dots)), f.h
	if f.turned%180 != 0 {
		w, h = h, w
	}
	return frame{w, h}
}

// probed is ffprobe's JSON.
type probed struct {
	Streams []stream `json:"streams"`
	Format  struct {
		Name     string `json:"format_name"`
		Duration string `json:"duration"`
	} `json:"format"`
}

type stream struct {
	Type        string `json:"codec_type"`
	Codec       string `json:"codec_name"`
	Width       int    `json:"width"`
	Height      int    `json:"height"`
	Dots        string `json:"sample_aspect_ratio"`
	FPS         string `json:"avg_frame_rate"`
	Ticks       string `json:"r_frame_rate"`
	Channels    int    `json:"channels"`
	Rate        string `json:"sample_rate"`
	Duration    string `json:"duration"`
	Disposition struct {
		AttachedPic int `json:"attached_pic"`
	} `json:"disposition"`
	Side []struct {
		Rotation float64 `json:"rotation"`
	} `json:"side_data_list"`
	Tags struct {
		Duration string `json:"DURATION"` // Matroska's and WebM's
	} `json:"tags"`
}

const entries = "stream=codec_type,codec_name,width,height,sample_aspect_ratio,avg_frame_rate,r_frame_rate,channels,sample_rate,duration:" +
	"stream_disposition=attached_pic:stream_side_data=rotation:stream_tags=DURATION:format=duration,format_name"

// probe asks ffprobe what a file of film or sound is.
func (m *Maker) probe(ctx context.Context, file string) (film, error) {
	p, err := m.ask(ctx, file, films+","+sounds)
	if err != nil {
		return film{}, err
	}
	if len(p.Streams) > mostStreams {
		return film{}, fmt.Errorf("%d streams: at most %d are accepted", len(p.Streams), mostStreams)
	}
	f := p.film()
	if f.guessed(file) {
		f.seconds, f.pictures, f.sounds = 0, 0, 0
	}
	return f, nil
}

func (m *Maker) ask(ctx context.Context, file, demuxers string) (p probed, err error) {
	args := slices.Concat([]string{"-v", "error"}, only(demuxers), []string{"-max_pixels", m.maxPixels(), "-of", "json", "-show_entries", entries, "file:" + file})
	var out bytes.Buffer
	if err := m.run(ctx, program{path: m.FFprobe, args: args, read: []string{file}, stdout: &out}); err != nil {
		if ctx.Err() != nil {
			return p, err
		}
		return p, m.unreadable(err, file)
	}
	if err := json.Unmarshal(out.Bytes(), &p); err != nil {
		return p, fmt.Errorf("ffprobe says %.100q: %w", out.Bytes(), err)
	}
	return p, nil
}

var tooLarge = regexp.MustCompile(`Picture size (\d+)x(\d+) exceeds specified max pixel count`)

// unreadable is the reason in ffmpeg's words, without our paths.
func (m *Maker) unreadable(err error, file string) error {
	if f := tooLarge.FindStringSubmatch(err.Error()); f != nil {
		return fmt.Errorf("%s × %s pixels: at most %s are accepted", f[1], f[2], m.maxPixels())
	}
	if strings.Contains(err.Error(), "Format not on whitelist") {
		return errors.New("it is of a format that is not accepted")
	}
	return errors.New(plainWords(strings.ReplaceAll(strings.ReplaceAll(err.Error(), "file:"+file+": ", ""), file, "the file")))
}

var inside = regexp.MustCompile(`\[[^\[\]]* @ 0x[0-9a-f]+\] `)

// plainWords takes out the names of ffmpeg's parts and where they lie in memory.
func plainWords(s string) string { return inside.ReplaceAllString(s, "") }

func (m *Maker) maxPixels() string {
	if m.MaxPixels <= 0 {
		return strconv.Itoa(math.MaxInt32)
	}
	return strconv.Itoa(m.MaxPixels)
}

// film picks the first video stream (the cover of a song is none), the first sound
// and their lengths; subtitles may run longer.
func (p probed) film() (f film) {
	f.streams, f.container = len(p.Streams), p.Format.Name
	for _, s := range p.Streams {
		switch {
		case s.Type == "video" && s.Disposition.AttachedPic == 0 && f.w == 0:
			f.look(s)
			f.sightless = f.w <= 0 || f.h <= 0
		case s.Type == "audio" && f.channels == 0 && s.Channels > 0:
			f.channels, f.tone, f.sounds = s.Channels, s.Codec, s.seconds()
			f.rate, _ = strconv.Atoi(s.Rate)
		}
	}
	f.seconds = max(f.pictures, f.sounds)
	whole := number(p.Format.Duration)
	if f.seconds == 0 {
		f.seconds = whole
	}
	if f.pictures == 0 && f.w > 0 {
		f.pictures = whole
	}
	if f.sounds == 0 && f.channels > 0 {
		f.sounds = whole
	}
	return f
}

func (f *film) look(s stream) {
	f.w, f.h, f.codec, f.pictures, f.fps = s.Width, s.Height, s.Codec, s.seconds(), fraction(s.FPS, "/")
	if f.dots = fraction(s.Dots, ":"); f.dots <= 0.01 || f.dots > 100 {
		f.dots = 1
	}
	if f.fps == 0 {
		f.fps = fraction(s.Ticks, "/")
	}
	for _, d := range s.Side {
		if d.Rotation != 0 && math.Abs(d.Rotation) <= 360 {
			f.turned = int(math.Round(d.Rotation))
		}
	}
}

func (s stream) seconds() float64 {
	if d := number(s.Duration); d > 0 {
		return d
	}
	return clock(s.Tags.Duration)
}

// number reads a positive, finite number; anything else is 0, which is unknown.
func number(s string) float64 {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n > 0) || math.IsInf(n, 0) {
		return 0
	}
	return n
}

func fraction(s, sign string) float64 {
	over, under, _ := strings.Cut(s, sign)
	if number(under) == 0 {
		return 0
	}
	return finite(number(over) / number(under))
}

// finite is 0, which is unknown, for what has become too large.
func finite(n float64) float64 {
	if math.IsInf(n, 0) {
		return 0
	}
	return n
}

// clock reads 00:01:02.500000000.
func clock(s string) float64 {
	part := strings.Split(s, ":")
	if len(part) != 3 {
		return 0
	}
	return finite(number(part[0])*3600 + number(part[1])*60 + number(part[2]))
}

// guessed reports a length that was reckoned from the bitrate of the beginning,
// which says little of a file that is not of one bitrate: streams without a
// container, and MP3 without the frame that tells it.
func (f film) guessed(file string) bool {
	switch f.container {
	case "aac", "ac3", "eac3", "mpegvideo", "amr":
		return true
	case "mp3":
		return !tellsLength(file)
	}
	return false
}

// tellsLength looks for the frame that LAME and others put first.
func tellsLength(file string) bool {
	r, err := os.Open(file)
	if err != nil {
		return false
	}
	defer r.Close()
	head := make([]byte, 10)
	var skip int64
	if _, err := io.ReadFull(r, head); err == nil && string(head[:3]) == "ID3" {
		// Four bytes of seven bits each. https://id3.org/id3v2.4.0-structure
		skip = 10 + int64(head[6]&0x7f)<<21 + int64(head[7]&0x7f)<<14 + int64(head[8]&0x7f)<<7 + int64(head[9]&0x7f)
	}
	first := make([]byte, 2048)
	n, _ := r.ReadAt(first, skip)
	first = first[:n]
	return bytes.Contains(first, []byte("Xing")) || bytes.Contains(first, []byte("Info")) || bytes.Contains(first, []byte("VBRI"))
}
