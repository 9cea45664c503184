package httpjson_test

import (
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"skynet/signals/httpjson"
	"skynet/signals/web"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const document = `{"n":12.5,"text":"-3e2","on":true,"off":false,"null":null,"word":"many","hex":"0x10","inf":"Inf","huge":1e999,
	"list":[1,2,3],"object":{"n":7},"queues":[{"name":"photos","length":4},{"name":"videos","length":9}],"long":"` + "LONG" + `"}`

func TestField(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/down":
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `{"n":0}`)
		case "/created":
			w.WriteHeader(http.StatusCreated)
		case "/empty":
		case "/page":
			fmt.Fprint(w, "<html>\nhello")
		case "/packed":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			defer z.Close()
			fmt.Fprint(z, document)
		default:
			fmt.Fprint(w, strings.Replace(document, "LONG", strings.Repeat("x", 1000), 1))
		}
	}))
	defer s.Close()
	for _, c := range []struct {
		path, field string
		want        float64
		says        string // the reason, where there is no number
	}{
		{"", "n", 12.5, ""},
		{"", "text", -300, ""},
		{"", "on", 1, ""},
		{"", "off", 0, ""},
		{"", "object.n", 7, ""},
		{"", "list.#", 3, ""},
		{"", "list.1", 2, ""},
		{"", `queues.#(name=="videos").length`, 9, ""},
		{"/packed", "n", 12.5, ""},
		{"", "missing", 0, "missing is not in the answer"},
		{"", "null", 0, "null is null"},
		{"", "list", 0, "list is a list; name one of its elements, or #, how many there are"},
		{"", "object", 0, "object is an object; name one of its fields"},
		{"", "word", 0, `word is "many", not a number`},
		{"", "hex", 0, `hex is "0x10", not a number`},
		{"", "inf", 0, `inf is "Inf", not a number`},
		{"", "huge", 0, `huge is "1e999", not a number`},
		{"", "long", 0, "long is \"" + strings.Repeat("x", 200) + "…\", not a number"},
		{"/down", "n", 0, "the server answers 503 Service Unavailable"},
		{"/created", "n", 0, "the server answers 201 Created"},
		{"/page", "n", 0, `the answer is not JSON: "<html> hello"`},
		{"/empty", "n", 0, `the answer is not JSON: ""`},
	} {
		t.Run(c.path+" "+c.field, func(t *testing.T) {
			v, at, err := httpjson.Field{Client: web.New(web.Options{}), URL: s.URL + c.path, Path: c.field}.Ask(t.Context(), noon)
			switch {
			case c.says == "" && (err != nil || v != c.want || !at.Equal(noon)):
				t.Errorf("got %g at %s, %v", v, at, err)
			case c.says != "" && (err == nil || !strings.HasPrefix(err.Error(), c.says)):
				t.Errorf("got %v", err)
			}
		})
	}
}
