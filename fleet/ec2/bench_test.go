package ec2_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"skynet/fleet"
	"skynet/fleet/ec2"
	"skynet/test/ec2wire"
)

// BenchmarkInstances lists fleets, with everything that EC2 tells of an instance.
func BenchmarkInstances(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprintf("instances=%d", n), func(b *testing.B) {
			cloud := &ec2wire.Cloud{Now: time.Now, Zones: map[string]string{"subnet-a1": region + "a"}}
			for range n {
				i := cloud.Add("c7i.xlarge", "subnet-a1", false)
				i.State, i.Tags = "running", map[string]string{fleet.TagController: "skynet", fleet.TagFleet: "render", fleet.TagIntent: "by-hand"}
			}
			cfg := newStub().config()
			cfg.BaseEndpoint, cfg.HTTPClient = aws.String("http://ec2"), ec2wire.Direct{Wire: &ec2wire.Wire{Backend: cloud, Whole: true}}
			f := ec2.NewReadOnly(ec2.Client(cfg), ec2.Options{Controller: "skynet", Account: account, Region: region})
			b.ReportAllocs()
			for b.Loop() {
				if list, err := f.Instances(b.Context(), "render"); err != nil || len(list) != n {
					b.Fatal(len(list), err)
				}
			}
		})
	}
}
