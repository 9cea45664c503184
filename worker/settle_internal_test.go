package worker

import (
	"errors"
	"strings"
	"testing"
)

// TestReasonsTellNoSecret, not even the part of one that is left where a reason is cut.
func TestReasonsTellNoSecret(t *testing.T) {
	t.Parallel()
	for before := range 40 {
		err := errors.New(strings.Repeat("x", maxReason-before) + ` fetch https://ann:1234567890@h/a: {"accessToken":"1234567890"}`)
		if got := reason(err); strings.Contains(got, "123") || len(got) > maxReason+len("…") {
			t.Errorf("tells %s", got[maxReason-50:])
		}
	}
}
