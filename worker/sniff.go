package worker

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
)

// sniffed is how much of a file is looked at to tell its kind; more is never
// looked at by net/http.
const sniffed = 512

// stills are the brands of ISO media files that hold a picture, not a film.
var stills = []string{"heic", "heix", "heim", "heis", "mif1", "msf1", "avif", "avis"}

// sounds are those that hold sound alone.
var sounds = []string{"M4A ", "M4B ", "F4A "}

var extensions = map[string]Kind{
	".jpg": Photo, ".jpeg": Photo, ".png": Photo, ".webp": Photo, ".heic": Photo, ".heif": Photo,
	".tif": Photo, ".tiff": Photo, ".avif": Photo, ".gif": Photo,
	".mp4": Video, ".m4v": Video, ".mov": Video, ".mkv": Video, ".webm": Video, ".avi": Video,
	".mpg": Video, ".mpeg": Video, ".ts": Video, ".m2ts": Video, ".flv": Video, ".wmv": Video, ".3gp": Video,
	".mp3": Audio, ".m4a": Audio, ".aac": Audio, ".wav": Audio, ".flac": Audio, ".ogg": Audio, ".oga": Audio,
	".opus": Audio, ".aif": Audio, ".aiff": Audio, ".wma": Audio,
}

// sniff tells a file's kind by how it begins, and by the extension of the URL
// it came from where that says nothing.
func sniff(file, url string) (Kind, error) {
	head, err := readHead(file)
	if err != nil {
		return "", err
	}
	if k := byContent(head); k != "" {
		return k, nil
	}
	ext := strings.ToLower(path.Ext(url))
	if k, ok := extensions[ext]; ok {
		return k, nil
	}
	return "", fmt.Errorf("neither photo, video nor audio: the content is %s, the extension %q; set kind", http.DetectContentType(head), ext)
}

func readHead(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("look at the input: %w", err)
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, sniffed))
	if err != nil {
		return nil, fmt.Errorf("look at the input: %w", err)
	}
	return head, nil
}

func byContent(head []byte) Kind {
	if len(head) >= 12 && string(head[4:8]) == "ftyp" {
		switch brand := string(head[8:12]); {
		case slices.Contains(stills, brand):
			return Photo
		case slices.Contains(sounds, brand):
			return Audio
		}
		return Video
	}
	s := string(head)
	if strings.HasPrefix(s, "II*\x00") || strings.HasPrefix(s, "MM\x00*") {
		return Photo // TIFF, which net/http does not know
	}
	if strings.HasPrefix(s, "fLaC") {
		return Audio
	}
	switch kind, _, _ := strings.Cut(http.DetectContentType(head), "/"); kind {
	case "image":
		return Photo
	case "video":
		return Video
	case "audio":
		return Audio
	}
	return ""
}
