package av

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// demuxers are the containers that are read. Playlists (hls, dash, concat),
// which name other files, and single pictures are not among them.
const demuxers = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,mxf"

// sandbox keeps ffmpeg to the one file it is given, whatever is in it.
var sandbox = []string{"-protocol_whitelist", "file,pipe", "-format_whitelist", demuxers}

// film is what ffprobe says of a file.
type film struct {
	width, height int     // px of the first real video stream, 0 without one
	seconds       float64 // of its video and audio, 0 if unknown
}

// probed is ffprobe's JSON.
type probed struct {
	Streams []struct {
		Type        string `json:"codec_type"`
		Width       int    `json:"width"`
		Height      int    `json:"height"`
		Duration    string `json:"duration"`
		Disposition struct {
			AttachedPic int `json:"attached_pic"`
		} `json:"disposition"`
	} `json:"streams"`
	Format struct {
		Duration string `json:"duration"`
	} `json:"format"`
}

func (m *Maker) probe(ctx context.Context, file string) (film, error) {
	args := append([]string{"-v", "error"}, sandbox...)
	args = append(args, "-of", "json", "-show_entries",
		"stream=codec_type,width,height,duration:stream_disposition=attached_pic:format=duration", "file:"+file)
	var out bytes.Buffer
	if err := run(ctx, m.FFprobe, args, filepath.Dir(file), &out, nil); err != nil {
		if ctx.Err() != nil {
			return film{}, err
		}
		return film{}, fmt.Errorf("not a video: %s", strings.ReplaceAll(err.Error(), "file:"+file+": ", ""))
	}
	var p probed
	if err := json.Unmarshal(out.Bytes(), &p); err != nil {
		return film{}, fmt.Errorf("not a video: ffprobe says %.100q: %w", out.Bytes(), err)
	}
	return p.film(), nil
}

// film picks the first video stream (the cover of a song is none) and the
// length of what will be encoded; subtitles may run longer.
func (p probed) film() (f film) {
	for _, s := range p.Streams {
		d, _ := strconv.ParseFloat(s.Duration, 64)
		switch {
		case s.Type == "video" && s.Disposition.AttachedPic == 0 && f.width == 0:
			f.width, f.height = s.Width, s.Height
			f.seconds = max(f.seconds, d)
		case s.Type == "audio":
			f.seconds = max(f.seconds, d)
		}
	}
	if f.seconds == 0 {
		f.seconds, _ = strconv.ParseFloat(p.Format.Duration, 64)
	}
	return f
}
