package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"skynet/config/redact"
)

var errFull = errors.New("too many messages wait for it")

// Final is an error that another try would meet again.
type Final struct{ error }

func (f Final) Unwrap() error { return f.error }

// later is an error that says when to try again.
type later struct {
	error
	after time.Duration
}

// rests are how long to wait between tries: some six minutes in all.
var rests = []time.Duration{2 * time.Second, 10 * time.Second, time.Minute, 5 * time.Minute}

// Deliver sends a message, again and again for some minutes if it fails.
func Deliver(ctx context.Context, to Sender, body []byte) error {
	for _, rest := range slices.Concat(rests, []time.Duration{0}) {
		err := to.Send(ctx, body)
		if err == nil || errors.As(err, new(Final)) || rest == 0 || ctx.Err() != nil {
			return err
		}
		if l := (later{}); errors.As(err, &l) {
			rest = max(rest, min(l.after, rests[len(rests)-1]))
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(rest):
		}
	}
	return nil
}

// Webhook posts messages to an address.
type Webhook struct {
	URL       string // a secret as a whole: it is in no message and no log
	TokenFile string // holds a bearer token, "": none; read anew each time
	Client    *http.Client
}

// How long one try may take, and how long the answers and tokens that are read may be, B.
const (
	webhookTimeout = 10 * time.Second
	commandTimeout = 30 * time.Second
	longestAnswer  = 4 << 10
)

// NewWebhook returns one that follows no redirect: it would carry the token and the
// message where nobody has sent them.
func NewWebhook(address, tokenFile string) *Webhook {
	return &Webhook{URL: address, TokenFile: tokenFile, Client: &http.Client{
		Timeout:       webhookTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Send posts a message.
func (w *Webhook) Send(ctx context.Context, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, webhookTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return Final{errors.New("the webhook is not an address")} // without it
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "skynet")
	if err := w.sign(r); err != nil {
		return err
	}
	answer, err := w.Client.Do(r)
	if err != nil {
		return fmt.Errorf("post to %s: %w", r.URL.Host, plain(err))
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, longestAnswer))
	secrets := append(redact.Parts(r.URL), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	return verdict(r.URL.Host, answer, []byte(redact.Known(string(said), secrets...)))
}

func (w *Webhook) sign(r *http.Request) error {
	if w.TokenFile == "" {
		return nil
	}
	data, err := os.ReadFile(w.TokenFile)
	if err != nil {
		return fmt.Errorf("token file: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if token == "" || strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return fmt.Errorf("token file: %s does not hold one word", w.TokenFile)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return nil
}

// plain is an error without the address, which the HTTP client writes before it.
func plain(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		return u.Err
	}
	return err
}

// verdict is what an answer means: taken, to be tried again, or never.
func verdict(host string, answer *http.Response, said []byte) error {
	code := answer.StatusCode
	if code >= 200 && code < 300 {
		return nil
	}
	err := fmt.Errorf("%s answered %d: %s", host, code, brief(said))
	switch {
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
		return later{err, time.Duration(min(max(seconds, 0), 3600)) * time.Second}
	case code == http.StatusRequestTimeout || code >= 500:
		return err
	}
	return Final{err}
}

// brief is the beginning of what others say, fit for a log.
func brief(said []byte) string { return cut(said, 200) }

func cut(said []byte, most int) string {
	text := strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(string(said), "?"))
	text = strings.TrimSpace(text)
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return text
}

// Command runs a program with the message on its standard input.
type Command struct {
	Args    []string      // the program, by its whole path, and its arguments; no shell is between, and few variables of ours
	Timeout time.Duration // 0: 30s
}

// Send runs it to its end. What it starts is ended with it when it takes too long.
func (c Command) Send(ctx context.Context, body []byte) error {
	limit := c.Timeout
	if limit <= 0 {
		limit = commandTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it did not end within %s", limit))
	defer cancel()
	p := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	p.Stdin, p.Env = bytes.NewReader(body), environment()
	out := &tail{}
	p.Stdout, p.Stderr = out, out
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.Cancel = func() error { return syscall.Kill(-p.Process.Pid, syscall.SIGKILL) }
	p.WaitDelay = 2 * time.Second
	err := p.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", c.Args[0], context.Cause(ctx))
	}
	if said := brief(out.last); said != "" {
		return fmt.Errorf("%s: %w: %s", c.Args[0], err, said)
	}
	return fmt.Errorf("%s: %w", c.Args[0], err)
}

// passed are the variables of ours that a program sees, as a policy's do: none of the
// controller's credentials, and nothing that is between systemd and us.
var passed = []string{"PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR"}

func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(assignment string) bool {
		name, _, _ := strings.Cut(assignment, "=")
		return !slices.Contains(passed, name)
	})
}

// tail keeps the end of what a program writes.
type tail struct{ last []byte }

func (t *tail) Write(b []byte) (int, error) {
	t.last = append(t.last, b...)
	if n := len(t.last); n > longestAnswer {
		t.last = append([]byte(nil), t.last[n-longestAnswer:]...)
	}
	return len(b), nil
}
