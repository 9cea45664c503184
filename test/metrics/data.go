package metrics

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

// Limits of the real one:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
const (
	mostQueries   = 500
	mostPublished = 1000
	mostPage      = 100_800
	mostValues    = 150
	mostBytes     = 1 << 20
)

// datapoint is one of a result.
type datapoint struct {
	query int
	at    time.Time
	value float64
}

func (s *Server) get(w http.ResponseWriter, in cbor.Map) {
	s.mu.Lock()
	defer s.mu.Unlock()
	queries := list(in["MetricDataQueries"])
	from, to := moment(in["StartTime"]), moment(in["EndTime"])
	if len(queries) > mostQueries || !from.Before(to) {
		refuse(w, Fault{Code: "ValidationError", Said: "The parameter EndTime must be greater than StartTime, and MetricDataQueries no more than 500."})
		return
	}
	var all []datapoint
	for i, q := range queries {
		all = append(all, s.points(i, dict(q), from, to)...)
	}
	if text(in["ScanBy"]) != "TimestampAscending" {
		slices.Reverse(all)
	}
	page := mostPage
	if s.page > 0 {
		page = s.page
	}
	begin, _ := strconv.Atoi(text(in["NextToken"]))
	end := min(len(all), begin+page)
	results := make(cbor.List, len(queries))
	for i, q := range queries {
		results[i] = s.result(i, dict(q), all[begin:end], end < len(all))
	}
	out := cbor.Map{"MetricDataResults": results}
	if end < len(all) {
		out["NextToken"] = cbor.String(strconv.Itoa(end))
	}
	answer(w, http.StatusOK, out)
}

func (s *Server) result(i int, q cbor.Map, page []datapoint, more bool) cbor.Value {
	times, values := cbor.List{}, cbor.List{}
	for _, p := range page {
		if p.query == i {
			times = append(times, &cbor.Tag{ID: 1, Value: cbor.Float64(p.at.Unix())})
			values = append(values, cbor.Float64(p.value))
		}
	}
	status := "Complete"
	if more {
		status = "PartialData"
	}
	if said := s.status[text(dict(dict(q["MetricStat"])["Metric"])["MetricName"])]; said != "" {
		status = said
	}
	return cbor.Map{"Id": q["Id"], "Label": q["Id"], "StatusCode": cbor.String(status), "Timestamps": times, "Values": values}
}

// points are a query's datapoints: samples by periods that begin at whole multiples
// of their length.
func (s *Server) points(i int, q cbor.Map, from, to time.Time) (out []datapoint) {
	stat := dict(q["MetricStat"])
	metric := dict(stat["Metric"])
	period := time.Duration(number(stat["Period"])) * time.Second
	by := map[time.Time][]sample{}
	for _, v := range s.samples[key(text(metric["Namespace"]), text(metric["MetricName"]), dimensions(metric))] {
		at := v.at.UTC().Truncate(period)
		if !at.Before(from) && (at.Before(to) || s.loose) {
			by[at] = append(by[at], v)
		}
	}
	for at, list := range by {
		out = append(out, datapoint{i, at, statistic(text(stat["Stat"]), list)})
	}
	slices.SortFunc(out, func(a, b datapoint) int { return a.at.Compare(b.at) })
	return out
}

func statistic(name string, list []sample) float64 {
	count, sum, least, most := 0.0, 0.0, math.Inf(1), math.Inf(-1)
	for _, v := range list {
		count, sum = count+v.count, sum+v.value*v.count
		least, most = min(least, v.value), max(most, v.value)
	}
	switch name {
	case "Sum":
		return sum
	case "SampleCount":
		return count
	case "Minimum":
		return least
	case "Maximum":
		return most
	}
	return sum / count
}

func (s *Server) publish(w http.ResponseWriter, in cbor.Map) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data := list(in["MetricData"])
	if len(data) > mostPublished {
		refuse(w, Fault{Code: "ValidationError", Said: "The collection MetricData must not have a size greater than 1000."})
		return
	}
	if len(cbor.Encode(in)) > mostBytes {
		refuse(w, Fault{Status: http.StatusRequestEntityTooLarge, Code: "RequestEntityTooLarge"})
		return
	}
	for _, d := range data {
		if len(list(dict(d)["Values"])) > mostValues {
			refuse(w, Fault{Code: "ValidationError", Said: "The collection Values must not have a size greater than 150."})
			return
		}
	}
	for _, d := range data {
		m := dict(d)
		k := key(text(in["Namespace"]), text(m["MetricName"]), dimensions(m))
		at, counts := moment(m["Timestamp"]), list(m["Counts"])
		for i, v := range list(m["Values"]) {
			n := 1.0
			if i < len(counts) {
				n = number(counts[i])
			}
			s.put(k, sample{at, number(v), n})
		}
		if v := m["Value"]; v != nil {
			s.put(k, sample{at, number(v), 1})
		}
	}
	answer(w, http.StatusOK, cbor.Map{})
}

func dimensions(m cbor.Map) (out []string) {
	for _, d := range list(m["Dimensions"]) {
		out = append(out, text(dict(d)["Name"])+"="+text(dict(d)["Value"]))
	}
	return out
}

func list(v cbor.Value) cbor.List { l, _ := v.(cbor.List); return l }
func dict(v cbor.Value) cbor.Map  { m, _ := v.(cbor.Map); return m }
func text(v cbor.Value) string    { s, _ := v.(cbor.String); return string(s) }

func number(v cbor.Value) float64 {
	switch n := v.(type) {
	case cbor.Uint:
		return float64(n)
	case cbor.NegInt:
		return -float64(n)
	case cbor.Float64:
		return float64(n)
	case cbor.Float32:
		return float64(n)
	}
	return math.NaN()
}

func moment(v cbor.Value) time.Time {
	t, ok := v.(*cbor.Tag)
	if !ok {
		return time.Time{}
	}
	return time.UnixMilli(int64(number(t.Value) * 1000)).UTC()
}

// Period is that of the first query of a request, s.
func (r Request) Period() float64 {
	for _, q := range list(r.Body["MetricDataQueries"]) {
		return number(dict(dict(q)["MetricStat"])["Period"])
	}
	return 0
}
