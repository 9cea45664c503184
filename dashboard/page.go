package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

// The page as it was built from its source beside it: see docs/dashboard.md.
//
//go:embed all:page/dist
var built embed.FS

// file is one file of the page, as it is sent.
type file struct {
	kind   string // Content-Type
	tag    string // ETag
	keep   string // Cache-Control
	plain  []byte
	packed []byte // gzip, nil where that is no gain
}

// Page serves the web page: files without a number in them, which it asks the API for.
func Page() http.Handler { return page() }

var page = sync.OnceValue(func() http.Handler {
	sub, err := fs.Sub(built, "page/dist")
	if err != nil {
		panic(err) // the path is a constant
	}
	return pageOf(sub)
})

// pageOf serves the files of a build.
func pageOf(dist fs.FS) http.Handler {
	files := map[string]file{}
	err := fs.WalkDir(dist, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(dist, name)
		files["/"+name] = fileOf(name, data)
		return err
	})
	if err != nil {
		panic(err) // what is embedded can be read
	}
	if index, ok := files["/index.html"]; ok {
		files["/"] = index
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := files[r.URL.Path]
		if !ok {
			_ = refuse(w, Missing("there is nothing at %s; the page is at /, the numbers at /api/v1/status", r.URL.Path))
			return
		}
		f.send(w, r)
	})
}

// fileOf prepares a file. Vite names what it puts into assets after its content: that
// can be kept for good. The rest is asked for again each time, and mostly not sent.
func fileOf(name string, data []byte) file {
	sum := sha256.Sum256(data)
	f := file{kind: mime.TypeByExtension(path.Ext(name)), tag: `"` + hex.EncodeToString(sum[:8]) + `"`, keep: "no-cache", plain: data}
	switch path.Ext(name) { // not what the machine's own table says
	case ".html":
		f.kind = "text/html; charset=utf-8"
	case ".js":
		f.kind = "text/javascript; charset=utf-8"
	case ".css":
		f.kind = "text/css; charset=utf-8"
	case ".svg":
		f.kind = "image/svg+xml"
	case "":
		f.kind = "application/octet-stream"
	}
	if strings.HasPrefix(name, "assets/") {
		f.keep = "public, max-age=31536000, immutable"
	}
	if packed := pack(data, gzip.BestCompression); len(packed) < len(data)*9/10 {
		f.packed = packed
	}
	return f
}

func (f file) send(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", f.keep)
	h.Set("Vary", "Accept-Encoding")
	body, tag := f.plain, f.tag
	if f.packed != nil && packs(r) {
		h.Set("Content-Encoding", "gzip")
		body, tag = f.packed, strings.TrimSuffix(f.tag, `"`)+`-gz"`
	}
	h.Set("ETag", tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// pack is data in gzip.
func pack(data []byte, level int) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, level) // one that exists
	_, _ = z.Write(data)                   // into memory
	_ = z.Close()
	return b.Bytes()
}

// packs reports whether whoever asks can unpack gzip.
func packs(r *http.Request) bool {
	for _, accepted := range r.Header.Values("Accept-Encoding") {
		for one := range strings.SplitSeq(accepted, ",") {
			name, weight, _ := strings.Cut(strings.TrimSpace(one), ";")
			weight = strings.ReplaceAll(weight, " ", "")
			if strings.EqualFold(strings.TrimSpace(name), "gzip") && weight != "q=0" && !strings.HasPrefix(weight, "q=0.000") {
				return true
			}
		}
	}
	return false
}
