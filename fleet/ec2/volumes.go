package ec2

import (
	"context"
	"fmt"
	"slices"
	"sync"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"skynet/fleet"
)

// monthHours are in a month, as EBS bills it: 30 days.
// https://aws.amazon.com/ebs/pricing/
const monthHours = 30 * 24

// sizes remembers how large volumes are: they seldom change.
type sizes struct {
	mu  sync.Mutex
	gib map[string]int // by volume ID
}

func newSizes() *sizes { return &sizes{gib: map[string]int{}} }

// Sleeping is what the sleeping instances of a fleet cost.
type Sleeping struct {
	Instances int
	GiB       int     // of their volumes
	Hourly    float64 // at Options.VolumePrice; 0 if that is not known
}

// Sleepers says what the volumes of a fleet's sleeping instances cost an hour: a
// stopped instance is not billed, its volumes are. Each volume is asked for once.
func (f *Fleet) Sleepers(ctx context.Context, fleetName string) (s Sleeping, err error) {
	list, err := f.listed(ctx, fleetName)
	if err != nil {
		return s, err
	}
	var volumes []string
	for _, i := range list {
		if i.Phase == fleet.PhaseStopped || i.Phase == fleet.PhaseStopping {
			s.Instances++
			volumes = append(volumes, i.volumes...)
		}
	}
	if err := f.measure(ctx, volumes); err != nil {
		return Sleeping{}, fmt.Errorf("sizes of the volumes of %d sleeping instances: %w", s.Instances, err)
	}
	f.sizes.mu.Lock()
	defer f.sizes.mu.Unlock()
	for _, v := range volumes {
		s.GiB += f.sizes.gib[v]
	}
	s.Hourly = float64(s.GiB) * f.o.VolumePrice / monthHours
	return s, nil
}

// measure asks for the volumes whose size is not known.
func (f *Fleet) measure(ctx context.Context, volumes []string) error {
	f.sizes.mu.Lock()
	unknown := slices.DeleteFunc(slices.Clone(volumes), func(v string) bool { _, known := f.sizes.gib[v]; return known })
	f.sizes.mu.Unlock()
	for some := range slices.Chunk(unknown, batchSize) {
		out, err := f.read.DescribeVolumes(ctx, &sdk.DescribeVolumesInput{Filters: []types.Filter{filter("volume-id", some...)}})
		if err != nil {
			return told(err)
		}
		f.sizes.mu.Lock()
		for _, v := range out.Volumes {
			if v.VolumeId != nil && v.Size != nil {
				f.sizes.gib[*v.VolumeId] = int(*v.Size)
			}
		}
		f.sizes.mu.Unlock()
	}
	return nil
}
