package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// Sentinel errors: the only words in which adapters tell the controller why a
// call was refused. Vendor codes stay in the vendor's adapter.
var (
	ErrNoCapacity = errors.New("no capacity")           // the cloud has none of this kind now
	ErrLimit      = errors.New("account limit reached") // the account may not have more
	ErrThrottled  = errors.New("throttled")             // asked too often: try again later
	ErrDenied     = errors.New("not allowed")           // permissions or configuration: retrying will not help
	ErrReadOnly   = errors.New("read only")             // a dry run: nothing was done
	ErrFenced     = errors.New("fenced")                // another controller may be in charge by now: nothing was done
)

// Refused reports whether an error is a plain no: the cloud, or we, did not do
// what is missing. After any other error (a timeout, a lost answer, a fault on
// the other side) nobody can tell what was done.
// An error that wraps a refusal speaks for all that is missing.
func Refused(err error) bool {
	for _, no := range []error{ErrNoCapacity, ErrLimit, ErrThrottled, ErrDenied, ErrReadOnly, ErrFenced} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

// Order is one launch request. It is journalled whole before it is sent, so
// that after a crash the very same bytes can be sent again: under the same
// Token a cloud launches at most Count, however often it is asked.
type Order struct {
	Fleet string `json:"fleet"`
	Count int    `json:"count"`
	Token string `json:"token"` // at most 64 characters, EC2's limit for a client token
	// Request is what the adapter needs to send the same order again: the pinned
	// template version and the choices made. The controller does not look inside.
	Request json.RawMessage `json:"request,omitempty"`
}

// Token derives an order's idempotency token from what is written before the
// call: the fleet, the number of the interval that the tick fell in, and the
// attempt within it. A fallback is a new attempt with a token of its own.
func Token(fleet string, interval int64, attempt int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%d", fleet, interval, attempt))
	return "sky-" + hex.EncodeToString(sum[:16])
}
