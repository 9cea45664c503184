package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// request and response are what the go command and a GOCACHEPROG say to each other, a
// JSON value a line (go doc cmd/go/internal/cacheprog).
type request struct {
	ID       int64
	Command  string
	ActionID []byte
	OutputID []byte
	BodySize int64
}

type response struct {
	ID            int64
	Err           string     `json:",omitempty"`
	KnownCommands []string   `json:",omitempty"`
	Miss          bool       `json:",omitempty"`
	OutputID      []byte     `json:",omitempty"`
	Size          int64      `json:",omitempty"`
	Time          *time.Time `json:",omitempty"`
	DiskPath      string     `json:",omitempty"`
}

// overlay is a build cache that reads others and keeps what is built in one of its own,
// so that a build can do part of the work anew without hours for the rest: what holds
// one of the words is taken for missing in the others.
type overlay struct {
	from    []string
	to      string
	without [][]byte
}

// serve answers the go command until it says that it is done. From and without are
// lists with commas.
func serve(in io.Reader, out io.Writer, from, to, without string) error {
	o := overlay{from: strings.Split(from, ","), to: to}
	for word := range strings.SplitSeq(without, ",") {
		if word != "" {
			o.without = append(o.without, []byte(word))
		}
	}
	answers := json.NewEncoder(out)
	if err := answers.Encode(response{KnownCommands: []string{"get", "put", "close"}}); err != nil {
		return err
	}
	for asked := json.NewDecoder(in); ; {
		var r request
		if err := asked.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		a := o.answer(r, asked)
		a.ID = r.ID
		if err := answers.Encode(a); err != nil || r.Command == "close" {
			return err
		}
	}
}

func (o overlay) answer(r request, asked *json.Decoder) response {
	switch r.Command {
	case "get":
		if a := entry(o.to, r.ActionID); !a.Miss {
			return a
		}
		for _, from := range o.from {
			if a := entry(from, r.ActionID); !a.Miss && !o.anew(a.DiskPath) {
				return a
			}
		}
		return response{Miss: true}
	case "put":
		var body []byte
		if r.BodySize > 0 {
			if err := asked.Decode(&body); err != nil {
				return response{Err: err.Error()}
			}
		}
		return o.put(r, body)
	case "close":
		return response{}
	}
	return response{Err: "unknown command " + r.Command}
}

// anew says that a cached output is one of those to be built.
func (o overlay) anew(path string) bool {
	text, err := os.ReadFile(path)
	if err != nil {
		return true
	}
	for _, word := range o.without {
		if bytes.Contains(text, word) {
			return true
		}
	}
	return false
}

// entry looks an action up as the go command lays its cache out: a line of
// "v1 action output size time" beside the output itself. Whatever reads otherwise is
// taken for missing, which costs time only.
func entry(folder string, action []byte) response {
	missing := response{Miss: true}
	line, err := os.ReadFile(place(folder, action, "a"))
	if err != nil {
		return missing
	}
	words := strings.Fields(string(line))
	if len(words) != 5 || words[0] != "v1" {
		return missing
	}
	output, err := hex.DecodeString(words[2])
	if err != nil {
		return missing
	}
	size, err := strconv.ParseInt(words[3], 10, 64)
	if err != nil {
		return missing
	}
	path := place(folder, output, "d")
	file, err := os.Stat(path)
	if err != nil || file.Size() != size {
		return missing
	}
	return response{OutputID: output, Size: size, DiskPath: path, Time: new(file.ModTime())}
}

func (o overlay) put(r request, body []byte) response {
	path := place(o.to, r.OutputID, "d")
	line := fmt.Sprintf("v1 %x %x %20d %20d\n", r.ActionID, r.OutputID, len(body), 0)
	if err := errors.Join(keep(path, body), keep(place(o.to, r.ActionID, "a"), []byte(line))); err != nil {
		return response{Err: err.Error()}
	}
	return response{DiskPath: path}
}

func keep(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

func place(folder string, id []byte, kind string) string {
	name := hex.EncodeToString(id)
	return filepath.Join(folder, name[:2], name+"-"+kind)
}
