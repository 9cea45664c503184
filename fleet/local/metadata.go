//go:build linux

package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"skynet/fleet"
)

// EC2's names: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-categories.html
const (
	pathToken    = "latest/api/token"
	pathRoot     = "latest/meta-data"
	headerToken  = "X-Aws-Ec2-Metadata-Token"             //nolint:gosec // a header's name
	headerTTL    = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds" //nolint:gosec // a header's name
	headerProxy  = "X-Forwarded-For"
	instanceTags = pathRoot + "/tags/instance/"
)

// endpoint serves to each instance what EC2's metadata service would (IMDSv2),
// under a path of its own.
type endpoint struct {
	url      string
	server   *http.Server
	served   sync.WaitGroup
	sign     signer
	describe func(fleet.ID) (facts, bool)
}

// facts is what one instance may read, by path.
type facts map[string]string

// serve starts the endpoint.
func serve(l net.Listener, describe func(fleet.ID) (facts, bool), now func() time.Time, log *slog.Logger) *endpoint {
	e := &endpoint{url: "http://" + l.Addr().String(), describe: describe, sign: newSigner(now)}
	e.server = &http.Server{
		Handler:           http.MaxBytesHandler(e, 1<<10), // no request has a body worth reading
		ReadHeaderTimeout: 2 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      5 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    8 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	e.served.Go(func() {
		if err := e.server.Serve(bounded{l, make(chan struct{}, mostConnections)}); !errors.Is(err, http.ErrServerClosed) {
			log.Error("local fleet: metadata endpoint", "url", e.url, "err", err)
		}
	})
	return e
}

// mostConnections is how many there may be at once; more are hung up on. Others on this
// machine can reach the endpoint, and must leave files to the journal: each worker
// has one, for as long as an answer takes.
const mostConnections = 2048

// bounded is a listener with so many connections at once.
type bounded struct {
	net.Listener
	places chan struct{}
}

// Accept implements net.Listener.
func (b bounded) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case b.places <- struct{}{}:
			return &boundedConn{Conn: c, leave: sync.OnceFunc(func() { <-b.places })}, nil
		default:
			_ = c.Close()
		}
	}
}

// boundedConn gives its place back.
type boundedConn struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *boundedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// CloseWrite says that no more comes, and leaves the other side the time to read what
// has: net/http asks for it before it hangs up on who sends too much, whose system
// would drop a refusal that was not read yet.
func (c *boundedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close lets requests under way finish, for a moment. The port is free when it
// returns, even if Serve had not begun yet.
func (e *endpoint) Close() error {
	defer e.served.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if e.server.Shutdown(ctx) == nil {
		return nil
	}
	return e.server.Close()
}

// ServeHTTP answers a request for "/<instance>/latest/…".
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !loopback(r.Host) { // a web page that renamed itself to 127.0.0.1 (DNS rebinding)
		refuse(w, http.StatusForbidden)
		return
	}
	id, path := address(r)
	known, exists := e.describe(id)
	switch {
	case !exists:
		refuse(w, http.StatusNotFound)
	case path == pathToken && r.Method == http.MethodPut:
		e.token(w, r, id)
	case path == pathToken || r.Method != http.MethodGet:
		refuse(w, http.StatusMethodNotAllowed)
	case !e.sign.valid(r.Header.Get(headerToken), id):
		refuse(w, http.StatusUnauthorized)
	default:
		known.answer(w, path)
	}
}

