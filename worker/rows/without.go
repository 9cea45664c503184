//go:build !postgres

package rows

import (
	"context"
	"errors"
)

// postgres is left out of a program that is built without its driver.
func postgres(string) func(context.Context) (session, error) {
	return func(context.Context) (session, error) {
		return nil, errors.New("this worker was built without PostgreSQL; build it with -tags postgres, or write sqlite:///…")
	}
}
