package cloudwatch

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"

	"skynet/fleet"
)

// What Amazon calls things ends here.

var errForbidden = fmt.Errorf("%w: CloudWatch refuses to show it; the IAM policy must allow cloudwatch:GetMetricData", fleet.ErrDenied)

// meaning puts an error of the SDK into words. Those that throttled or denied us
// wrap fleet.ErrThrottled and fleet.ErrDenied.
func meaning(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("CloudWatch has not answered within the deadline")
	}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return fmt.Errorf("CloudWatch cannot be asked: %s", shown(err.Error()))
	}
	said := shown(api.ErrorMessage())
	switch code := api.ErrorCode(); {
	case strings.Contains(code, "Throttl") || code == "RequestLimitExceeded" || code == "LimitExceeded" || code == "TooManyRequestsException":
		return fmt.Errorf("%w: CloudWatch takes no more requests for now (%s)", fleet.ErrThrottled, code)
	case strings.Contains(code, "AccessDenied") || strings.Contains(code, "NotAuthorized") || strings.HasPrefix(code, "Unauthorized"):
		return fmt.Errorf("%w by CloudWatch: %s", fleet.ErrDenied, said)
	case said == "":
		return fmt.Errorf("CloudWatch answers %s", code)
	default:
		return fmt.Errorf("CloudWatch answers %s: %s", code, said)
	}
}

// hopeless reports an error that a second try would meet again, whatever happens
// meanwhile: a permission can be given.
func hopeless(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	means := meaning(context.Background(), err)
	return ok && api.ErrorFault() == smithy.FaultClient && !errors.Is(means, fleet.ErrThrottled) && !errors.Is(means, fleet.ErrDenied)
}

const longest = 300 // letters of a reason

// shown is text from elsewhere on one line, not all of it if it is long.
func shown(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, " "), func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	if r := []rune(s); len(r) > longest {
		return string(r[:longest]) + "…"
	}
	return s
}
