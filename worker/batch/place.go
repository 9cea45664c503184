package batch

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// fileURL is the URL of a file of this machine.
func fileURL(name string) string {
	return "file://" + (&url.URL{Path: filepath.ToSlash(name)}).EscapedPath()
}

// place is a URL of a store in the one form in which two can be compared: not
// encoded, without a slash at its end.
func place(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return strings.TrimSuffix(raw, "/")
	}
	host := u.Host
	if u.Scheme == "file" && host == "localhost" {
		host = ""
	}
	return u.Scheme + "://" + host + strings.TrimSuffix(u.Path, "/")
}

// holds reports whether a place lies in a folder, or is it.
func holds(folder, at string) bool {
	return at == folder || strings.HasPrefix(at, folder+"/")
}

// Below is the output folder of an input in a folder for a batch's outputs.
func Below(folder string, in Input) string {
	return strings.TrimSuffix(folder, "/") + "/" + strings.TrimPrefix((&url.URL{Path: "/" + in.Rel}).EscapedPath(), "/")
}

// Collisions are items that would make the same output folder, each told with what
// can be done about it.
func Collisions(items []Item) error {
	first := map[string]string{}
	var errs []error
	n := 0
	for _, it := range items {
		at := place(it.Output)
		other, taken := first[at]
		if !taken {
			first[at] = it.Input
			continue
		}
		if n++; n <= maxProblems {
			errs = append(errs, fmt.Errorf("%s and %s would both be made into %s", other, it.Input, it.Output))
		}
	}
	if n > maxProblems {
		errs = append(errs, fmt.Errorf("and %d more", n-maxProblems))
	}
	if n > 0 {
		errs = append(errs, errors.New("name the folder that they have in common instead, without a slash at its end, or send them as two batches with an --output each"))
	}
	return errors.Join(errs...)
}
