//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// recipes make of a text two others, of a picture two others, and something slow. A
// command that goes on after a part of it failed would be to blame for what is missing.
const recipes = `recipes:
  - name: quick
    outputs:
      - {name: loud.txt, command: {run: [/bin/sh, -c, 'tr a-z A-Z < "$0" > "$1/loud.txt"', "{input}", "{out}"]}}
      - {name: sum.txt, command: {run: [/bin/sh, -c, 'sha256sum < "$0" > "$1/sum.txt"', "{input}", "{out}"]}}
  - name: slow
    outputs:
      - {name: loud.txt, command: {run: [/bin/sh, -c, 'head -c 100 "$0" | tr a-z A-Z > "$1/loud.txt" && sleep 1 && tail -c +101 "$0" | tr a-z A-Z >> "$1/loud.txt"', "{input}", "{out}"]}}
      - {name: sum.txt, command: {run: [/bin/sh, -c, 'sha256sum < "$0" > "$1/sum.txt"', "{input}", "{out}"]}}
  - name: picture
    outputs:
      - {name: large.jpg, image: [{do: resize, width: 48, height: 48}]}
      - {name: small.png, from: large.jpg, image: [{do: resize, width: 16, height: 16}]}
`

// item is one that was sent: what goes in, and what must come out, by hash.
type item struct {
	name   string // its input's name, and its folder's
	fleet  string
	recipe string
	model  int // which picture
	in     hash
	out    map[string]hash // by name; nil for a picture, which is held against its model's
}

type hash [sha256.Size]byte

func (h hash) String() string { return hex.EncodeToString(h[:]) }

// models is how many different pictures there are.
const models = 4

// load makes items and sends them until they are in a queue.
type load struct {
	site *site
	dice *rand.Rand
	tell *story

	mu    sync.Mutex
	items map[string]item // by folder
	open  sync.WaitGroup  // those that are on their way
	told  map[string]int  // by folder: how often it was said to be done
	again int
}

func newLoad(s *site, dice *rand.Rand, tell *story) *load {
	return &load{site: s, dice: dice, tell: tell, items: map[string]item{}, told: map[string]int{}}
}

// run sends: nothing for a while, now and then one, or many at once.
func (l *load) run(ctx context.Context) {
	for ctx.Err() == nil {
		var n int
		var pause time.Duration
		switch roll := l.dice.IntN(10); {
		case roll < 1:
			pause = time.Duration(3+l.dice.IntN(9)) * time.Second
		case roll < 3:
			n, pause = 10+l.dice.IntN(30), time.Second
		default:
			n, pause = 1+l.dice.IntN(3), 500*time.Millisecond
		}
		for range n {
			it, body := l.make()
			if err := l.send(ctx, it, body); err != nil {
				l.tell.accuse("cannot put an item in: %v", err)
				return
			}
		}
		rest(ctx, pause)
	}
}

// rest waits, and reports whether there was time for it.
func rest(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// make draws an item.
func (l *load) make() (it item, body []byte) {
	it = item{name: fmt.Sprintf("%05d", len(l.items)), fleet: fleets[l.dice.IntN(len(fleets))]}
	switch roll := l.dice.IntN(20); {
	case roll < 9:
		it.recipe = "quick"
	case roll < 13:
		it.recipe = "slow"
	default:
		it.recipe, it.model = "picture", l.dice.IntN(models)
	}
	return it, l.body(&it)
}

func (l *load) body(it *item) (body []byte) {
	if it.recipe == "picture" {
		*it, body = it.asPicture()
		return body
	}
	const letters = "abcdefghijklmnopqrstuvwxyz 0123456789\n"
	body = make([]byte, 200+l.dice.IntN(4000))
	for i := range body {
		body[i] = letters[l.dice.IntN(len(letters))]
	}
	it.name += ".txt"
	it.in = sha256.Sum256(body)
	it.out = map[string]hash{"loud.txt": sha256.Sum256(bytes.ToUpper(body)), "sum.txt": sha256.Sum256(fmt.Appendf(nil, "%s  -\n", it.in))}
	return body
}

// picture is one of a few of 64 x 48.
func picture(model int) []byte {
	m := image.NewRGBA(image.Rect(0, 0, 64, 48))
	for y := range 48 {
		for x := range 64 {
			m.Set(x, y, color.RGBA{byte(x * (model + 3)), byte(y * (7 - model)), byte(x * y >> model), 255})
		}
	}
	var b bytes.Buffer
	_ = jpeg.Encode(&b, m, nil) // into memory
	return b.Bytes()
}

// folder is where an item's outputs go.
func (s *site) folder(it item) string { return filepath.Join(s.out(), it.fleet, it.name) }

// send stores an item's input and puts the item into its queue, however long that
// takes: whoever sends work keeps it until the queue has it.
func (l *load) send(ctx context.Context, it item, body []byte) error {
	input := filepath.Join(l.site.in(), it.name)
	for {
		err := os.WriteFile(input, body, 0o600)
		if err == nil {
			break
		}
		if !rest(ctx, 100*time.Millisecond) { // the disk is full for a while; it was not sent, and need not be
			return nil
		}
	}
	text, err := json.Marshal(map[string]string{"input": "file://" + input, "output": "file://" + l.site.folder(it), "recipe": it.recipe})
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.items[l.site.folder(it)] = it
	l.mu.Unlock()
	l.open.Go(func() { l.insist(it, text) })
	return nil
}

func (l *load) insist(it item, text []byte) {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		_, err := l.site.queues[it.fleet].Send(ctx, text)
		cancel()
		if err == nil {
			return
		}
		l.mu.Lock()
		l.again++ // it may have come all the same: then it comes twice
		gaveUp := l.again > mostAgain
		l.mu.Unlock()
		if gaveUp {
			l.tell.accuse("cannot put item %s into queue %s: %v", it.name, it.fleet, err)
			return
		}
	}
}

// mostAgain bounds how often sends are repeated in a round, all together.
const mostAgain = 2000

// hear reads the results of one fleet until ctx ends.
func (l *load) hear(ctx context.Context, fleet string) {
	q := l.site.results[fleet]
	for ctx.Err() == nil {
		it, err := q.Receive(ctx, time.Second)
		if err != nil || it == nil {
			if err != nil {
				rest(ctx, 200*time.Millisecond)
			}
			continue
		}
		l.result(it.Body)
		if err := q.Delete(ctx, it); err != nil {
			rest(ctx, 100*time.Millisecond) // it comes again
		}
	}
}

func (l *load) result(body []byte) {
	var told struct {
		Status, Folder, Reason string
		Last                   bool
	}
	if err := json.Unmarshal(body, &told); err != nil {
		l.tell.accuse("a result that cannot be read: %v: %s", err, body)
		return
	}
	folder := trimFile(told.Folder)
	l.mu.Lock()
	_, sent := l.items[folder]
	if told.Status == "done" {
		l.told[folder]++
	}
	l.mu.Unlock()
	switch {
	case !sent:
		l.tell.accuse("a result of what nobody sent: %s", body)
	case told.Last:
		l.tell.accuse("item %s is given up: %s", folder, told.Reason)
	}
}
