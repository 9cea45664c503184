package ec2

import (
	"encoding/json"
	"strings"
	"testing"

	"skynet/fleet"
)

// FuzzRequest: a request that was written down is refused, or launches as many as its
// order says, here, under its token and with our tags.
func FuzzRequest(f *testing.F) {
	const good = `{"account":"123456789012","region":"eu-west-1","controller":"skynet","tags":{"skynet:controller":"skynet","skynet:fleet":"render","skynet:intent":"t"},"calls":[{"token":"t-1","count":2,"offers":[{}]}]}`
	f.Add([]byte(good))
	f.Add([]byte(strings.Replace(good, `"count":2`, `"count":9223372036854775807`, 1)))
	f.Add([]byte(strings.Replace(good, `"calls":[`, `"calls":[{"token":"t-2","count":9223372036854775807,"offers":[{}]},{"token":"t-3","count":9223372036854775807,"offers":[{}]},{"token":"t-4","count":2,"offers":[{}]},`, 1)))
	f.Add([]byte(`null`))
	us := &Fleet{o: Options{Account: "123456789012", Region: "eu-west-1", Controller: "skynet"}}
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := us.understand(fleet.Order{Fleet: "render", Count: 2, Token: "t", Request: json.RawMessage(body)})
		if err != nil {
			return
		}
		left := 2
		for _, c := range req.Calls {
			if left -= c.Count; left < 0 || c.Count < 1 || !strings.HasPrefix(c.Token, "t") {
				t.Fatalf("%q launches more than 2, or under another token: %+v", body, c)
			}
		}
		if left != 0 || req.Account != us.o.Account || req.Tags[fleet.TagFleet] != "render" {
			t.Errorf("%q is taken for %+v", body, req)
		}
	})
}
