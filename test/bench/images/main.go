// Command images measures how many 12-megapixel photographs a second become renditions
// of 1024 and 150 px, by the worker's image maker, by sharp and by vipsthumbnail: on the
// same files, at equal quality, two at a time, in one run of interleaved rounds, so that
// a machine that slows down slows all of them. run.sh installs what it compares with.
//
//	go run ./test/bench/images -sharp folder
//
// With -long it makes 10,000 small pictures instead and tells the memory on the way.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"skynet/worker/image"
	"skynet/worker/image/imagetest"
	"skynet/worker/recipe"
)

var (
	rounds   = flag.Int("rounds", 5, "rounds, of which the medians are told")
	count    = flag.Int("count", 16, "photographs a contestant makes in a round")
	workers  = flag.Int("workers", 2, "photographs at once")
	sharp    = flag.String("sharp", "", "folder in which sharp was installed by npm")
	serve    = flag.Bool("serve", false, "be a contestant: make a round for each line of standard input")
	newer    = flag.String("newer", "", "this program, linked against another libvips, as a further contestant")
	work     = flag.String("work", filepath.Join(os.TempDir(), "skynet-bench-images"), "folder for photographs, kept")
	long     = flag.Int("long", 0, "make so many small pictures and tell the memory")
	markdown = flag.Bool("markdown", false, "write a table for docs/worker-speed.md")
)

func main() {
	flag.Parse()
	var err error
	switch {
	case *long > 0:
		err = longRun(*long)
	case *serve:
		err = answer()
	default:
		err = compare()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

// photos draws a few, once.
func photos() (files []string, err error) {
	if err := os.MkdirAll(*work, 0o755); err != nil {
		return nil, err
	}
	for i, s := range [][2]int{{4000, 3000}, {4032, 3024}, {3000, 4000}} {
		file := filepath.Join(*work, fmt.Sprintf("photo-q95-%d.jpg", i))
		if _, err := os.Stat(file); err != nil {
			if err := draw(file, s[0], s[1], 95); err != nil {
				return nil, err
			}
		}
		files = append(files, file)
	}
	return files, nil
}

func draw(file string, w, h, quality int) error {
	f, err := os.Create(file + ".part")
	if err != nil {
		return err
	}
	if err := jpeg.Encode(f, imagetest.Portrait(w, h), &jpeg.Options{Quality: quality}); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(file+".part", file)
}

// recipes are what each contestant makes: both from the source, or the small one from
// the large.
const recipes = `recipes:
  - name: both
    outputs:
      - {name: 1024.jpg, image: [{do: orient}, {do: resize, width: 1024, height: 1024}, {do: convert, quality: 85}]}
      - {name: 150.jpg, image: [{do: orient}, {do: resize, width: 150, height: 150}, {do: convert, quality: 85}]}
`

func outputs() ([]recipe.Output, error) {
	b, err := recipe.Read("bench", []byte(recipes))
	if err != nil {
		return nil, err
	}
	r, _ := b.Find("both")
	return r.Outputs, nil
}

// score is how fast a round was.
type score struct {
	rate float64 // photographs a second
	cpu  float64 // ms of processor time a photograph, which a busy machine changes less
}

// ours makes a round. Apart has each rendition made by
// itself, from the source.
func ours(files []string, apart bool) (score, error) {
	m, err := image.New()
	if err != nil {
		return score{}, err
	}
	list, err := outputs()
	if err != nil {
		return score{}, err
	}
	jobs := [][]recipe.Output{list}
	if apart {
		jobs = [][]recipe.Output{list[:1], list[1:]}
	}
	return atOnce(unix.RUSAGE_SELF, func(i int) error {
		folder := filepath.Join(*work, "ours", fmt.Sprint(i))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		for _, some := range jobs {
			job := recipe.Job{Outputs: some, Folder: folder, Inputs: map[string]string{recipe.Main: files[i%len(files)]}}
			if _, err := m.Work(context.Background(), job); err != nil {
				return err
			}
		}
		return nil
	})
}

// atOnce does something count times, workers at a time; whose processor time is that of
// this process or of those it starts.
func atOnce(whose int, do func(i int) error) (s score, err error) {
	began, spent := time.Now(), processor(whose)
	next := make(chan int)
	var wg sync.WaitGroup
	var once sync.Once
	for range *workers {
		wg.Go(func() {
			for i := range next {
				if e := do(i); e != nil {
					once.Do(func() { err = e })
				}
			}
		})
	}
	for i := range *count {
		next <- i
	}
	close(next)
	wg.Wait()
	n := float64(*count)
	return score{n / time.Since(began).Seconds(), 1000 * (processor(whose) - spent).Seconds() / n}, err
}

// processor is the time that processors have spent.
func processor(whose int) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(whose, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// answer makes rounds for another of these programs.
func answer() error {
	files, err := photos()
	if err != nil {
		return err
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		s, err := ours(files, lines.Text() == "apart")
		if err != nil {
			return err
		}
		fmt.Println(s.rate, s.cpu)
	}
	return nil
}

// contestant makes rounds.
type contestant struct {
	name   string
	round  func() (score, error)
	scores []score
}

func (c *contestant) median(of func(score) float64) float64 {
	var all []float64
	for _, s := range c.scores {
		all = append(all, of(s))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func compare() error {
	files, err := photos()
	if err != nil {
		return err
	}
	all, done, err := contestants(files)
	if err != nil {
		return err
	}
	defer done()
	for round := range *rounds + 1 {
		for i := range all {
			s, err := all[i].round()
			if err != nil {
				return fmt.Errorf("%s: %w", all[i].name, err)
			}
			if round > 0 { // the first one warms up
				all[i].scores = append(all[i].scores, s)
			}
		}
	}
	tell(all)
	return nil
}

func tell(all []*contestant) {
	rate, cpu := func(s score) float64 { return s.rate }, func(s score) float64 { return s.cpu }
	row := "%-44s %6.1f/s  %5.2f x  %6.0f ms  %5.2f x\n"
	if *markdown {
		row = "| %s | %.1f | %.2f | %.0f | %.2f |\n"
		fmt.Print("| | photographs/s | of the first | ms of CPU each | of the first |\n|---|---|---|---|---|\n")
	}
	for _, c := range all {
		fmt.Printf(row, c.name, c.median(rate), c.median(rate)/all[0].median(rate), c.median(cpu), c.median(cpu)/all[0].median(cpu))
	}
}
