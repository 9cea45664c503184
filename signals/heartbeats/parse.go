package heartbeats

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"skynet/fleet"
)

var (
	idOK   = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	nameOK = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
)

// Parse reads a heartbeat and refuses what no agent of ours would send:
// anybody with access to the queue could have written it.
func Parse(body []byte) (fleet.Heartbeat, error) {
	var b fleet.Heartbeat
	if len(body) > tooLong {
		return b, fmt.Errorf("heartbeat of %d bytes, at most %d are read", len(body), tooLong)
	}
	if err := json.Unmarshal(body, &b); err != nil {
		return b, fmt.Errorf("heartbeat: %w", err)
	}
	switch {
	case !idOK.MatchString(string(b.Worker)):
		return b, fmt.Errorf("heartbeat: worker %.80q is not an instance ID", b.Worker)
	case !nameOK.MatchString(b.Fleet):
		return b, fmt.Errorf("heartbeat: fleet %.80q is not a name", b.Fleet)
	case b.Seq == 0 || b.Boot == "":
		return b, fmt.Errorf("heartbeat of %s: seq and boot are missing", b.Worker)
	case max(len(b.Boot), len(b.Drain), len(b.Version), len(action(b))) > tooWordy:
		return b, fmt.Errorf("heartbeat of %s: a text in it is longer than %d bytes", b.Worker, tooWordy)
	case steers(b.Boot) || steers(b.Drain) || steers(b.Version) || steers(action(b)):
		return b, fmt.Errorf("heartbeat of %s: a text in it holds characters that are not printed", b.Worker)
	case b.State != fleet.Working && b.State != fleet.Draining && b.State != fleet.Drained && b.State != fleet.Leaving:
		return b, fmt.Errorf("heartbeat of %s: a worker does not say that it is %s", b.Worker, b.State)
	case b.Jobs < 0 || b.Slots < 0 || b.Slots > 1e6 || b.Jobs > 1e6:
		return b, fmt.Errorf("heartbeat of %s: %d jobs in %d slots cannot be", b.Worker, b.Jobs, b.Slots)
	case !percent(b.CPU) || !percent(b.Memory):
		return b, fmt.Errorf("heartbeat of %s: processor at %g%% and memory at %g%% cannot be", b.Worker, b.CPU, b.Memory)
	}
	return b, counted(b)
}

// percent reports a share of a machine, with room for rounding.
func percent(v float64) bool { return v >= 0 && v <= 101 }

// steers reports a text that would steer the terminal on which it is shown.
func steers(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

func action(b fleet.Heartbeat) string {
	if b.Interruption == nil {
		return ""
	}
	return b.Interruption.Action
}

func counted(b fleet.Heartbeat) error {
	if len(b.Queues) > tooMany {
		return fmt.Errorf("heartbeat of %s: %d queues, at most %d are read", b.Worker, len(b.Queues), tooMany)
	}
	for _, w := range b.Queues {
		switch {
		case !nameOK.MatchString(w.Queue):
			return fmt.Errorf("heartbeat of %s: queue %.80q is not a name", b.Worker, w.Queue)
		case min(w.Completed, w.Failed, w.Redelivered) < 0 || min(w.BytesIn, w.BytesOut) < 0:
			return fmt.Errorf("heartbeat of %s: negative counts for queue %s", b.Worker, w.Queue)
		case max(w.Completed, w.Failed, w.Redelivered) > 1e6:
			return fmt.Errorf("heartbeat of %s: over a million items at once for queue %s", b.Worker, w.Queue)
		case max(w.BytesIn, w.BytesOut) > mostBytes:
			return fmt.Errorf("heartbeat of %s: over a petabyte at once for queue %s", b.Worker, w.Queue)
		}
	}
	return nil
}
