package ec2wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// Direct carries calls to a Wire without a socket, in the goroutine of the caller: it
// is an http.RoundTripper, and the HTTP client of an SDK's. Unlike over HTTP, a call may
// come while another waits in the backend.
type Direct struct{ *Wire }

// Do makes a call.
func (d Direct) Do(r *http.Request) (*http.Response, error) { return d.RoundTrip(r) }

// RoundTrip makes a call. Where there is no answer, its error says what a socket's does.
func (d Direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body.Close()
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, fmt.Errorf("read a call: %w", err)
	}
	var b bytes.Buffer
	status, gone := d.reply(&Call{Action: form.Get("Action"), Form: form, Invocation: r.Header.Get(invocation)}, &b, d.answer)
	answer := io.Reader(&b)
	switch {
	case errors.Is(gone, errCut):
		answer = io.MultiReader(&b, cut{})
	case gone != nil:
		return nil, gone
	}
	return &http.Response{
		Status: strconv.Itoa(status) + " " + http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"text/xml;charset=UTF-8"}}, ContentLength: int64(b.Len()), Body: io.NopCloser(answer), Request: r,
	}, nil
}

// cut is the end of an answer that is none.
type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
