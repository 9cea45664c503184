package prometheus

import (
	"math"
	"testing"
)

// FuzzAnswer: whatever a server says, it is one finite number or a reason on one line.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1700000000,"1.5"]}]}}`,
		`{"status":"success","data":{"resultType":"scalar","result":[1700000000,"NaN"]}}`,
		`{"status":"success","data":{"resultType":"scalar","result":[1e300,"0x1p-2"]}}`,
		`{"status":"success","data":{"resultType":"vector","result":[{"histogram":[1,{"count":"1","sum":"1","buckets":[[0,"0","1","1"]]}]}]}}`,
		`{"status":"error","error":"a\u0000b"}`, `{"status":"success","warnings":["x"]}`, `null`,
	} {
		f.Add(200, []byte(s))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		a, err := read(status, body)
		var v float64
		if err == nil {
			v, _, err = a.number()
		}
		switch {
		case err == nil && (math.IsNaN(v) || math.IsInf(v, 0)):
			t.Errorf("%q is %g", body, v)
		case err != nil && len(err.Error()) > 2000:
			t.Errorf("a reason of %d bytes", len(err.Error()))
		}
	})
}
