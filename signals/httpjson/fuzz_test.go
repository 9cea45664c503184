package httpjson

import (
	"math"
	"testing"

	"github.com/tidwall/gjson"
)

// FuzzNumber: whatever a document holds at a path, it is one finite number or a reason.
func FuzzNumber(f *testing.F) {
	for path, body := range map[string]string{
		"a.b": `{"a":{"b":1.5}}`, "a.0.b": `{"a":[{"b":"-3e2"}]}`, `a.#(name=="x").value`: `{"a":[{"name":"x","value":1e999}]}`,
		"#": `[1,2]`, "a.@reverse": `{"a":[1]}`, "a|@tostr": `{"a":1}`, "": `1`, `a\.b`: `{"a.b":true}`,
	} {
		f.Add(path, []byte(body))
	}
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		if !gjson.ValidBytes(body) {
			return
		}
		v, err := number(gjson.GetBytes(body, path))
		if err == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
			t.Errorf("%q of %q is %g", path, body, v)
		}
		if err != nil && len(err.Error()) > 2000 {
			t.Errorf("a reason of %d bytes", len(err.Error()))
		}
	})
}
