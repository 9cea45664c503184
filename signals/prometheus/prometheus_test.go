package prometheus_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"skynet/signals/prometheus"
	"skynet/signals/web"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 500_000_000, time.UTC)

func success(kind, result string) string {
	return fmt.Sprintf(`{"status":"success","data":{"resultType":%q,"result":%s}}`, kind, result)
}

func TestQuery(t *testing.T) {
	const sample = `{"metric":{"job":"shop"},"value":[1772366399.25,"42.5"]}`
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   float64
		says   string // the reason, where there is no number
	}{
		{"one sample", 200, success("vector", "["+sample+"]"), 42.5, ""},
		{"a scalar", 200, success("scalar", `[1772366399.25,"-7"]`), -7, ""},
		{"no sample", 200, success("vector", "[]"), 0, "the answer has no sample: nothing matches the query"},
		{"several", 200, success("vector", "["+sample+","+sample+","+sample+"]"), 0, "the answer has 3 samples, wanted is one; aggregate them, as sum(…) or max(…) does"},
		{"NaN", 200, success("scalar", `[1772366399.25,"NaN"]`), 0, "the answer is NaN, not a finite number"},
		{"infinity", 200, success("vector", `[{"metric":{},"value":[1772366399.25,"+Inf"]}]`), 0, "the answer is +Inf, not a finite number"},
		{"a histogram", 200, success("vector", `[{"metric":{},"histogram":[1772366399.25,{"count":"1","sum":"2","buckets":[]}]}]`), 0, "the answer is a histogram"},
		{"a matrix", 200, success("matrix", "[]"), 0, "the answer is a matrix; write a query whose answer is one number"},
		{"text", 200, success("string", `[1,"a"]`), 0, "the answer is a string; write a query whose answer is one number"},
		{"nonsense", 200, success("vector", `[{"value":"x"}]`), 0, "the answer cannot be read: "},
		{"a half answer", 200, strings.Replace(success("scalar", `[1772366399.25,"7"]`), "{", `{"warnings":["store a did not answer"],`, 1), 0, "the server warns that the answer may be wrong: store a did not answer"},
		{"a remark", 200, strings.Replace(success("scalar", `[1772366399.25,"7"]`), "{", `{"infos":["metric might not be a counter"],`, 1), 7, ""},
		{"a bad query", 400, `{"status":"error","errorType":"bad_data","error":"1:5: parse error: unclosed\nparenthesis"}`, 0, "the server refuses the query: 1:5: parse error: unclosed parenthesis"},
		{"it takes too long", 503, `{"status":"error","errorType":"timeout","error":"query timed out"}`, 0, "the server refuses the query: query timed out"},
		{"not allowed", 401, "hush", 0, "the server answers 401 Unauthorized"},
		{"a proxy's page", 502, "<html>", 0, "the server answers 502 Bad Gateway"},
		{"another server", 200, "<html>", 0, "the answer is not one of Prometheus's API"},
		{"another API", 200, "{}", 0, "the answer is not one of Prometheus's API"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/prom/api/v1/query" || r.FormValue("query") != "sum(up)" || r.FormValue("time") != "1772366400.500" {
					t.Errorf("asked for %s with %v", r.URL, r.Form)
				}
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			}))
			defer s.Close()
			v, at, err := prometheus.Query{Client: web.New(web.Options{}), URL: s.URL + "/prom/", Expr: "sum(up)"}.Ask(t.Context(), noon)
			switch {
			case c.says == "" && (err != nil || v != c.want || !at.Equal(time.UnixMilli(1772366399250))):
				t.Errorf("got %g at %s, %v", v, at, err)
			case c.says != "" && (err == nil || !strings.HasPrefix(err.Error(), c.says) || strings.Contains(err.Error(), "hush")):
				t.Errorf("got %v", err)
			}
		})
	}
}

// A proxy that lets no POST through is asked with GET.
func TestWithoutPost(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		fmt.Fprint(w, success("scalar", fmt.Sprintf(`[1,"%d"]`, len(r.URL.Query().Get("query")))))
	}))
	defer s.Close()
	if v, _, err := (prometheus.Query{Client: web.New(web.Options{}), URL: s.URL, Expr: "sum(a+b)"}).Ask(t.Context(), noon); v != 8 || err != nil {
		t.Errorf("got %g, %v", v, err)
	}
}
