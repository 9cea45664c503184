package batch

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// MaxItems is the most that one batch holds: its record is read whole, and takes
	// about a kilobyte of memory an item.
	MaxItems = 1_000_000
	// maxRecord bounds a record that is read, in bytes.
	maxRecord = 1 << 30
	// folderName is where records lie below the outputs.
	folderName = ".batches"
)

// Files of a batch's record.
const (
	aboutFile = "batch.json"
	itemsFile = "items.jsonl"
	sentFile  = "sent.jsonl"
)

// About is a batch in a few words.
type About struct {
	Name    string    `json:"batch"`
	Created time.Time `json:"created"` // by the clock of who submitted it
	Queue   string    `json:"queue"`   // its name in the worker's settings
	Recipe  string    `json:"recipe,omitempty"`
	Items   int       `json:"items"`
	Bytes   int64     `json:"bytes"`             // of the inputs whose size was known
	Unsized int       `json:"unsized,omitempty"` // inputs whose size was not
	By      string    `json:"by,omitempty"`      // version of the program that sent it
}

// Item is one of a batch.
type Item struct {
	Input  string          // URL
	Output string          // URL of its folder
	Bytes  int64           // of the input; -1 where it is not known
	Body   json.RawMessage // as it is sent
}

// Record is what is known of a batch.
type Record struct {
	About
	Items []Item
	Sent  Sent
	// Begun is when the record was written, by the store's clock: what lies in an
	// output folder since before was not made by this batch.
	Begun time.Time
}

// line is an item as it stands in the record.
type line struct {
	Bytes *int64          `json:"bytes,omitempty"`
	Item  json.RawMessage `json:"item"`
}

// Shelf is where records lie: OUTPUTS/.batches of a store.
type Shelf struct {
	store  Store
	folder string
}

// NewShelf returns the shelf of records below a folder of outputs.
func NewShelf(s Store, outputs string) Shelf {
	return Shelf{s, strings.TrimSuffix(outputs, "/") + "/" + folderName}
}

// Place is the URL of a batch's record.
func (s Shelf) Place(name string) string { return s.folder + "/" + name }

func (s Shelf) file(name, file string) string { return s.Place(name) + "/" + file }

