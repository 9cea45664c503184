package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"skynet/fleet/ec2"
)

func TestSpotPriceIsTheCheapestOffer(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name   string
		prices map[ec2.Market]float64
		err    error
		want   float64
		why    string
	}{
		{"two zones", map[ec2.Market]float64{{Type: "c5.large", Zone: "a"}: 0.04, {Type: "c5.large", Zone: "b"}: 0.03}, nil, 0.03, ""},
		{"no offer", nil, nil, 0, "EC2 has no Spot price for any type of this fleet in its zones"},
		{"no answer", nil, errors.New("throttled"), 0, "throttled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := spotPrice{func(context.Context, string) (map[ec2.Market]float64, error) { return c.prices, c.err }, "render", time.Minute}
			got := s.Read(t.Context(), now)
			if len(got) != 1 || got[0].Name != s.Names()[0] || got[0].Value != c.want || got[0].Unknown != c.why {
				t.Errorf("got %+v", got)
			}
		})
	}
}
