package config

import (
	"strings"

	"skynet/config/strict"
)

// What the files can say and this build cannot do yet is refused, all of it
// here: a setting that is ignored in silence is a trap. When a part arrives,
// its lines go.

const later = "not supported by this build yet; "

// refuse reports what this build cannot do.
func (c *Config) refuse(r *strict.Report) {
	if strings.HasPrefix(c.Lease, "s3://") {
		r.Bad("lease", c.Lease, "is "+later+"leave lease out for a file lock in state_dir")
	}
}
