package batch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"skynet/worker/recipe"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// shop is a store in memory with a clock of its own.
type shop struct {
	mu      sync.Mutex
	now     time.Time
	objects map[string]thing
	lists   int   // how often it was asked for a folder
	reads   int   // how often for an object
	broken  error // answers everything, if not nil
}

type thing struct {
	content []byte
	written time.Time
}

func newShop() *shop { return &shop{now: noon, objects: map[string]thing{}} }

func (s *shop) List(_ context.Context, folder string, visit func(string, int64, time.Time) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists++
	if s.broken != nil {
		return s.broken
	}
	for url, o := range s.objects {
		if strings.HasPrefix(url, strings.TrimSuffix(folder, "/")+"/") {
			if err := visit(url, int64(len(o.content)), o.written); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *shop) Read(_ context.Context, url string, _ int64) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	o, ok := s.objects[url]
	if !ok {
		return nil, fmt.Errorf("%s: %w", url, fs.ErrNotExist)
	}
	return o.content, s.broken
}

func (s *shop) Write(_ context.Context, url string, content []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	s.objects[url] = thing{content, s.now}
	return nil
}

func (s *shop) Create(ctx context.Context, url string, content []byte) (bool, error) {
	if _, err := s.Read(ctx, url, 0); err == nil {
		return false, nil
	}
	return true, s.Write(ctx, url, content)
}

func (s *shop) Check(url string) error {
	if !strings.HasPrefix(url+"/", "s3://b/") && !strings.HasPrefix(url, "file:///") {
		return fmt.Errorf("%s lies in no store", url)
	}
	return nil
}

// put writes objects of one byte.
func (s *shop) put(urls ...string) {
	for _, u := range urls {
		_ = s.Write(context.Background(), u, []byte("x"))
	}
}

// after lets time pass.
func (s *shop) after(d time.Duration) { s.now = s.now.Add(d) }

// done and failed write what a worker does beside the outputs.
func (s *shop) done(it Item) {
	delete(s.objects, it.Output+"/failed.json")
	s.put(it.Output+"/1024.jpg", it.Output+"/manifest.json")
}

func (s *shop) failed(it Item, reason string, last bool) {
	text, _ := json.Marshal(recipe.Failure{Reason: reason, Last: last, Input: it.Input, Tries: 3})
	_ = s.Write(context.Background(), it.Output+"/failed.json", text)
}

func items(n int) (all []Item) {
	for i := range n {
		in, out := fmt.Sprintf("s3://b/in/%d.jpg", i), fmt.Sprintf("s3://b/out/%d.jpg", i)
		body := fmt.Sprintf(`{"input":%q,"output":%q,"batch":"a"}`, in, out)
		all = append(all, Item{Input: in, Output: out, Bytes: int64(i), Body: json.RawMessage(body)})
	}
	return all
}

// post is a queue that takes some items and then no more.
type post struct {
	got  map[string]int
	room int // items that it still takes
}

var errFull = errors.New("the queue does not answer")

func (p *post) SendAll(_ context.Context, bodies [][]byte) (ids []string, err error) {
	ids = make([]string, len(bodies))
	for i, b := range bodies {
		if p.room == 0 {
			return ids, errFull
		}
		p.room--
		p.got[string(b)]++
		ids[i] = fmt.Sprint(len(p.got))
	}
	return ids, nil
}

// filed makes a batch of n items, of which nothing was sent.
func filed(t *testing.T, s *shop, n int) (Shelf, *Record) {
	t.Helper()
	shelf := NewShelf(s, "s3://b/out/")
	r, err := shelf.Create(t.Context(), About{Name: "a", Created: noon, Queue: "photos", Items: n}, items(n))
	if err != nil {
		t.Fatal(err)
	}
	return shelf, r
}

// mailed sends a batch whole and loads its record.
func mailed(t *testing.T, s *shop, n int) (Mailing, *Record) {
	t.Helper()
	shelf, r := filed(t, s, n)
	m := Mailing{Shelf: shelf, Record: r, To: &post{map[string]int{}, -1}, Now: func() time.Time { return s.now }}
	if err := m.Rest(t.Context()); err != nil {
		t.Fatal(err)
	}
	loaded, err := shelf.Load(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	m.Record = loaded
	return m, loaded
}
