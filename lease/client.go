package lease

import (
	"fmt"
	"net/http"
)

// guarded is the key of a context under which Guard leaves whether the lease is held.
type guarded struct{}

// Doer sends a request; http.Client is one, and the AWS SDK asks for one.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Client refuses requests of a call that Guard bounded once the lease has ended, at
// the last moment before they are sent: Go's timers stand still while a machine
// sleeps, and after it was woken a request may be faster than they are. Requests of
// other calls pass.
func Client(next Doer) Doer { return client{next} }

type client struct{ next Doer }

func (c client) Do(r *http.Request) (*http.Response, error) {
	if held, ok := r.Context().Value(guarded{}).(func() bool); ok && !held() {
		return nil, fmt.Errorf("%w any more: nothing was sent", ErrNotHeld)
	}
	return c.next.Do(r)
}
