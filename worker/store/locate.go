package store

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"strings"
	"unicode"

	"skynet/config/redact"
)

// ErrOutside says that a URL lies in none of the stores.
var ErrOutside = errors.New("lies in none of the worker's stores")

// locate finds the store that a URL lies in, and the key within it: the store
// with the longest root, if one lies in another.
func (s *Stores) locate(raw string) (st *store, key string, err error) {
	u, err := clean(raw)
	if err != nil {
		return nil, "", err
	}
	for _, o := range s.all {
		k, inside := o.key(u)
		if inside && (st == nil || len(o.root) > len(st.root)) {
			st, key = o, k
		}
	}
	if st == nil {
		return nil, "", fmt.Errorf("%s %w", raw, ErrOutside)
	}
	return st, key, checkLength(key)
}

// longest is how long a key may be, bytes, as in S3. In a folder a longer path would be
// one that others cannot open.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
const longest = 1024

func checkLength(key string) error {
	if len(key) > longest {
		return fmt.Errorf("%.100s…: %d bytes in a store, at most %d are accepted", key, len(key), longest)
	}
	return nil
}

// key is the part of the URL's path below the store's root.
func (st *store) key(u *url.URL) (string, bool) {
	if u.Scheme != st.scheme || host(u) != st.host {
		return "", false
	}
	p := strings.TrimSuffix(path.Clean("/"+u.Path), "/")
	if p == st.root {
		return "", true
	}
	return strings.CutPrefix(p, st.root+"/")
}

// Plain says why no store opens a URL, wherever it leads: it has a user, parameters or
// a fragment, or its path could be read in two ways. It shows no secret of the URL.
func Plain(raw string) error {
	_, err := clean(raw)
	return err
}

// clean parses a URL and refuses what could mean another place to whoever
// reads it next: dots, empty parts, encoded separators, control characters.
func clean(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%.200q is not a URL", redact.URL(raw))
	case u.Scheme == "" || u.Opaque != "":
		return nil, fmt.Errorf("%s: want a URL like file:///media/a.jpg", redact.URL(raw))
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(raw, "#"):
		return nil, fmt.Errorf("%.200q: only scheme, host and path are accepted, no user, parameters or fragment", redact.URL(raw))
	}
	if low := strings.ToLower(raw); strings.Contains(low, "%2f") || strings.Contains(low, "%2e") || strings.Contains(low, "%5c") {
		return nil, fmt.Errorf("%s: encoded dots and slashes are not accepted", raw)
	}
	if strings.ContainsFunc(u.Path, func(r rune) bool { return unicode.IsControl(r) || r == '\\' || r == unicode.ReplacementChar }) {
		return nil, fmt.Errorf("%q: control characters and backslashes are not accepted", u.Path)
	}
	if u.Path != "" && path.Clean(u.Path) != u.Path {
		return nil, fmt.Errorf("%s: empty parts, %q and %q are not accepted", raw, ".", "..")
	}
	return u, nil
}

// inside refuses a key of a file store that symbolic links lead out of it, by
// looking at the deepest part of the key that exists. Pipes and devices are refused
// too: to open one may take for ever, and nothing ends that.
func (st *store) inside(key string) error {
	if st.dir == nil {
		return nil
	}
	for p := key; p != "." && p != "/"; p = path.Dir(p) {
		about, err := st.dir.Stat(p)
		switch {
		case err == nil && !about.Mode().IsRegular() && !about.IsDir():
			return fmt.Errorf("%s is neither a file nor a folder", p)
		case err == nil:
			return nil
		case errors.Is(err, fs.ErrNotExist):
			// A folder that is there now was made by somebody else just then.
			if about, err := st.dir.Lstat(p); err == nil && about.Mode()&fs.ModeSymlink != 0 {
				return fmt.Errorf("%s is a symbolic link to nowhere", p)
			}
		default:
			return fmt.Errorf("not a path inside the store: %w", err)
		}
	}
	return nil
}
