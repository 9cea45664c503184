package dashboard

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// penalty is how long a wrong token waits for its answer.
	penalty = time.Second
	// mostGuesses is how many wrong tokens of one address wait at once, and allGuesses
	// of all; what comes besides is not looked at.
	mostGuesses = 4
	allGuesses  = 64
	// tellGuesses is how often wrong tokens are logged.
	tellGuesses = 10 * time.Second
)

// access says who may do what.
type access struct {
	tokens  tokens
	open    bool     // whoever reaches us is on this machine: reading needs no token
	names   []string // hosts by which we may be called, besides loopback
	foreign *http.CrossOriginProtection
	log     *slog.Logger

	mu      sync.Mutex
	waiting map[string]int // wrong tokens that wait for their answer, by address
	wrong   int            // since they were logged last
	told    time.Time
}

// called refuses requests that call us by a name that is not ours: a page of
// somebody else's whose name was made to lead here (DNS rebinding) is of one origin
// with us in the eyes of a browser.
func (a *access) called(r *http.Request) error {
	host := hostOf(r.Host)
	if host == "localhost" || slices.Contains(a.names, host) {
		return nil
	}
	if ip, err := netip.ParseAddr(host); err == nil && (ip.Unmap().IsLoopback() || ip.Unmap() == reached(r)) {
		return nil
	}
	return Error{http.StatusMisdirectedRequest, "this is not " + quoted(r.Host) + "; use the address of listen, or add the name to access.hosts in skynet.yaml"}
}

// hostOf is a host without its port, as names are compared.
func hostOf(hostport string) string {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// reached is the address of ours at which a request came in.
func reached(r *http.Request) netip.Addr {
	at, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if at == nil {
		return netip.Addr{}
	}
	here, _ := netip.ParseAddrPort(at.String())
	return here.Addr().Unmap().WithZone("")
}

// quoted is what a stranger wrote, short enough to repeat.
func quoted(s string) string {
	const most = 60
	if len(s) > most {
		s = s[:most] + "…"
	}
	return `"` + strings.ToValidUTF8(s, "?") + `"`
}

// ours refuses what another site has a browser send. A token in a header could not
// come along; this says so before anybody looks for one.
func (a *access) ours(r *http.Request) error {
	if err := a.foreign.Check(r); err != nil {
		return Error{http.StatusForbidden, "this comes from another site, which may not change anything here; use the page that skynet serves"}
	}
	origin := r.Header.Get("Origin")
	if _, host, _ := strings.Cut(origin, "://"); origin != "" && !strings.EqualFold(host, r.Host) {
		return Error{http.StatusForbidden, "this comes from " + quoted(origin) + ", which may not change anything here; use the page that skynet serves"}
	}
	return nil
}

// who is the holder of the token that a request shows, in words. The tokens are
// looked at in the same time whether one fits or not; one that does not waits for its
// answer.
func (a *access) who(r *http.Request) (string, error) {
	from := hostOf(r.RemoteAddr)
	list, err := a.tokens.read()
	if err != nil {
		a.log.Warn("nobody can change anything here", "error", err)
		return "", Error{http.StatusServiceUnavailable, "no token is set up: " + err.Error()}
	}
	shown, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || strings.TrimSpace(shown) == "" {
		return "", Error{http.StatusUnauthorized, "this needs the token in " + string(a.tokens) + "; send the header Authorization: Bearer TOKEN"}
	}
	leave, ok := a.enter(from)
	if !ok {
		return "", Error{http.StatusTooManyRequests, "too many wrong tokens at once; wait a second and try again"}
	}
	defer leave()
	found := match(list, strings.TrimSpace(shown))
	if found == nil {
		a.guessed(r.Context(), from)
		return "", Error{http.StatusUnauthorized, "this is not the token; it is in " + string(a.tokens)}
	}
	if found.name != "" {
		return found.name, nil
	}
	return "api from " + from, nil
}

// enter takes one of the places in which wrong tokens wait.
func (a *access) enter(from string) (leave func(), ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := 0
	for _, n := range a.waiting {
		all += n
	}
	if all >= allGuesses || a.waiting[from] >= mostGuesses {
		return nil, false
	}
	if a.waiting == nil {
		a.waiting = map[string]int{}
	}
	a.waiting[from]++
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.waiting[from]--; a.waiting[from] == 0 {
			delete(a.waiting, from)
		}
	}, true
}

// guessed makes a wrong token wait, and logs it.
func (a *access) guessed(ctx context.Context, from string) {
	a.mu.Lock()
	a.wrong++
	if now := time.Now(); now.Sub(a.told) >= tellGuesses {
		a.log.Warn("a wrong token was shown", "from", from, "times", a.wrong)
		a.wrong, a.told = 0, now
	}
	a.mu.Unlock()
	t := time.NewTimer(penalty)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
