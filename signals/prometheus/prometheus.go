// Package prometheus is the source of users' own signals that are answers to a
// query of a Prometheus server, or of one that speaks its HTTP API.
package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"skynet/signals/web"
)

// Query is an instant query whose answer is one number:
// https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
type Query struct {
	Client *web.Client
	URL    string // of the server, without /api/v1/query
	Expr   string // PromQL
}

// answer is what the API answers.
type answer struct {
	Status string `json:"status"`
	Error  string `json:"error"`
	Data   struct {
		Type   model.ValueType `json:"resultType"`
		Result json.RawMessage `json:"result"`
	} `json:"data"`
	Warnings []string `json:"warnings"`
}

// Ask evaluates the query at now. The answer must be a scalar, or a vector of one
// sample.
func (q Query) Ask(ctx context.Context, now time.Time) (float64, time.Time, error) {
	address := strings.TrimSuffix(q.URL, "/") + "/api/v1/query"
	form := url.Values{"query": {q.Expr}, "time": {strconv.FormatFloat(float64(now.UnixMilli())/1000, 'f', 3, 64)}}
	status, body, err := q.Client.Post(ctx, address, form)
	if err == nil && (status == http.StatusMethodNotAllowed || status == http.StatusForbidden) {
		status, body, err = q.Client.Get(ctx, address+"?"+form.Encode()) // proxies that let no POST through
	}
	if err != nil {
		return 0, now, err
	}
	a, err := read(status, body)
	if err != nil {
		return 0, now, err
	}
	return a.number()
}

// read takes an answer that is one. Warnings say that it may be wrong: a part of
// what it is made of did not answer, say, and half a sum must not shrink a fleet.
func read(status int, body []byte) (a answer, err error) {
	notJSON := json.Unmarshal(body, &a)
	switch {
	case notJSON == nil && a.Status == "error":
		return a, fmt.Errorf("the server refuses the query: %s", web.Shown(a.Error))
	case status != http.StatusOK:
		return a, fmt.Errorf("the server answers %d %s", status, http.StatusText(status))
	case notJSON != nil || a.Status != "success":
		return a, errors.New("the answer is not one of Prometheus's API; is the URL that of the server, without /api/v1?")
	case len(a.Warnings) > 0:
		return a, fmt.Errorf("the server warns that the answer may be wrong: %s", web.Shown(strings.Join(a.Warnings, "; ")))
	}
	return a, nil
}

// number is the one number of an answer, and when it was measured.
func (a answer) number() (float64, time.Time, error) {
	var sample model.SamplePair
	var err error
	switch a.Data.Type {
	case model.ValScalar:
		var s model.Scalar
		err = json.Unmarshal(a.Data.Result, &s)
		sample = model.SamplePair{Timestamp: s.Timestamp, Value: s.Value}
	case model.ValVector:
		sample, err = one(a.Data.Result)
	default:
		err = fmt.Errorf("the answer is a %s; write a query whose answer is one number", web.Shown(a.Data.Type.String()))
	}
	v := float64(sample.Value)
	if err == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
		err = fmt.Errorf("the answer is %g, not a finite number", v)
	}
	return v, sample.Timestamp.Time().UTC(), err
}

// one is the only sample of a vector.
func one(raw json.RawMessage) (sample model.SamplePair, err error) {
	var list model.Vector
	switch err := json.Unmarshal(raw, &list); {
	case err != nil:
		return sample, fmt.Errorf("the answer cannot be read: %s", web.Shown(err.Error()))
	case len(list) == 0:
		return sample, errors.New("the answer has no sample: nothing matches the query")
	case len(list) > 1:
		return sample, fmt.Errorf("the answer has %d samples, wanted is one; aggregate them, as sum(…) or max(…) does", len(list))
	case list[0].Histogram != nil:
		return sample, errors.New("the answer is a histogram; take a number of it, as histogram_quantile(…) does")
	}
	return model.SamplePair{Timestamp: list[0].Timestamp, Value: list[0].Value}, nil
}
