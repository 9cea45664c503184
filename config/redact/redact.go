// Package redact shows texts that may hold a secret without it: what is wrong with a
// setting goes to terminals and logs, and the reason why an item failed to whoever
// may read the queue.
package redact

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
)

// Mask stands where a secret was.
const Mask = "xxxxx"

var (
	// bearer is what follows the name of a way to show who one is.
	bearer = regexp.MustCompile(`(?i)\b(bearer|basic)\s+\\*["']?[^\s"',;}\\]+`)
	// address is a URL, or what was meant to be one.
	begins  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)
	address = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>]+`)
	// host is one with its port: what else has a colon may be a user with a password.
	host = regexp.MustCompile(`^(\[[0-9a-fA-F:.%]*\]|[^:]*)(:[0-9]{1,5})?$`)
	// plain are the names of parameters whose values are nobody's secret.
	plain = map[string]bool{"region": true, "sslmode": true, "versionId": true}
)

// Text is a text without the secrets that can be told from the rest: who a URL is
// opened as, the values of its parameters, what is called a password or a token.
// Where it is in doubt it hides: a secret that is shown cannot be taken back. Give it
// the whole text: of one that is cut short it may not know what it holds.
func Text(s string) string {
	if begins.MatchString(s) { // one address as a whole, though it holds what none may
		s = URL(s)
	}
	s = address.ReplaceAllStringFunc(s, URL)
	s = bearer.ReplaceAllString(s, "$1 "+Mask)
	return values(s)
}

// URL is a URL, or what was meant to be one, without who it is opened as and without
// the values of its parameters. It is not parsed: what cannot be is what errors show.
func URL(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		scheme, rest = "", raw
	} else {
		scheme, rest = scheme+"://", nobody(rest)
	}
	rest, fragment, more := strings.Cut(rest, "#")
	rest, query, asks := strings.Cut(rest, "?")
	if asks {
		rest += "?" + parameters(query)
	}
	if more && fragment != "" {
		rest += "#" + Mask
	}
	return scheme + rest
}

// nobody cuts the user off what follows a scheme. A password may hold what should
// have been escaped, a slash for one: then what stands for the host is none.
func nobody(rest string) string {
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	if at := strings.LastIndexByte(rest[:end], '@'); at >= 0 {
		return Mask + rest[at:]
	}
	if host.MatchString(rest[:end]) {
		return rest
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		return Mask + rest[at:]
	}
	return Mask + rest[end:]
}

// parameters hides the values of a query.
func parameters(query string) string {
	parts := strings.Split(query, "&")
	for i, p := range parts {
		name, value, named := strings.Cut(p, "=")
		switch {
		case named && !plain[name] && value != "":
			parts[i] = name + "=" + Mask
		case !named && p != "":
			parts[i] = Mask
		}
	}
	return strings.Join(parts, "&")
}

// least is how long a secret is that can be told from other words, B: a shorter one
// would be hidden where it means something else.
const least = 6

// Known is a text without secrets that are known, as they are and as addresses and
// JSON write them: a server may repeat in its refusal what it was told.
func Known(text string, secrets ...string) string {
	for _, s := range secrets {
		if s = strings.TrimSpace(s); len(s) < least {
			continue
		}
		inJSON, _ := json.Marshal(s) // a string: it cannot fail
		for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s), strings.Trim(string(inJSON), `"`)} {
			text = strings.ReplaceAll(text, form, Mask)
		}
	}
	return text
}

// Parts are what may be secret in an address: who it is opened as, its path and its
// parameters.
func Parts(u *url.URL) (secrets []string) {
	if u.User != nil {
		password, _ := u.User.Password()
		secrets = append(secrets, password, u.User.Username())
	}
	for _, values := range u.Query() {
		secrets = append(secrets, values...)
	}
	return append(secrets, u.EscapedPath(), u.RawQuery, u.Fragment)
}

// Error is an error whose text is without secrets that are known; nil stays nil.
func Error(err error, secrets ...string) error {
	if err == nil {
		return nil
	}
	if text := Known(err.Error(), secrets...); text != err.Error() {
		return hidden{err, text}
	}
	return err
}

type hidden struct {
	error
	text string
}

func (h hidden) Error() string { return h.text }
func (h hidden) Unwrap() error { return h.error }