// token makes a session token. EC2 refuses a request that came by a proxy:
// proxies are how others' requests are tricked into asking from here.
func (e *endpoint) token(w http.ResponseWriter, r *http.Request, id fleet.ID) {
	if _, proxied := r.Header[headerProxy]; proxied {
		refuse(w, http.StatusForbidden)
		return
	}
	seconds, err := strconv.Atoi(r.Header.Get(headerTTL))
	if err != nil || seconds < 1 || seconds > ttlMax {
		refuse(w, http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set(headerTTL, strconv.Itoa(seconds))
	_, _ = w.Write([]byte(e.sign.token(id, time.Duration(seconds)*time.Second)))
}

// answer serves a fact, or the list of what is below the path.
func (k facts) answer(w http.ResponseWriter, path string) {
	text, found := k[path]
	if !found {
		text = k.list(path)
	}
	if text == "" && !found {
		refuse(w, http.StatusNotFound)
		return
	}
	kind := "text/plain"
	if strings.HasPrefix(path, pathRoot+"/spot/") && found {
		kind = "application/json"
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write([]byte(text))
}

// list names what is one step below the path, one a line, with "/" after what
// has more below it.
func (k facts) list(path string) string {
	var names []string
	for full := range k {
		rest, below := strings.CutPrefix(full, strings.TrimSuffix(path, "/")+"/")
		if name, _, more := strings.Cut(rest, "/"); below && more {
			names = append(names, name+"/")
		} else if below {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), "\n")
}

// describe says what an instance may read. One that has ended reads nothing.
func (f *Fleet) describe(id fleet.ID) (facts, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, known := f.records[id]
	if !known || !r.Ended.IsZero() {
		return nil, false
	}
	k := facts{
		pathRoot + "/instance-id":                 string(id),
		pathRoot + "/instance-type":               r.Type,
		pathRoot + "/instance-life-cycle":         "on-demand",
		pathRoot + "/placement/availability-zone": r.Zone,
	}
	if r.Spot {
		k[pathRoot+"/instance-life-cycle"] = "spot"
	}
	for key, value := range r.Tags {
		k[instanceTags+key] = value
	}
	if r.Notice != nil {
		text, _ := json.Marshal(r.Notice) // two strings: can't fail
		k[pathRoot+"/spot/instance-action"] = string(text)
	}
	return k, true
}

// address tells whose metadata is asked for: the first step of the path. The
// AWS SDK's client keeps of its endpoint only the host and drops that step;
// with an endpoint "http://<instance>@127.0.0.1:…" it names the instance as
// the user, which is understood as well.
func address(r *http.Request) (fleet.ID, string) {
	first, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if instanceID.MatchString(first) {
		return fleet.ID(first), rest
	}
	user, _, _ := r.BasicAuth()
	return fleet.ID(user), strings.TrimPrefix(r.URL.Path, "/")
}

func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// refuse answers as EC2 does, with a page.
func refuse(w http.ResponseWriter, status int) {
	title := fmt.Sprintf("%d - %s", status, http.StatusText(status))
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
	"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>%[1]s</title>
 </head>
 <body>
  <h1>%[1]s</h1>
 </body>
</html>
`, title)
}

// listenKept listens where the file says, so that running workers find their
// metadata again; the first time it chooses a port and writes it down.
func listenKept(file string) (net.Listener, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return listenFirst(file)
	}
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 16)
	if err != nil || port == 0 {
		return nil, fmt.Errorf("%s: %q is no port; remove the file to have one chosen", file, text)
	}
	l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if errors.Is(err, unix.EADDRINUSE) {
		return nil, fmt.Errorf("serve instance metadata: %w: another program has the port that our workers know; "+
			"stop that program (ss -ltnp 'sport = :%d' names it), or, when no worker runs, remove %s to have another port chosen", err, port, file)
	}
	return l, err
}

// listenFirst chooses a port below those that the kernel gives to outgoing
// connections (32768 and up by default): one of them might have it when we
// come back.
func listenFirst(file string) (net.Listener, error) {
	var l net.Listener
	err := errors.New("no port tried")
	for try := 0; try < 50 && err != nil; try++ {
		l, err = net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(12_000)))
	}
	if err != nil {
		return nil, fmt.Errorf("find a port for instance metadata: %w", err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if err := writeFile(file, []byte(port+"\n")); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}
