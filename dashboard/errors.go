package dashboard

import (
	"errors"
	"fmt"
	"net/http"
)

// Error is an answer other than the one asked for. Said is for people, with the cure.
type Error struct {
	Status int
	Said   string
}

func (e Error) Error() string { return e.Said }

// Wrong is a request that cannot be understood.
func Wrong(format string, args ...any) error {
	return Error{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// Missing is a request for what is not there.
func Missing(format string, args ...any) error {
	return Error{http.StatusNotFound, fmt.Sprintf(format, args...)}
}

// Conflict is a request that does not go with how things are.
func Conflict(format string, args ...any) error {
	return Error{http.StatusConflict, fmt.Sprintf(format, args...)}
}

// Later is a request that may be answered when it is made again.
func Later(format string, args ...any) error {
	return Error{http.StatusServiceUnavailable, fmt.Sprintf(format, args...)}
}

// answerOf is the error as it is told.
func answerOf(err error) Error {
	if e, ok := errors.AsType[Error](err); ok {
		return e
	}
	return Error{http.StatusInternalServerError, err.Error()}
}
