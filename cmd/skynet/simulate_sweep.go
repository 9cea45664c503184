package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"skynet/simulate"
	"skynet/simulate/scenario"
	"skynet/simulate/sweep"
)

// sweep plays one policy file with many settings. All of them are read before the
// first is played.
func (p *contest) sweep(c *cobra.Command, sc *scenario.Scenario, texts []string, m *meter) error {
	points, err := gridOf(texts)
	if err != nil {
		return fmt.Errorf("--sweep: %w", err)
	}
	paths, _ := c.Flags().GetStringArray("policy")
	data, err := os.ReadFile(paths[0])
	if err != nil {
		return fmt.Errorf("policy file: %w", err)
	}
	list := map[string]contender{}
	defer func() {
		for _, one := range list {
			_ = one.close()
		}
	}()
	var errs []error
	for _, point := range points {
		text, err := sweep.Apply(data, point)
		if err == nil {
			list[point.String()], err = contenderOf(paths[0], text, sc)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("--sweep %s: %w", point, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	m.expect(1)
	tell := m.share("sweep")
	p.swept, err = sweep.Run(m.ctx, points, 0, func(ctx context.Context, point sweep.Point) (simulate.Result, error) {
		one := list[point.String()].Policy
		one.Name = point.String()
		var to column
		err := p.run(ctx, sc, one, simulate.Options{}, &to, false, &meter{})
		return to.result, err
	}, func(done, of int) { tell(float64(done) / float64(of)) })
	for _, o := range p.swept {
		p.Results, p.moments, p.peers = append(p.Results, o.Result), append(p.moments, nil), append(p.peers, false)
	}
	return err
}

func gridOf(texts []string) ([]sweep.Point, error) {
	var axes []sweep.Axis
	var errs []error
	for _, text := range texts {
		a, err := sweep.Parse(text)
		axes, errs = append(axes, a), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return sweep.Grid(axes)
}
