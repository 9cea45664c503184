package metrics

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/smithy-go/encoding/cbor"
)

// Bridge is the URL of a server that takes what the SDK's client for Go says and says
// it to moto in JSON. moto 5.2.5 knows query and JSON alone: to rpc-v2-cbor it answers
// 404. What is said and what comes of it are the client's and moto's own.
func Bridge(tb testing.TB, moto string) string {
	tb.Helper()
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { carry(w, r, moto) }))
	tb.Cleanup(h.Close)
	return h.URL
}

func carry(w http.ResponseWriter, r *http.Request, moto string) {
	in, _, err := read(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	body, _ := json.Marshal(plain(in))
	out, err := http.NewRequestWithContext(r.Context(), http.MethodPost, moto, bytes.NewReader(body))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	out.Header = r.Header.Clone()
	for _, name := range []string{"Smithy-Protocol", "Content-Encoding", "Accept", "Accept-Encoding", "X-Amzn-Query-Mode"} {
		out.Header.Del(name)
	}
	out.Header.Set("Content-Type", "application/x-amz-json-1.0")
	out.Header.Set("X-Amz-Target", "GraniteServiceVersion20100801."+path.Base(r.URL.Path))
	got, err := http.DefaultClient.Do(out)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer got.Body.Close()
	text, _ := io.ReadAll(got.Body)
	var v map[string]any
	_ = json.Unmarshal(text, &v)
	m, _ := packed("", v).(cbor.Map)
	if m == nil {
		m = cbor.Map{}
	}
	answer(w, got.StatusCode, m)
}

// plain is what JSON has for it.
func plain(v cbor.Value) any {
	switch v := v.(type) {
	case cbor.Map:
		m := make(map[string]any, len(v))
		for k, e := range v {
			m[k] = plain(e)
		}
		return m
	case cbor.List:
		l := make([]any, len(v))
		for i, e := range v {
			l[i] = plain(e)
		}
		return l
	case cbor.String:
		return string(v)
	case cbor.Bool:
		return bool(v)
	case *cbor.Tag:
		return plain(v.Value)
	case cbor.Uint:
		return uint64(v)
	case nil:
		return nil
	}
	return number(v)
}

// packed is what CBOR has for it: a time is one by its name.
func packed(name string, v any) cbor.Value {
	switch v := v.(type) {
	case map[string]any:
		m := cbor.Map{}
		for k, e := range v {
			m[k] = packed(k, e)
		}
		return m
	case []any:
		l := make(cbor.List, len(v))
		for i, e := range v {
			l[i] = packed(name, e)
		}
		return l
	case string:
		return cbor.String(v)
	case bool:
		return cbor.Bool(v)
	case float64:
		if strings.HasPrefix(name, "Timestamp") {
			return &cbor.Tag{ID: 1, Value: cbor.Float64(v)}
		}
		return cbor.Float64(v)
	case json.Number:
		f, _ := strconv.ParseFloat(v.String(), 64)
		return cbor.Float64(f)
	}
	return &cbor.Nil{}
}
