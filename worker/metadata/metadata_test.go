package metadata_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"skynet/fleet"
	"skynet/worker"
	"skynet/worker/metadata"
)

var _ worker.Metadata = (*metadata.Client)(nil)

// service is a metadata service of one instance below a path of its own.
type service struct {
	paths   map[string]string // under /latest/meta-data/
	status  int               // of every answer, if set
	noToken bool
	asked   int
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked++
	path, mine := strings.CutPrefix(r.URL.Path, "/i-1/latest/")
	switch {
	case s.status != 0:
		w.WriteHeader(s.status)
	case !mine:
		w.WriteHeader(http.StatusNotFound)
	case path == "api/token" && r.Method == http.MethodPut && !s.noToken:
		w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds"))
		_, _ = w.Write([]byte("token"))
	case r.Header.Get("X-Aws-Ec2-Metadata-Token") != "token":
		w.WriteHeader(http.StatusUnauthorized)
	default:
		s.answer(w, strings.TrimPrefix(path, "meta-data/"))
	}
}

func (s *service) answer(w http.ResponseWriter, path string) {
	v, ok := s.paths[path]
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	_, _ = w.Write([]byte(v))
}

func serve(t *testing.T, s *service) *metadata.Client {
	t.Helper()
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return client(t, srv.URL+"/i-1")
}

func client(t *testing.T, endpoint string) *metadata.Client {
	t.Helper()
	c, err := metadata.New(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNewRefusesWhatIsNoEndpoint(t *testing.T) {
	for _, s := range []string{"127.0.0.1:80", "/i-1", "ftp://x/", "http://", "http://a b/"} {
		if _, err := metadata.New(s); err == nil {
			t.Errorf("%q is taken for an endpoint", s)
		}
	}
}

func TestAnswers(t *testing.T) {
	s := &service{paths: map[string]string{
		"instance-id": "i-1\n", "tags/instance": "skynet:fleet\nskynet:drain", "tags/instance/skynet:drain": "d1",
		"spot/instance-action":             `{"action":"terminate","time":"2026-03-01T17:02:00Z"}`,
		"events/recommendations/rebalance": `{"noticeTime":"2026-03-01T17:00:00Z"}`,
	}}
	c := serve(t, s)
	if id, err := c.InstanceID(t.Context()); id != "i-1" || err != nil {
		t.Errorf("ID %q, %v", id, err)
	}
	if v, set, err := c.Tag(t.Context(), fleet.TagDrain); v != "d1" || !set || err != nil {
		t.Errorf("tag %q %v, %v", v, set, err)
	}
	if on, err := c.TagsEnabled(t.Context()); !on || err != nil {
		t.Errorf("tags enabled: %v, %v", on, err)
	}
	if risk, err := c.AtRisk(t.Context()); !risk || err != nil {
		t.Errorf("at risk: %v, %v", risk, err)
	}
	n, err := c.Interruption(t.Context())
	if err != nil || n == nil || n.Action != "terminate" || !n.At.Equal(time.Date(2026, 3, 1, 17, 2, 0, 0, time.UTC)) {
		t.Errorf("interruption %+v, %v", n, err)
	}
}

func TestWhatIsNotThereIsAnAnswer(t *testing.T) {
	c := serve(t, &service{})
	if v, set, err := c.Tag(t.Context(), fleet.TagDrain); v != "" || set || err != nil {
		t.Errorf("tag %q %v, %v", v, set, err)
	}
	if n, err := c.Interruption(t.Context()); n != nil || err != nil {
		t.Errorf("interruption %+v, %v", n, err)
	}
	if risk, err := c.AtRisk(t.Context()); risk || err != nil {
		t.Errorf("at risk: %v, %v", risk, err)
	}
	if on, err := c.TagsEnabled(t.Context()); on || err != nil {
		t.Errorf("tags enabled: %v, %v", on, err)
	}
}

// TestNoAnswerIsAnError: whatever does not come from a working service must
// not read as "the tag is gone", which is a recall.
func TestNoAnswerIsAnError(t *testing.T) {
	gone := httptest.NewServer(&service{})
	gone.Close()
	for name, c := range map[string]*metadata.Client{
		"down":                     client(t, gone.URL+"/i-1"),
		"fails":                    serve(t, &service{status: 500}),
		"refuses":                  serve(t, &service{status: 403}),
		"some other server":        serve(t, &service{status: 404}),
		"a service without tokens": serve(t, &service{noToken: true}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if v, set, err := c.Tag(t.Context(), fleet.TagDrain); err == nil {
				t.Errorf("tag %q %v without an error", v, set)
			}
			if n, err := c.Interruption(t.Context()); err == nil {
				t.Errorf("interruption %+v without an error", n)
			}
			if on, err := c.TagsEnabled(t.Context()); err == nil {
				t.Errorf("tags enabled %v without an error", on)
			}
		})
	}
}

func TestAnswersInTime(t *testing.T) {
	stuck := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(3 * time.Second):
		}
	}))
	t.Cleanup(stuck.Close)
	begin := time.Now()
	if _, _, err := client(t, stuck.URL).Tag(t.Context(), fleet.TagDrain); err == nil {
		t.Error("no error")
	}
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("took %v, want 2 s", took)
	}
}

func TestANoticeThatCannotBeReadIsAnError(t *testing.T) {
	for _, s := range []string{"", "soon", `{"action":"terminate"}`, `{"time":"2026-03-01T17:02:00Z"}`, `{"action":1}`} {
		c := serve(t, &service{paths: map[string]string{"spot/instance-action": s}})
		if n, err := c.Interruption(t.Context()); err == nil {
			t.Errorf("%q reads as %+v", s, n)
		}
	}
}
