package ec2

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// pricesKept is how long Spot prices are good for: they move slowly.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-spot-instances-history.html
const pricesKept = 5 * time.Minute

// linux are the names of what we buy in the price history: with and without the words
// of accounts that are older than VPCs.
var linux = []string{"Linux/UNIX", "Linux/UNIX (Amazon VPC)"}

// Market is a type in a zone.
type Market struct{ Type, Zone string }

// spotPrices keeps the last answer.
type spotPrices struct {
	mu   sync.Mutex
	last map[string]priced // by fleet
}

type priced struct {
	at     time.Time
	hourly map[Market]float64
}

func newSpotPrices() *spotPrices { return &spotPrices{last: map[string]priced{}} }

// SpotPrices are what an hour of each type of a fleet costs on the Spot market now, in
// each of its zones, in US dollars. They are asked for every five minutes; a market
// without a price is not in the map.
func (f *Fleet) SpotPrices(ctx context.Context, fleetName string) (map[Market]float64, error) {
	t, r, ok := f.template(fleetName)
	if !ok {
		return nil, fmt.Errorf("Spot prices of fleet %q: %w", fleetName, errUnchecked) //nolint:staticcheck // Spot is a name
	}
	now := f.o.Now()
	if last := f.prices.get(fleetName); now.Sub(last.at) < pricesKept {
		return maps.Clone(last.hourly), nil
	}
	hourly, err := f.history(ctx, t, r, now)
	if err != nil {
		return nil, fmt.Errorf("Spot prices of fleet %q: %w", fleetName, err) //nolint:staticcheck // Spot is a name
	}
	f.prices.put(fleetName, priced{now, hourly})
	return maps.Clone(hourly), nil
}

func (s *spotPrices) get(fleetName string) priced {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last[fleetName]
}

func (s *spotPrices) put(fleetName string, p priced) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last[fleetName] = p
}

// history asks for the prices that hold now: with a start that is the end, the history
// holds the last change of each.
func (f *Fleet) history(ctx context.Context, t Template, r resolved, now time.Time) (map[Market]float64, error) {
	in := &sdk.DescribeSpotPriceHistoryInput{
		ProductDescriptions: linux, StartTime: &now, EndTime: &now,
		Filters: []types.Filter{filter("availability-zone", r.zones()...)},
	}
	for _, typ := range t.Types {
		in.InstanceTypes = append(in.InstanceTypes, types.InstanceType(typ))
	}
	hourly, newest := map[Market]float64{}, map[Market]time.Time{}
	for pages := sdk.NewDescribeSpotPriceHistoryPaginator(f.read, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, told(err)
		}
		for _, p := range page.SpotPriceHistory {
			m, at := Market{string(p.InstanceType), aws.ToString(p.AvailabilityZone)}, moment(p.Timestamp)
			price, err := strconv.ParseFloat(aws.ToString(p.SpotPrice), 64)
			if err != nil || !(price > 0) || price > mostHourly || newest[m].After(at) {
				continue
			}
			hourly[m], newest[m] = price, at
		}
	}
	return hourly, nil
}

// mostHourly is more than any instance costs.
const mostHourly = 10_000

// Price is what an hour of an instance costs: the Spot price of its market where it is
// one, else what the settings say of its type; false if that is not known.
func (f *Fleet) Price(fleetName, typ, zone string, spot bool) (hourly float64, ok bool) {
	if spot {
		hourly, ok = f.prices.get(fleetName).hourly[Market{typ, zone}]
		return hourly, ok
	}
	t, _, _ := f.template(fleetName)
	hourly, ok = t.Prices[typ]
	return hourly, ok
}
