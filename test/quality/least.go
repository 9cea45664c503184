package main

import (
	"time"

	"skynet/simulate/clairvoyant"
)

// cheapest is what the clairvoyant would be billed, s.
func cheapest(perMinute []float64, s setting) float64 {
	const parts = 4 // of a minute
	work := make([]int64, parts*(len(perMinute)+24*60))
	carry := 0.0
	for i, items := range perMinute {
		for k := range parts {
			carry += items * seconds * 1e6 / parts
			whole := int64(carry)
			work[i*parts+k] = whole
			carry -= float64(whole)
		}
	}
	plan := clairvoyant.Plan(
		clairvoyant.Demand{Step: time.Minute / parts, Classes: []clairvoyant.Class{{Work: work, Wait: s.Wait}}},
		clairvoyant.Fleet{Slots: slots, Boot: s.Boot, Unit: time.Second, Least: time.Minute},
	)
	return float64(plan.Billed)
}
