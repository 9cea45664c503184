package ec2

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"skynet/fleet"
)

// monthHours are in a month, as EBS bills it: 30 days.
// https://aws.amazon.com/ebs/pricing/
const monthHours = 30 * 24

// sizes remembers how large volumes are: they seldom change.
type sizes struct {
	mu   sync.Mutex
	gib  map[string]int // by volume ID
	beds map[string]bed // by fleet
}

func newSizes() *sizes { return &sizes{gib: map[string]int{}, beds: map[string]bed{}} }

// Sleeping is what the sleeping instances of a fleet cost.
type Sleeping struct {
	Instances int
	GiB       int     // of their volumes
	Hourly    float64 // at Options.VolumePrice; 0 if that is not known
}

// fresh is how long a list is good enough to say who sleeps.
const fresh = time.Minute

// Sleepers says what the volumes of a fleet's sleeping instances cost an hour: a
// stopped instance is not billed, its volumes are. Each volume is asked for once, and
// the fleet is listed only where that was not done within a minute.
func (f *Fleet) Sleepers(ctx context.Context, fleetName string) (s Sleeping, err error) {
	bed, known := f.sizes.bed(fleetName)
	if !known || f.o.Now().Sub(bed.at) > fresh {
		if _, err := f.listed(ctx, fleetName); err != nil {
			return s, err
		}
		bed, _ = f.sizes.bed(fleetName)
	}
	if err := f.measure(ctx, bed.volumes); err != nil {
		return s, fmt.Errorf("sizes of the volumes of %d sleeping instances: %w", bed.sleepers, err)
	}
	f.sizes.mu.Lock()
	defer f.sizes.mu.Unlock()
	for _, v := range bed.volumes {
		s.GiB += f.sizes.gib[v]
	}
	s.Instances, s.Hourly = bed.sleepers, float64(s.GiB)*f.o.VolumePrice/monthHours
	return s, nil
}

// bed is who sleeps in a fleet, as it was last listed.
type bed struct {
	at       time.Time
	sleepers int
	volumes  []string
}

func (s *sizes) bed(fleetName string) (bed, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, known := s.beds[fleetName]
	return b, known
}

// forget has the next question list anew: somebody fell asleep or woke.
func (s *sizes) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.beds)
}

// note takes down who sleeps.
func (s *sizes) note(fleetName string, list []seen, now time.Time) {
	b := bed{at: now}
	for _, i := range list {
		if i.Phase == fleet.PhaseStopped || i.Phase == fleet.PhaseStopping {
			b.sleepers++
			b.volumes = append(b.volumes, i.volumes...)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beds[fleetName] = b
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
