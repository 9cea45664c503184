package aws

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"
)

// metadata serves one instance what EC2's metadata service would, version 2 only:
// a request without a token from here is refused.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
type metadata struct {
	*httptest.Server
	id string

	mu     sync.Mutex
	tags   map[string]string
	notice string // JSON, as spot/instance-action gives it
}

const token = "a token that only whoever asked knows"

func serveMetadata(id string) *metadata {
	m := &metadata{id: id}
	m.Server = httptest.NewServer(m)
	return m
}

// retag replaces what the instance is told of its tags.
func (m *metadata) retag(tags map[string]string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tags = tags
}

// interrupt posts the notice that the instance will be taken back at that time.
func (m *metadata) interrupt(action string, at time.Time) {
	text, _ := json.Marshal(map[string]string{"action": action, "time": at.UTC().Format(time.RFC3339)})
	m.mu.Lock()
	defer m.mu.Unlock()
	m.notice = string(text)
}

func (m *metadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/latest/api/token" && r.Method == http.MethodPut:
		w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds"))
		_, _ = w.Write([]byte(token))
	case r.Header.Get("X-Aws-Ec2-Metadata-Token") != token:
		w.WriteHeader(http.StatusUnauthorized)
	default:
		text, found := m.answer(strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/latest/meta-data/"), "/"))
		if !found {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write([]byte(text))
	}
}

func (m *metadata) answer(path string) (text string, found bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key, ofTags := strings.CutPrefix(path, "tags/instance/")
	switch {
	case path == "instance-id":
		return m.id, true
	case path == "tags/instance":
		return strings.Join(keys(m.tags), "\n"), len(m.tags) > 0
	case ofTags:
		text, found = m.tags[key]
		return text, found
	case path == "spot/instance-action":
		return m.notice, m.notice != ""
	}
	return "", false
}

// keys are those that instance metadata can tell: EC2's own tags are not in it.
func keys(tags map[string]string) (list []string) {
	for k := range tags {
		if !strings.HasPrefix(k, "aws:") {
			list = append(list, k)
		}
	}
	slices.Sort(list)
	return list
}
