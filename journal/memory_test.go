package journal_test

import (
	"reflect"
	"testing"
	"time"

	"skynet/journal"
	"skynet/journal/journaltest"
)

func TestMemory(t *testing.T) {
	journaltest.Run(t, func(*testing.T) journal.Journal { return journal.NewMemory(0) })
}

func TestMemoryKeepsAWindow(t *testing.T) {
	m := journal.NewMemory(5 * time.Minute)
	all := journaltest.Ticks("render", 0, 20)
	journaltest.Write(t, m, all...)
	journaltest.Expect(t, m, "render", time.Time{}, 0, all[14:]...) // a tick at the window's edge is in it
	open, err := m.Unsettled(t.Context(), "render")
	if err != nil || len(open) != 40 {
		t.Fatalf("intents outlive their tick: got %d of 40, %v", len(open), err)
	}
	for _, i := range open {
		if err := m.Settle(t.Context(), journal.Outcome{Intent: i.ID, At: i.At}); err != nil {
			t.Fatalf("settle after the window: %v", err)
		}
	}
	if open, _ = m.Unsettled(t.Context(), "render"); len(open) > 0 {
		t.Fatalf("%d are settled and still listed", len(open))
	}
	journaltest.Write(t, m, all[0]) // long forgotten: its ID is free again
}

// TestCloneSharesNothing fills a record's every field, those that are yet to
// be added too, and looks for memory that the copy shares.
func TestCloneSharesNothing(t *testing.T) {
	var r journal.Record
	fill(reflect.ValueOf(&r).Elem(), 0)
	r.Snapshot.Recent = nil // left out by Clone
	c := r.Clone()
	if !reflect.DeepEqual(r, c) {
		t.Fatalf("the copy differs:\n%+v\n%+v", r, c)
	}
	unshared(t, "Record", reflect.ValueOf(r), reflect.ValueOf(c))
}

func fill(v reflect.Value, depth int) {
	switch {
	case depth > 8:
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(journaltest.Start))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), depth+1)
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), depth+1)
		fill(v.Index(1), depth+1)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1)
	case v.CanInt():
		v.SetInt(1)
	case v.CanUint():
		v.SetUint(1)
	case v.Kind() == reflect.String:
		v.SetString("x")
	}
}

func unshared(t *testing.T, path string, a, b reflect.Value) {
	switch a.Kind() {
	case reflect.Slice, reflect.Pointer, reflect.Map:
		if a.Pointer() == b.Pointer() {
			t.Errorf("%s is shared", path)
		}
	}
	switch {
	case a.Type() == reflect.TypeFor[time.Time]():
	case a.Kind() == reflect.Struct:
		for i := range a.NumField() {
			if f := a.Type().Field(i); f.Name != "Recent" {
				unshared(t, path+"."+f.Name, a.Field(i), b.Field(i))
			}
		}
	case a.Kind() == reflect.Slice && a.Len() > 0:
		unshared(t, path+"[]", a.Index(0), b.Index(0))
	case a.Kind() == reflect.Pointer:
		unshared(t, path+"*", a.Elem(), b.Elem())
	}
}
