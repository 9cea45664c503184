package batch

import (
	"errors"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestARecordIsReadAsItWasWritten(t *testing.T) {
	s := newShop()
	shelf, _ := filed(t, s, 3)
	s.after(time.Hour)
	r, err := shelf.Load(t.Context(), "a")
	if err != nil || !reflect.DeepEqual(r.Items, items(3)) || r.Queue != "photos" || !r.Begun.Equal(noon) || r.Sent.Count() != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := shelf.Create(t.Context(), About{Name: "a"}, nil); !errors.Is(err, ErrExists) {
		t.Errorf("a second of that name: %v", err)
	}
	if _, err := shelf.Load(t.Context(), "b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("one that is not there: %v", err)
	}
	for _, bad := range []string{"", "..", "a/b", ".a", "ä", strings.Repeat("a", 101)} {
		if _, err := shelf.Load(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "is not a name of a batch") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestABatchThatWasNeverSent keeps its name, and nobody writes over it.
func TestABatchThatWasNeverSent(t *testing.T) {
	s := newShop()
	shelf := NewShelf(s, "s3://b/out")
	s.put("s3://b/out/.batches/a/x")
	_ = s.Write(t.Context(), "s3://b/out/.batches/a/batch.json", []byte(`{"batch":"a","items":3}`))
	if _, err := shelf.Load(t.Context(), "a"); err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "was never sent") {
		t.Errorf("%v", err)
	}
	if _, err := shelf.Create(t.Context(), About{Name: "a"}, items(1)); !errors.Is(err, ErrExists) {
		t.Errorf("%v", err)
	}
	if _, err := s.Read(t.Context(), "s3://b/out/.batches/a/items.jsonl", 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("items were written over those of another: %v", err)
	}
}

func TestADamagedRecordIsTold(t *testing.T) {
	for file, texts := range map[string][]string{
		"batch.json":  {"", "x", `{"batch":"b"}`},
		"items.jsonl": {"", "x", `{"item":{}}`, `{"item":{"input":"s3://b/x"}}`, `{"item":3}`, `{"bytes":"x"}`},
		"sent.jsonl":  {"x", `{"items":[[0,3]]}`, `{"items":[[-1,0]]}`, `{"items":[[1,0]]}`, `{"items":[[0,1],[1,2]]}`, "{\"items\":[[0,0]]}\n{\"items\":[[0,0]]}"},
	} {
		for _, text := range texts {
			s := newShop()
			shelf, _ := filed(t, s, 3)
			if err := s.Write(t.Context(), "s3://b/out/.batches/a/"+file, []byte(text)); err != nil {
				t.Fatal(err)
			}
			if r, err := shelf.Load(t.Context(), "a"); err == nil {
				t.Errorf("%s is %q: read as %+v", file, text, r)
			}
		}
	}
}

func TestBatchesAreListedNewestFirst(t *testing.T) {
	s := newShop()
	shelf := NewShelf(s, "s3://b/out")
	if all, err := shelf.List(t.Context()); len(all) != 0 || err != nil {
		t.Errorf("none yet: %+v, %v", all, err)
	}
	for i, name := range []string{"first", "second", "third"} {
		r, err := shelf.Create(t.Context(), About{Name: name, Created: noon.Add(time.Duration(i) * time.Hour), Items: 2}, items(2))
		if err != nil {
			t.Fatal(err)
		}
		if m := (Mailing{Shelf: shelf, Record: r, To: &post{map[string]int{}, i}, Now: time.Now}); i > 0 {
			_ = m.Rest(t.Context())
		}
	}
	s.put("s3://b/out/.batches/half/items.jsonl", "s3://b/out/x/batch.json")
	all, err := shelf.List(t.Context())
	if err != nil || len(all) != 3 || all[0].Name != "third" || all[0].Sent != 2 || all[1].Sent != 1 || all[2].Sent != 0 {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestSpans holds spans to sets of numbers.
func TestSpans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want, s := map[int]bool{}, spans(nil)
		for range rapid.IntRange(0, 8).Draw(t, "times") {
			more := rapid.SliceOf(rapid.IntRange(0, 40)).Draw(t, "more")
			s = s.with(more)
			for _, i := range more {
				want[i] = true
			}
		}
		for i := range 42 {
			if s.holds(i) != want[i] {
				t.Fatalf("%v holds %d: %v", s, i, !want[i])
			}
		}
		for k := 1; k < len(s); k++ {
			if s[k][0] <= s[k-1][1]+1 {
				t.Fatalf("%v is not joined", s)
			}
		}
		if s.count() != len(want) || s.check(41) != nil {
			t.Fatalf("%v: %d, want %d; %v", s, s.count(), len(want), s.check(41))
		}
		sent := Sent{first: s, since: noon, again: []again{{noon, s, noon}, {noon, s.with([]int{3}), noon.Add(1)}}}
		text, err := sent.text()
		back, err2 := readSent(text, 41)
		if err != nil || err2 != nil || !slices.Equal(back.first, s) || len(back.again) != 2 || !back.again[1].known.Equal(noon.Add(1)) {
			t.Fatalf("read %+v of %s, %v, %v", back, text, err, err2)
		}
	})
}

func FuzzReadRecord(f *testing.F) {
	f.Add([]byte(`{"at":"2026-03-01T12:00:00Z","items":[[0,3]]}`), []byte(`{"bytes":3,"item":{"input":"s3://b/a","output":"s3://b/c"}}`))
	f.Fuzz(func(t *testing.T, sent, list []byte) {
		if s, err := readSent(sent, 10); err == nil && (s.Count() > 10 || len(s.Unsent(10)) != 10-s.Count()) {
			t.Errorf("%d sent of 10, %d not", s.Count(), len(s.Unsent(10)))
		}
		all, err := readItems(list)
		for _, it := range all {
			if err == nil && (it.Input == "" || it.Output == "" || it.Bytes < -1) {
				t.Errorf("read %+v", it)
			}
		}
	})
}
