package ec2

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"skynet/fleet"
)

// codes are EC2's reasons for a no, in the fleet's words. The list is in
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
var codes = map[string]error{
	"InsufficientInstanceCapacity":         fleet.ErrNoCapacity,
	"InsufficientHostCapacity":             fleet.ErrNoCapacity,
	"InsufficientCapacityOnHost":           fleet.ErrNoCapacity,
	"InsufficientReservedInstanceCapacity": fleet.ErrNoCapacity,
	"InsufficientFreeAddressesInSubnet":    fleet.ErrNoCapacity,
	"InsufficientAddressCapacity":          fleet.ErrNoCapacity,
	"InsufficientVolumeCapacity":           fleet.ErrNoCapacity,
	"SpotMaxPriceTooLow":                   fleet.ErrNoCapacity,
	"UnfulfillableCapacity":                fleet.ErrNoCapacity,
	"Unsupported":                          fleet.ErrNoCapacity, // this type is not sold in this zone

	"InstanceLimitExceeded":             fleet.ErrLimit,
	"VcpuLimitExceeded":                 fleet.ErrLimit,
	"MaxSpotInstanceCountExceeded":      fleet.ErrLimit,
	"MaxSpotFleetRequestCountExceeded":  fleet.ErrLimit,
	"SpotInstanceCountLimitExceeded":    fleet.ErrLimit,
	"VolumeLimitExceeded":               fleet.ErrLimit,
	"MaxIOPSLimitExceeded":              fleet.ErrLimit,
	"NetworkInterfaceLimitExceeded":     fleet.ErrLimit,
	"PrivateIpAddressLimitExceeded":     fleet.ErrLimit,
	"ConcurrentSnapshotLimitExceeded":   fleet.ErrLimit,
	"TagLimitExceeded":                  fleet.ErrLimit,
	"FleetRequestLimitExceeded":         fleet.ErrLimit,
	"TargetCapacityLimitExceeded":       fleet.ErrLimit,
	"TargetCapacityLimitExceededError":  fleet.ErrLimit,
	"ReservedInstancesLimitExceeded":    fleet.ErrLimit,
	"SnapshotLimitExceeded":             fleet.ErrLimit,
	"ResourceLimitExceeded":             fleet.ErrLimit,
	"InstanceCreditSpecificationLimits": fleet.ErrLimit,
}

// doubtful are client errors that do not say that nothing was done: something may
// have been launched under the token before.
var doubtful = []string{"UnknownError", "IdempotentParameterMismatch", "RequestTimeout", "RequestTimeoutException", "ClientInternalError"}

// notThere are the codes for IDs that EC2 does not know, or not yet, or no more.
var notThere = []string{"InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed", "InvalidInstanceId.NotFound", "InvalidInstanceId.Malformed", "InvalidID"}

// code is EC2's word for what went wrong, "" if it was not EC2 that said so.
func code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return ""
}

var throttles = retry.DefaultThrottleErrorCodes

// throttled reports that we asked too often. EC2 answers so before it does anything.
func throttled(err error) bool {
	_, known := throttles[code(err)]
	return known
}

// plainNo reports that EC2 did not do what it was asked: it said why in a word that
// is known, or found fault with the request (HTTP 4xx).
func plainNo(err error) bool {
	word := code(err)
	if word == "" || slices.Contains(doubtful, word) {
		return false
	}
	if _, known := codes[word]; known || throttled(err) {
		return true
	}
	r, answered := errors.AsType[*smithyhttp.ResponseError](err)
	return answered && r.HTTPStatusCode() >= http.StatusBadRequest && r.HTTPStatusCode() < http.StatusInternalServerError
}

// told puts an error of the SDK's into the fleet's words. One that is no plain no
// stays as it is.
func told(err error) error {
	if err == nil || fleet.Refused(err) || !plainNo(err) {
		return err
	}
	e, _ := errors.AsType[smithy.APIError](err)
	if slices.Contains(passing, e.ErrorCode()) {
		return fmt.Errorf("%s: %s", e.ErrorCode(), e.ErrorMessage())
	}
	return fmt.Errorf("%w: %s: %s", sentinel(err), e.ErrorCode(), e.ErrorMessage())
}

// passing are the codes for what an instance cannot do just now, such as to start
// while it is stopping: a no for this tick, which needs no mending.
var passing = []string{"IncorrectInstanceState", "IncorrectState"}

func sentinel(err error) error {
	if throttled(err) {
		return fleet.ErrThrottled
	}
	if known, ok := codes[code(err)]; ok {
		return known
	}
	return fleet.ErrDenied // a mistake in permissions, settings or the request: asking again will not help
}

var instanceID = regexp.MustCompile(`\bi-[0-9a-zA-Z]+\b`)

// absent are those of ids that an error says are not there.
func absent(err error, ids []string) (gone []string) {
	if !slices.Contains(notThere, code(err)) {
		return nil
	}
	if len(ids) == 1 {
		return ids
	}
	e, _ := errors.AsType[smithy.APIError](err)
	for _, id := range instanceID.FindAllString(e.ErrorMessage(), -1) {
		if slices.Contains(ids, id) && !slices.Contains(gone, id) {
			gone = append(gone, id)
		}
	}
	return gone
}
