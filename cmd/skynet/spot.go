package main

import (
	"context"
	"time"

	"skynet/fleet/ec2"
	"skynet/signals"
)

// spotPrice is the source of cost.spot_price of one fleet: the cheapest of its
// types in its zones. Reading it also keeps fresh what its workers cost.
type spotPrice struct {
	prices   func(ctx context.Context, fleetName string) (map[ec2.Market]float64, error)
	fleet    string
	interval time.Duration // from tick to tick
}

var _ signals.Source = spotPrice{}

const spotPriceName = "cost.spot_price"

// Names lists its one signal.
func (s spotPrice) Names() []string { return []string{spotPriceName} }

// Read asks EC2, every few minutes.
func (s spotPrice) Read(ctx context.Context, now time.Time) []signals.Signal {
	prices, err := s.prices(ctx, s.fleet)
	if err != nil {
		return []signals.Signal{signals.Missing(spotPriceName, now, err.Error())}
	}
	least, found := 0.0, false
	for _, hourly := range prices {
		if !found || hourly < least {
			least, found = hourly, true
		}
	}
	if !found {
		return []signals.Signal{signals.Missing(spotPriceName, now, "EC2 has no Spot price for any type of this fleet in its zones")}
	}
	return []signals.Signal{signals.Known(spotPriceName, least, now, s.interval)}
}
