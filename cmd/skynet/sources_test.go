package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"skynet/config"
	"skynet/signals"
)

// The settings' own signals are asked where they say, with the secrets that they
// name.
func TestUsersSources(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/api/v1/query" && r.FormValue("query") == "sum(up)" && r.Header.Get("Authorization") == "Bearer hush":
			fmt.Fprint(w, `{"status":"success","data":{"resultType":"scalar","result":[1772366400,"7"]}}`)
		case r.URL.Path == "/status" && r.Header.Get("X-Key") == "k":
			fmt.Fprint(w, `{"orders":{"open":"12"}}`)
		default:
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	defer s.Close()
	folder := filepath.Dir(wrote(t, "token", "hush"))
	text := fmt.Sprintf(`queues: [{name: photos, url: "nats://embedded/photos"}]
fleets: [{name: render, queues: [photos], policy: p.yaml, local: {}}]
signals:
  - {name: up.all, prometheus: {url: %q, query: sum(up), token_file: token}}
  - {name: shop.orders, http_json: {url: %q, field: orders.open, headers: [{name: X-Key, value: k}], every: 5m}}
`, s.URL, s.URL+"/status")
	for name, text := range map[string]string{"skynet.yaml": text, "p.yaml": tenEach, "token": "hush"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Load(filepath.Join(folder, "skynet.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1772366400, 0).UTC()
	want := map[string]signals.Signal{
		"up.all":      signals.Known("up.all", 7, now, 2*time.Minute),
		"shop.orders": signals.Known("shop.orders", 12, now, 10*time.Minute),
	}
	got := signals.NewCollector(usersSources(cfg)...).Collect(t.Context(), now)
	for _, sig := range got {
		if sig != want[sig.Name] {
			t.Errorf("got %+v", sig)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %d signals", len(got))
	}
}
