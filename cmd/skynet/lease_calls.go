package main

import (
	"strings"

	"skynet/config"
	"skynet/lease"
)

// Prices of S3 Standard in most regions, US$, of a thousand requests that write or
// list, and that read: https://aws.amazon.com/s3/pricing/
const (
	thousandWritten = 0.005
	thousandRead    = 0.0004
)

// leaseCalls are what the lease in S3 costs: of who acts, and of each who stands by.
func leaseCalls(cfg config.Config) []calls {
	if !strings.HasPrefix(cfg.Lease, "s3://") {
		return nil
	}
	ticks := float64(month) / float64(cfg.Interval.Std()) * float64(len(cfg.Fleets))
	renewed := float64(month) / float64(lease.DefaultLasts/4)
	written := renewed + 2*ticks // the tick, and the lease that says that it counts
	looks := float64(month) / float64(lease.DefaultLook)
	listed := min(ticks, looks)
	return []calls{
		{
			What: "lease, of who acts", Of: "Amazon S3", Month: written, Cost: written / 1000 * thousandWritten,
			Why: "$0.005 for a thousand writes; leave lease out where one controller is enough",
		},
		{
			What: "lease, of each who stands by", Of: "Amazon S3", Month: looks + ticks + listed,
			Cost: (looks+ticks)/1000*thousandRead + listed/1000*thousandWritten,
			Why:  "$0.0004 for a thousand reads, $0.005 for a thousand lists",
		},
	}
}
