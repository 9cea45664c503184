package metadata_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"skynet/worker/metadata"
)

// FuzzAnswers: whatever the service answers, an instance has an ID or an error, and a
// notice an action and a time; what is no notice is an error, and never none.
func FuzzAnswers(f *testing.F) {
	f.Add(`{"action":"terminate","time":"2026-03-01T12:00:00Z"}`)
	f.Add(`{"action":"stop","time":"0001-01-01T00:00:00Z"}`)
	f.Add(`{"ACTION":"terminate","Time":"2026-03-01T12:00:00Z","time":null}`)
	f.Add("i-0abc\r\n")
	f.Add("")
	s := &service{paths: map[string]string{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.ServeHTTP(w, r) }))
	f.Cleanup(server.Close)
	c, err := metadata.New(server.URL + "/i-1")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		s.paths = map[string]string{"instance-id": answer, "spot/instance-action": answer, "tags/instance/x": answer}
		if id, err := c.InstanceID(t.Context()); (err == nil) != (id != "") {
			t.Errorf("%q is instance %q, %v", answer, id, err)
		}
		if n, err := c.Interruption(t.Context()); (err == nil) != (n != nil) || n != nil && (n.Action == "" || n.At.IsZero()) {
			t.Errorf("%q is %+v, %v", answer, n, err)
		}
		if v, set, err := c.Tag(t.Context(), "x"); err != nil || !set || v != answer {
			t.Errorf("%q is read as %q, %v, %v", answer, v, set, err)
		}
	})
}
