// Package ec2wire speaks the part of EC2's query protocol that fleet/ec2 uses, for a
// cloud behind a small interface of plain Go types (Backend): over HTTP, or in the
// caller's own goroutine (Direct), where whoever plays the cloud decides when time
// passes. Cloud is such a backend, kept in memory.
//
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html
package ec2wire

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

// Call is one that arrived.
type Call struct {
	Action string
	Form   url.Values // may be changed before it is answered
	// Invocation is the same for all tries of one call.
	Invocation string
}

// Fault is an answer that is not the true one.
type Fault struct {
	Error
	After  bool // what was asked is done first
	Hangup bool // there is no answer
	Cut    bool // the true answer ends in the middle
}

// Wire answers calls. Its fields are set before the first of them.
type Wire struct {
	Backend   Backend
	Catalogue Catalogue
	// Before sees every call before it is answered, and can have it fail.
	Before func(*Call) *Fault
	// Whole has instances told with everything that EC2 tells of one, most of which
	// nobody here reads: as much to send and to parse as there would be.
	Whole bool

	mu sync.Mutex
}

// invocation is the header by which the SDK says which tries belong together.
const invocation = "Amz-Sdk-Invocation-Id"

// ServeHTTP answers a call.
func (w *Wire) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(out, err.Error(), http.StatusBadRequest)
		return
	}
	c := &Call{Action: r.PostForm.Get("Action"), Form: r.PostForm, Invocation: r.Header.Get(invocation)}
	var b bytes.Buffer
	status, gone := w.reply(c, &b, w.alone)
	if gone != nil && !errors.Is(gone, errCut) {
		panic(http.ErrAbortHandler)
	}
	out.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	if gone == nil {
		out.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	}
	out.WriteHeader(status)
	_, _ = out.Write(b.Bytes())
	if gone != nil {
		panic(http.ErrAbortHandler)
	}
}

// reply writes an answer, or says why there is none.
func (w *Wire) reply(c *Call, b *bytes.Buffer, answer func(*Call, *bytes.Buffer) error) (status int, gone error) {
	var f *Fault
	if w.Before != nil {
		f = w.Before(c)
	}
	var err error
	if f == nil || f.After || f.Cut {
		err = answer(c, b)
	}
	switch {
	case f != nil && f.Cut && err == nil:
		b.Truncate(b.Len() / 2)
		return http.StatusOK, errCut
	case f != nil && f.Cut:
	case f != nil && f.Hangup:
		return 0, io.ErrUnexpectedEOF
	case f != nil:
		e := f.Error
		err = &e
	}
	if err == nil {
		return http.StatusOK, nil
	}
	if cut, ok := errors.AsType[*Gone](err); ok {
		return 0, cut.Err
	}
	e := refusal(err)
	b.Reset()
	fail(b, e)
	return e.Status, nil
}

// errCut ends an answer in the middle.
var errCut = errors.New("the connection is closed in the middle of the answer")

// alone answers one call at a time.
func (w *Wire) alone(c *Call, b *bytes.Buffer) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.answer(c, b)
}

// actions are what is understood.
var actions = map[string]func(*Wire, *writer, url.Values) error{
	"CreateFleet": (*Wire).createFleet, "DescribeInstances": (*Wire).instances, "DescribeInstanceStatus": (*Wire).statuses,
	"TerminateInstances": (*Wire).terminate, "StopInstances": (*Wire).stop, "StartInstances": (*Wire).start,
	"CreateTags": (*Wire).tag, "DeleteTags": (*Wire).untag, "DescribeSubnets": (*Wire).subnets,
	"DescribeInstanceTypeOfferings": (*Wire).offerings, "DescribeLaunchTemplateVersions": (*Wire).versions,
	"DescribeInstanceTypes": (*Wire).types, "DescribeVolumes": (*Wire).volumes, "DescribeSpotPriceHistory": (*Wire).spotPrices,
}

// answer writes what is true.
func (w *Wire) answer(c *Call, b *bytes.Buffer) error {
	do, known := actions[c.Action]
	if !known {
		return &Error{Code: "InvalidAction", Message: "The action " + c.Action + " is not valid for this web service."}
	}
	out := &writer{Buffer: b}
	root := c.Action + "Response"
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<" + root + ` xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>`)
	if err := do(w, out, c.Form); err != nil {
		return err
	}
	out.end(root)
	return nil
}

// Read reports whether an action changes nothing.
func Read(action string) bool { return strings.HasPrefix(action, "Describe") }