var names = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$`)

// CheckName says why a batch cannot have a name.
func CheckName(name string) error {
	if !names.MatchString(name) {
		return fmt.Errorf("%.200q is not a name of a batch; write letters, digits, -, _ and ., beginning with a letter or digit", name)
	}
	return nil
}

// ErrExists says that there is a batch of that name.
var ErrExists = errors.New("there is a batch of that name")

// Create writes the record of a new batch, of which nothing has been sent.
func (s Shelf) Create(ctx context.Context, a About, items []Item) (*Record, error) {
	var lines bytes.Buffer
	for _, it := range items {
		if err := writeLine(&lines, it); err != nil {
			return nil, err
		}
	}
	about, err := json.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("write the record of the batch: %w", err)
	}
	switch created, err := s.store.Create(ctx, s.file(a.Name, aboutFile), append(about, '\n')); {
	case err != nil:
		return nil, fmt.Errorf("write the record of the batch: %w", err)
	case !created:
		return nil, fmt.Errorf("%q: %w", a.Name, ErrExists)
	}
	if err := s.store.Write(ctx, s.file(a.Name, itemsFile), lines.Bytes()); err != nil {
		return nil, fmt.Errorf("write the record of the batch: %w", err)
	}
	return &Record{About: a, Items: items}, nil
}

func writeLine(to *bytes.Buffer, it Item) error {
	l := line{Item: it.Body}
	if it.Bytes >= 0 {
		l.Bytes = &it.Bytes
	}
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("write the item of %s: %w", it.Input, err)
	}
	to.Write(append(text, '\n'))
	return nil
}

// maxAbout bounds batch.json, in bytes.
const maxAbout = 1 << 20

// Load reads a batch's record. The error is fs.ErrNotExist if there is none.
func (s Shelf) Load(ctx context.Context, name string) (*Record, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	a, err := s.about(ctx, name)
	if err != nil {
		return nil, err
	}
	r := &Record{About: a}
	text, err := s.store.Read(ctx, s.file(name, itemsFile), maxRecord)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("batch %s was never sent: it was stopped while its record was written; submit it under another name, or remove %s", name, s.Place(name))
	}
	if err != nil {
		return nil, fmt.Errorf("read the record of batch %s: %w", name, err)
	}
	if r.Items, err = readItems(text); err == nil && len(r.Items) != a.Items {
		err = fmt.Errorf("it has %d items of %d", len(r.Items), a.Items)
	}
	if err == nil {
		r.Sent, err = s.sent(ctx, name, len(r.Items))
	}
	if err != nil {
		return nil, fmt.Errorf("read the record of batch %s: %w", name, err)
	}
	r.Begun, err = s.begun(ctx, name)
	return r, err
}

func (s Shelf) about(ctx context.Context, name string) (a About, err error) {
	text, err := s.store.Read(ctx, s.file(name, aboutFile), maxAbout)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(text, &a); err != nil || a.Name != name {
		return a, fmt.Errorf("%s is not the record of batch %s", s.file(name, aboutFile), name)
	}
	return a, nil
}

// begun is when the batch's items were written down, by the store's clock.
func (s Shelf) begun(ctx context.Context, name string) (begun time.Time, err error) {
	err = s.store.List(ctx, s.Place(name), func(url string, _ int64, written time.Time) error {
		if strings.HasSuffix(url, "/"+itemsFile) {
			begun = written
		}
		return nil
	})
	return begun, err
}

func (s Shelf) sent(ctx context.Context, name string, items int) (Sent, error) {
	text, err := s.store.Read(ctx, s.file(name, sentFile), maxRecord)
	if errors.Is(err, fs.ErrNotExist) {
		return Sent{}, nil
	}
	if err != nil {
		return Sent{}, err
	}
	return readSent(text, items)
}

// Refresh reads again what was sent: somebody may be sending right now.
func (s Shelf) Refresh(ctx context.Context, r *Record) (err error) {
	sent, err := s.sent(ctx, r.Name, len(r.Items))
	if err == nil {
		r.Sent = sent
	}
	return err
}

// Mark writes down what was sent so far.
func (s Shelf) Mark(ctx context.Context, r *Record) error {
	text, err := r.Sent.text()
	if err == nil {
		err = s.store.Write(ctx, s.file(r.Name, sentFile), text)
	}
	if err != nil {
		return fmt.Errorf("write down what was sent: %w", err)
	}
	return nil
}

// Entry is one batch of a shelf.
type Entry struct {
	About
	Sent int `json:"sent"` // of its items
}

// List returns all batches, the newest first.
func (s Shelf) List(ctx context.Context) ([]Entry, error) {
	var found []string
	err := s.store.List(ctx, s.folder, func(url string, _ int64, _ time.Time) error {
		if at, is := strings.CutSuffix(url, "/"+aboutFile); is {
			found = append(found, at[strings.LastIndexByte(at, '/')+1:])
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	all, errs := make([]Entry, len(found)), make([]error, len(found))
	side(len(found), func(i int) {
		all[i].About, errs[i] = s.about(ctx, found[i])
		if errs[i] == nil {
			var sent Sent
			sent, errs[i] = s.sent(ctx, found[i], all[i].Items)
			all[i].Sent = sent.Count()
		}
	})
	slices.SortFunc(all, func(a, b Entry) int { return b.Created.Compare(a.Created) })
	return all, errors.Join(errs...)
}

// side does n things, some side by side.
func side(n int, do func(i int)) {
	room := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i := range n {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			do(i)
		})
	}
	wg.Wait()
}

// readItems reads items.jsonl.
func readItems(text []byte) (items []Item, err error) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		it, err := readItem(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", len(items)+1, err)
		}
		items = append(items, it)
	}
	return items, lines.Err()
}

func readItem(text []byte) (Item, error) {
	var l line
	var of struct{ Input, Output string }
	if err := json.Unmarshal(text, &l); err != nil {
		return Item{}, fmt.Errorf("not JSON: %w", err)
	}
	if err := json.Unmarshal(l.Item, &of); err != nil {
		return Item{}, fmt.Errorf("not an item: %w", err)
	}
	if of.Input == "" || of.Output == "" {
		return Item{}, errors.New("not an item: input or output is missing")
	}
	it := Item{Input: of.Input, Output: of.Output, Bytes: -1, Body: slices.Clone(l.Item)}
	if l.Bytes != nil && *l.Bytes >= 0 {
		it.Bytes = *l.Bytes
	}
	return it, nil
}
