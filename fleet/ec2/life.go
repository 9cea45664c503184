package ec2

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"skynet/fleet"
)

// Terminate ends instances for good. One that is not there, or ending already, is
// done. One that is protected from it is an error of its own.
func (f *Fleet) Terminate(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	done, err := f.each(ctx, batch{what: "terminate", size: batchSize, goneIsDone: true, call: func(ctx context.Context, ids []string) ([]string, error) {
		out, err := f.write.TerminateInstances(ctx, &sdk.TerminateInstancesInput{InstanceIds: ids})
		if err != nil {
			return nil, err
		}
		return changed(out.TerminatingInstances, types.InstanceStateNameShuttingDown, types.InstanceStateNameTerminated), nil
	}}, ids)
	f.known.ended(done)
	return done, err
}

// Wake starts sleeping instances. Where EC2 has no room for one now, the error says
// so: it keeps sleeping, and another can be launched in its place.
func (f *Fleet) Wake(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	done, err := f.each(ctx, batch{what: "wake", size: batchSize, call: func(ctx context.Context, ids []string) ([]string, error) {
		out, err := f.write.StartInstances(ctx, &sdk.StartInstancesInput{InstanceIds: ids})
		if err != nil {
			return nil, err
		}
		return changed(out.StartingInstances, types.InstanceStateNamePending, types.InstanceStateNameRunning), nil
	}}, ids)
	f.known.note(f.known.woken, done, f.o.Now().UTC())
	f.sizes.forget()
	return done, err
}

// Sleep stops instances, and has them hibernate where they were launched for it. One
// that cannot hibernate is stopped plainly: it has drained, so nothing is lost but
// what it had cached. Spot instances are refused: to stop one gives its place in the
// market away, and only its persistent request can start it again.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/hibernating-prerequisites.html
func (f *Fleet) Sleep(ctx context.Context, ids []fleet.ID) ([]fleet.ID, error) {
	mine, err := f.ours(ctx, "put to sleep", ids)
	errs := []error{err}
	var deep, plain []fleet.ID
	for _, id := range mine {
		switch s, _ := f.known.sight(id); {
		case s.spot:
			errs = append(errs, fmt.Errorf("put to sleep %s: %w: a Spot instance never sleeps", id, fleet.ErrDenied))
		case s.hibernates && !f.plainStop(s.fleet):
			deep = append(deep, id)
		default:
			plain = append(plain, id)
		}
	}
	done, err := f.stop(ctx, deep, true)
	errs = append(errs, err)
	more, err := f.stop(ctx, plain, false)
	done, errs = append(done, more...), append(errs, err)
	f.known.note(f.known.stopped, done, f.o.Now().UTC())
	f.sizes.forget()
	return done, errors.Join(errs...)
}

// plainStop reports that the settings want a fleet's instances stopped plainly.
func (f *Fleet) plainStop(fleetName string) bool {
	t, _, _ := f.template(fleetName)
	return t.PlainStop
}

// stop stops instances, one way or the other.
func (f *Fleet) stop(ctx context.Context, ids []fleet.ID, hibernate bool) ([]fleet.ID, error) {
	return f.each(ctx, batch{what: "put to sleep", size: batchSize, call: func(ctx context.Context, ids []string) ([]string, error) {
		in := &sdk.StopInstancesInput{InstanceIds: ids}
		if hibernate {
			in.Hibernate = &hibernate
		}
		out, err := f.write.StopInstances(ctx, in)
		if hibernate && cannotHibernate(err) && f.budget.take(f.o.Now()) == nil {
			out, err = f.write.StopInstances(ctx, &sdk.StopInstancesInput{InstanceIds: ids})
		}
		if err != nil {
			return nil, err
		}
		return changed(out.StoppingInstances, types.InstanceStateNameStopping, types.InstanceStateNameStopped), nil
	}}, ids)
}

// cannotHibernate reports that a stop was refused because it was to hibernate: the
// instance is not set up for it, or was started less than a few minutes ago.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshoot-instance-hibernate.html
func cannotHibernate(err error) bool {
	switch code(err) {
	case "UnsupportedHibernationConfiguration", "UnsupportedOperation":
		return true
	}
	return false
}

// changed are those of an answer that are on their way to, or in, the states wanted.
func changed(answer []types.InstanceStateChange, want ...types.InstanceStateName) (ids []string) {
	for _, c := range answer {
		for _, w := range want {
			if c.CurrentState != nil && c.CurrentState.Name == w {
				ids = append(ids, aws.ToString(c.InstanceId))
			}
		}
	}
	return ids
}
