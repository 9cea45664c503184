package file_test

import (
	"strings"
	"testing"
	"time"

	"skynet/policy"
	"skynet/policy/file"
	"skynet/signals"
)

const gallery = `bounds: {max: 90}
policies:
  - {type: rule, name: gallery, when: "queues.photos.visible > 5000 and rate(queues.photos.arrived, '10m') > 3",
     want: "ceil(queues.photos.backlog_seconds / (120 * fleet.slots))"}
`

func TestRule(t *testing.T) {
	p, err := file.Parse("render.policy.yaml", []byte(gallery), signals.Names{Queues: []string{"photos"}})
	if err != nil {
		t.Fatal(err)
	}
	r, ok := p.Engine.Policies[0].(policy.Rule)
	if !ok || r.Name() != "gallery" || r.Window() != 10*time.Minute || len(r.Signals()) != 4 {
		t.Fatalf("%+v", r)
	}
}

// A queue that the fleet does not have is a mistake with a place and a cure.
func TestRuleOfAnotherQueue(t *testing.T) {
	_, err := file.Parse("render.policy.yaml", []byte(gallery), signals.Names{Queues: []string{"photo"}})
	for _, want := range []string{
		`render.policy.yaml:3:39: policies[0].when: column 1: "queues.photos.visible" is not a signal of this fleet; did you mean queues.photo.visible?`,
		`policies[0].when: column 39: "queues.photos.arrived" is not`,
		`render.policy.yaml:4:12: policies[0].want: column 6: "queues.photos.backlog_seconds" is not`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
