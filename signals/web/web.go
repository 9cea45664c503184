// Package web is what sources that ask over HTTP have in common: one request
// within a deadline, an answer of bounded size, a token that goes nowhere else,
// and reasons that tell no secret.
package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"skynet/config/redact"
)

// MostBytes is how long an answer may be, B, unpacked.
const MostBytes = 1 << 20

const (
	mostRedirects = 3
	mostToken     = 64 << 10 // B
	longestReason = 200
)

// Header is sent with each request.
type Header struct{ Name, Value string }

// Client asks one server.
type Client struct {
	http      *http.Client
	timeout   time.Duration
	tokenFile string
	headers   []Header
}

// Options change how a Client asks.
type Options struct {
	TokenFile string        // holds a bearer token, "": none; read anew each time, since tokens are renewed
	Headers   []Header      // sent as they are; their values are secrets
	Timeout   time.Duration // of one request, 0: 5s
}

// New returns a Client, which keeps its connections open.
func New(o Options) *Client {
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	return &Client{
		timeout: o.Timeout, tokenFile: o.TokenFile, headers: o.Headers,
		http: &http.Client{CheckRedirect: sameHost, Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: o.Timeout}).DialContext,
			MaxIdleConnsPerHost: 4, IdleConnTimeout: 10 * time.Minute, // as long as a tick is at most, nearly
			MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
		}},
	}
}

// sameHost refuses to follow a redirect to another host or to an open line: the
// token would go there too.
func sameHost(r *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch {
	case r.URL.Host != first.Host || r.URL.Scheme != first.Scheme:
		return fmt.Errorf("it redirects to %s://%s, which is not followed; ask that address itself", r.URL.Scheme, r.URL.Host)
	case len(via) > mostRedirects:
		return errors.New("it redirects again and again")
	}
	return nil
}

// Get asks for an address and returns the answer's status and body.
func (c *Client) Get(ctx context.Context, address string) (status int, body []byte, err error) {
	return c.send(ctx, http.MethodGet, address, nil)
}

// Post sends a form to an address and returns the answer's status and body.
func (c *Client) Post(ctx context.Context, address string, form url.Values) (status int, body []byte, err error) {
	return c.send(ctx, http.MethodPost, address, form)
}

func (c *Client) send(ctx context.Context, method, address string, form url.Values) (int, []byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("no answer within %s", c.timeout))
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, nil, plain(ctx, err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if err := c.sign(r); err != nil {
		return 0, nil, err
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return 0, nil, plain(ctx, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, MostBytes+1))
	switch {
	case err != nil:
		return 0, nil, plain(ctx, err)
	case len(body) > MostBytes:
		return 0, nil, fmt.Errorf("the answer is longer than %d bytes", MostBytes)
	}
	if answer.StatusCode >= http.StatusMultipleChoices { // what is an answer stays as it is: it may be the number
		body = c.hide(body, r)
	}
	return answer.StatusCode, body, nil
}

// hide takes out of a refusal what was a secret in the request: servers repeat what
// they refuse, and reasons are shown.
func (c *Client) hide(body []byte, r *http.Request) []byte {
	secrets := []string{strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")}
	for _, h := range c.headers {
		secrets = append(secrets, h.Value)
	}
	for _, values := range r.URL.Query() {
		secrets = append(secrets, values...)
	}
	return []byte(redact.Known(string(body), secrets...))
}

// sign adds the headers and the token.
func (c *Client) sign(r *http.Request) error {
	for _, h := range c.headers {
		r.Header.Set(h.Name, h.Value)
		if http.CanonicalHeaderKey(h.Name) == "Host" {
			r.Host = h.Value
		}
	}
	if c.tokenFile == "" {
		return nil
	}
	token, err := readToken(c.tokenFile)
	if err != nil {
		return fmt.Errorf("token file: %w", err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return nil
}

func readToken(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, mostToken))
	token := strings.TrimSpace(string(data))
	switch {
	case err != nil:
		return "", err
	case token == "":
		return "", fmt.Errorf("%s is empty", path)
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", fmt.Errorf("%s holds more than one word, or letters that no token has", path)
	}
	return token, nil
}

// plain is an error without the address: it may hold a key, and the settings say
// it anyway.
func plain(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		if errors.Is(cause, context.DeadlineExceeded) {
			cause = errors.New("no answer within the tick's deadline")
		}
		return cause
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return errors.New(Shown(err.Error()))
}

// Shown is text from elsewhere as a reason shows it: one line, not all of it if it
// is long.
func Shown(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) { // CSI is one of the characters above ASCII, too
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > longestReason {
		return string(r[:longestReason]) + "…"
	}
	return s
}
