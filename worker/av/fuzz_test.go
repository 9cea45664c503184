package av

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// FuzzProbed: whatever ffprobe says of a stranger's file, lengths, rates and shapes are
// finite and not below zero.
func FuzzProbed(f *testing.F) {
	for _, s := range []string{
		`{"streams":[{"codec_type":"video","width":320,"height":180,"sample_aspect_ratio":"1:1","avg_frame_rate":"30/1","duration":"4.0"}],"format":{"format_name":"matroska","duration":"4.0"}}`,
		`{"streams":[{"codec_type":"video","width":-1,"height":2147483647,"sample_aspect_ratio":"1e300:1e-300","avg_frame_rate":"1/0","side_data_list":[{"rotation":1e300}]}]}`,
		`{"streams":[{"codec_type":"audio","channels":2,"sample_rate":"-5","tags":{"DURATION":"NaN:Inf:1e999"}}],"format":{"duration":"inf"}}`, `null`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		var p probed
		if json.Unmarshal(said, &p) != nil {
			return
		}
		is := p.film()
		for name, x := range map[string]float64{"dots": is.dots, "fps": is.fps, "seconds": is.seconds, "pictures": is.pictures, "sounds": is.sounds} {
			if math.IsNaN(x) || math.IsInf(x, 0) || x < 0 {
				t.Errorf("%q: %s is %g", said, name, x)
			}
		}
		if is.channels < 0 || is.turned > 360 || is.turned < -360 {
			t.Errorf("%q: %d channels, turned by %d", said, is.channels, is.turned)
		}
		if u := is.upright(); is.w > 0 && is.h > 0 && (u.w < 0 || u.h < 0) {
			t.Errorf("%q: %+v upright", said, u)
		}
	})
}

// FuzzReadLevel: a loudness that is read is a number; silence may be infinitely quiet.
func FuzzReadLevel(f *testing.F) {
	f.Add("Summary:\n I: -23.0 LUFS\n Threshold: -33.0 LUFS\n LRA: 5.0 LU\n Peak: -1.0 dBFS\n")
	f.Add("Summary:\n I: nan LUFS\n Threshold: inf\n LRA: -inf\n Peak: -inf dBFS\n")
	f.Add("title: Summary:\nSummary:\nI: 1e999")
	f.Fuzz(func(t *testing.T, said string) {
		l, err := readLevel(said)
		if err != nil {
			return
		}
		for name, x := range map[string]float64{"I": l.integrated, "threshold": l.threshold, "range": l.span, "peak": l.peak} {
			if math.IsNaN(x) || math.IsInf(x, 1) {
				t.Errorf("%q: %s is %g", said, name, x)
			}
		}
	})
}

// FuzzFollow: whatever comes as progress, it counts as whole only if it says so.
func FuzzFollow(f *testing.F) {
	f.Add("out_time_us=1000\nprogress=continue\nout_time_us=-9223372036854775808\nprogress=end\n")
	f.Add("progress=end\nprogress=continue\n")
	f.Add(strings.Repeat("x", 100_000))
	f.Fuzz(func(t *testing.T, said string) {
		_, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		if New().follow(strings.NewReader(said), cancel) && !strings.Contains(said, "progress=end") {
			t.Errorf("%q counts as whole", said)
		}
	})
}
