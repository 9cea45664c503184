package config

import (
	"errors"
	"strings"

	"skynet/config/strict"
)

// What the files can say and this build cannot do yet is refused, all of it
// here: a setting that is ignored in silence is a trap. When a part arrives,
// its lines go.

var errLater = errors.New("is not supported by this build yet; write file:///absolute/folder")

const later = "not supported by this build yet; "

// refuse reports what this build cannot do.
func (c *Config) refuse(r *strict.Report) {
	for i, f := range c.Fleets {
		if f.EC2 != nil {
			fleetAt(r, i).Bad("ec2", nil, later+"run workers on this machine with local:")
		}
	}
	if strings.HasPrefix(c.Lease, "s3://") {
		r.Bad("lease", c.Lease, "is "+later+"leave lease out for a file lock in state_dir")
	}
}

// refuseAddress reports a queue on a system that this build cannot speak to.
func refuseAddress(r *strict.Report, path, value string, a Address) {
	if a.System == SQSQueue {
		r.Bad(path, value, "is "+later+"write nats://embedded/NAME or nats://host:port/NAME")
	}
}
