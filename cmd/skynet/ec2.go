package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/sts"
	"go.uber.org/zap"

	"skynet/config"
	"skynet/controller"
	"skynet/fleet"
	"skynet/fleet/ec2"
	"skynet/policy/file"
)

var _ controller.Drafter = market{}

// openEC2 opens EC2 and looks whether everything that the settings name exists. A
// dry run has no client that could write.
func (d *daemon) openEC2(ctx context.Context) error {
	templates, err := d.ec2Templates()
	if err != nil || d.cfg.AWS == nil {
		return err
	}
	o := ec2.Options{
		Controller: d.cfg.AWS.Name, Account: d.cfg.AWS.Account, Region: d.cfg.AWS.Region,
		Identity: sts.NewFromConfig(d.aws), Templates: templates, VolumePrice: d.cfg.AWS.VolumePrice, Log: slogTo(d.log),
	}
	if d.dry {
		d.ec2 = ec2.NewReadOnly(ec2.Client(d.aws), o)
	} else {
		d.ec2 = ec2.New(ec2.Client(d.aws), o)
	}
	if len(templates) == 0 {
		d.openAbandoned(ctx)
		return nil
	}
	for _, odd := range oddities(d.cfg) {
		d.log.Warn(odd)
	}
	return d.ec2.Check(ctx)
}

// openAbandoned keeps EC2 open where no fleet of the settings runs there any more, for
// the sake of instances that were left there. Who has never used it need not allow it.
func (d *daemon) openAbandoned(ctx context.Context) {
	err := d.ec2.Check(ctx)
	if err == nil {
		_, err = d.ec2.Instances(ctx, "")
	}
	if err != nil {
		d.log.Info("no fleet of the settings runs on EC2; whether an earlier one has left instances there is not known", zap.Error(err))
		d.ec2 = nil
	}
}

// ec2Templates are those of the fleets that run on EC2.
func (d *daemon) ec2Templates() (list []ec2.Template, err error) {
	for _, f := range d.cfg.Fleets {
		if f.EC2 == nil {
			continue
		}
		p, err := file.Load(f.Policy, namesOf(d.cfg, f))
		if err != nil {
			return nil, fmt.Errorf("fleet %s: %w", f.Name, err)
		}
		t := ec2Template(f)
		t.PlainStop = !p.Hibernate
		list = append(list, t)
	}
	return list, nil
}

func ec2Template(f config.Fleet) ec2.Template {
	e := f.EC2
	t := ec2.Template{
		Fleet: f.Name, Name: e.LaunchTemplate.Name, Version: e.LaunchTemplate.Version, Subnets: e.Subnets, Types: e.Types,
		Tags: map[string]string{}, Prices: map[string]float64{},
	}
	if e.Spot != nil {
		t.Spot = &ec2.Spot{BaseOnDemand: e.Spot.BaseOnDemand, Share: e.Spot.Share.Fraction(), Strategy: e.Spot.Strategy}
	}
	for _, tag := range e.Tags {
		t.Tags[tag.Name] = tag.Value
	}
	for _, p := range f.Prices {
		t.Prices[p.Type] = p.Hourly
	}
	return t
}

// market is EC2 with what each instance costs now, where that is not in the
// settings: a Spot one its market's price, a sleeping one its volumes.
type market struct{ *ec2.Fleet }

// Instances lists them. Where a price cannot be had the settings' counts, which is
// higher; that volumes cost something is left out then.
func (m market) Instances(ctx context.Context, fleetName string) ([]fleet.Instance, error) {
	list, err := m.Fleet.Instances(ctx, fleetName)
	volumes := m.volumes(ctx, fleetName, list)
	for i := range list {
		switch in := &list[i]; {
		case sleeps(*in):
			in.Hourly = volumes
		case in.Spot:
			in.Hourly, _ = m.Price(in.Tags[fleet.TagFleet], in.Type, in.Zone, true)
		}
	}
	return list, err
}

// volumes is what those of one sleeping instance cost an hour, on the average.
func (m market) volumes(ctx context.Context, fleetName string, list []fleet.Instance) float64 {
	if !slices.ContainsFunc(list, sleeps) {
		return 0
	}
	s, err := m.Sleepers(ctx, fleetName)
	if err != nil || s.Instances == 0 {
		return 0
	}
	return s.Hourly / float64(s.Instances)
}

func sleeps(in fleet.Instance) bool {
	return in.Phase == fleet.PhaseStopping || in.Phase == fleet.PhaseStopped
}
