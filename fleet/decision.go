package fleet

import (
	"fmt"
	"strings"
	"time"
)

const decisionTime = "20060102T150405.000Z"

// DecisionID names a decision by its fleet and time. It is what a drain tag on
// an instance holds, so that an operator who finds one can look the tick up,
// and a controller that restarts knows how long the drain has lasted.
func DecisionID(fleetName string, at time.Time) string {
	return fmt.Sprintf("%s-%s", fleetName, at.UTC().Format(decisionTime))
}

// DecisionTime reads the time back from a DecisionID, to the millisecond; false
// if it is none of ours (tagged by hand, say).
func DecisionTime(id string) (time.Time, bool) {
	i := strings.LastIndexByte(id, '-')
	if i < 0 {
		return time.Time{}, false
	}
	at, err := time.Parse(decisionTime, id[i+1:])
	return at, err == nil
}
