package flow

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	api "github.com/aws/aws-sdk-go-v2/service/sqs"

	"skynet/queue"
	"skynet/queue/nats"
	"skynet/queue/sqs"
	"skynet/test/embedded"
	"skynet/test/moto"
	"skynet/worker"
	vips "skynet/worker/image"
	"skynet/worker/recipe"
	"skynet/worker/store"
)

const (
	slots   = 2
	distant = 50 * time.Millisecond
)

var (
	perRound = flag.Int("photos", 32, "items a round")
	rounds   = flag.Int("rounds", 5, "rounds, of which the medians count")
	many     = flag.Int("many", 10_000, "small items")
)

// line is a queue that items are sent to and received from.
type line interface {
	queue.Source
	Send(ctx context.Context, body []byte) (string, error)
}

// shop is a folder of photographs, and what makes something of them.
type shop struct {
	tb      testing.TB
	dir     string
	images  *vips.Maker
	book    recipe.Book
	stores  *store.Stores
	results int
}

func newShop(tb testing.TB, width, height, distinct int) *shop {
	tb.Helper()
	s := &shop{tb: tb, dir: tb.TempDir()}
	s.must(func() (err error) { s.images, err = vips.New(); return err })
	s.must(func() (err error) { s.book, err = recipe.Load(""); return err })
	s.must(func() (err error) { s.stores, err = store.Open(context.Background(), "file://"+s.dir); return err })
	tb.Cleanup(func() { _ = s.stores.Close() })
	for i := range distinct {
		s.must(func() error { return photograph(filepath.Join(s.dir, fmt.Sprint(i, ".jpg")), width, height, i) })
	}
	return s
}

func (s *shop) must(f func() error) {
	s.tb.Helper()
	if err := f(); err != nil {
		s.tb.Fatal(err)
	}
}

// photograph writes a JPEG with what cameras see: gentle slopes and some noise.
func photograph(file string, width, height, seed int) error {
	r := rand.New(rand.NewPCG(uint64(seed), 1))
	img := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	for y := range height {
		for x := range width {
			img.Y[y*img.YStride+x] = uint8(x*160/width + y*60/height + r.IntN(12))
		}
	}
	for i := range img.Cb {
		img.Cb[i], img.Cr[i] = uint8(100+i%60), uint8(110+i%40)
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := jpeg.Encode(f, img, &jpeg.Options{Quality: 90}); err != nil {
		return err
	}
	return f.Close()
}

// alone has the makers make the outputs of n items, slots at once, from files to
// files: as much as there is to do without a queue.
func (s *shop) alone(n, distinct int) time.Duration {
	s.tb.Helper()
	r, _ := s.book.Find("photo")
	begun := time.Now()
	var next atomic.Int64
	var all sync.WaitGroup
	for range slots {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				folder := filepath.Join(s.dir, fmt.Sprint("alone-", i))
				err := os.Mkdir(folder, 0o755)
				if err == nil {
					_, err = s.images.Work(context.Background(), recipe.Job{
						Outputs: r.Outputs, Folder: folder, Inputs: map[string]string{recipe.Main: filepath.Join(s.dir, fmt.Sprint(int(i)%distinct, ".jpg"))},
					})
				}
				if err != nil {
					s.tb.Error(err)
				}
			}
		})
	}
	all.Wait()
	took := time.Since(begun)
	for i := range n {
		_ = os.RemoveAll(filepath.Join(s.dir, fmt.Sprint("alone-", i)))
	}
	return took
}

// direct has whole items done without a queue, slots at once: fetched, made, stored,
// with their manifests, one stage after the other.
func (s *shop) direct(n, distinct int) time.Duration {
	s.tb.Helper()
	s.results++
	out := fmt.Sprint("direct-", s.results)
	media := worker.NewMedia(s.stores, s.tb.TempDir(), s.book, map[recipe.Medium]worker.Maker{recipe.ByImage: s.images})
	begun := time.Now()
	var next atomic.Int64
	var all sync.WaitGroup
	for range slots {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				body, _ := json.Marshal(s.task(out, int(i), distinct))
				if err := whole(media, worker.Try{ID: fmt.Sprint(i), Queue: "none", Body: body, Number: 1, Worker: "i-1"}); err != nil {
					s.tb.Error(err)
				}
			}
		})
	}
	all.Wait()
	took := time.Since(begun)
	_ = os.RemoveAll(filepath.Join(s.dir, out))
	return took
}

func whole(media *worker.Media, try worker.Try) error {
	ctx := context.Background()
	p, err := media.Open(ctx, try)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := p.Work(ctx); err != nil {
		return err
	}
	_, err = p.Store(ctx)
	return err
}

func (s *shop) task(out string, i, distinct int) worker.Task {
	return worker.Task{
		Kind: worker.Photo, Input: fmt.Sprintf("file://%s/%d.jpg", s.dir, i%distinct), Output: fmt.Sprintf("file://%s/%s/%d", s.dir, out, i),
	}
}

// silence hears no heartbeats.
type silence struct{}

func (silence) Post(context.Context, []byte) error { return nil }

// counting is a queue that counts what is done.
type counting struct {
	line
	left atomic.Int64
	over chan struct{}
}

func (c *counting) Delete(ctx context.Context, it *queue.Item) error {
	err := c.line.Delete(ctx, it)
	if err == nil && c.left.Add(-1) == 0 {
		close(c.over)
	}
	return err
}

// through sends n items through a queue and a worker, and returns how long the worker
// took from its first receive to its last word about the last item.
func (s *shop) through(l line, stores worker.Stores, n, distinct int, opts ...worker.Option) time.Duration {
	s.tb.Helper()
	s.results++
	out := fmt.Sprint("through-", s.results)
	for i := range n {
		body, _ := json.Marshal(s.task(out, i, distinct))
		s.must(func() error { _, err := l.Send(context.Background(), body); return err })
	}
	media := worker.NewMedia(stores, s.tb.TempDir(), s.book, map[recipe.Medium]worker.Maker{recipe.ByImage: s.images})
	c := &counting{line: l, over: make(chan struct{})}
	c.left.Store(int64(n))
	a, err := worker.New(worker.Self{ID: "i-1", Fleet: "bench", Slots: slots}, []worker.Feed{{Source: c}}, media, silence{}, opts...)
	if err != nil {
		s.tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	begun := time.Now()
	go func() { ended <- a.Run(ctx) }()
	select {
	case <-c.over:
	case <-time.After(20 * time.Minute):
		s.tb.Fatal("does not come to an end")
	}
	took := time.Since(begun)
	stop()
	s.must(func() error { return <-ended })
	if made, _ := filepath.Glob(filepath.Join(s.dir, out, "*", recipe.ManifestName)); len(made) != n {
		s.tb.Errorf("%d manifests of %d items", len(made), n)
	}
	_ = os.RemoveAll(filepath.Join(s.dir, out))
	return took
}

func (s *shop) nats() *nats.Queue {
	s.tb.Helper()
	_, q := embedded.Queue(s.tb, s.tb.TempDir(), nats.Config{Name: "photos", Visibility: 30 * time.Second, Tries: 3})
	return q
}

func (s *shop) sqs(server *moto.Server) *sqs.Queue {
	s.tb.Helper()
	s.must(func() error {
		_, err := api.NewFromConfig(server.Config()).CreateQueue(context.Background(), &api.CreateQueueInput{QueueName: new("photos")})
		return err
	})
	q, err := sqs.New(server.Config(), sqs.Options{}).Queue(context.Background(), sqs.Config{
		URL: "https://sqs." + moto.Region + ".amazonaws.com/" + moto.Account + "/photos", Visibility: 30 * time.Second,
	})
	if err != nil {
		s.tb.Fatal(err)
	}
	return q
}

// compare plays ways in turns and reports items a second of each, by its median, and
// what each is of the first.
func compare(b *testing.B, names []string, ways ...func() time.Duration) {
	b.Helper()
	took, used := make([][]float64, len(ways)), make([][]float64, len(ways))
	for range *rounds {
		for i, way := range ways {
			before := processor(b)
			took[i] = append(took[i], way().Seconds())
			used[i] = append(used[i], (processor(b) - before).Seconds())
		}
	}
	each := func(all []float64) float64 {
		slices.Sort(all)
		return all[len(all)/2] / float64(*perRound)
	}
	for i := range ways {
		b.ReportMetric(1/each(took[i]), names[i]+"/s")
		b.ReportMetric(1000*each(used[i]), names[i]+"-cpu-ms")
		if i > 0 {
			b.ReportMetric(each(took[0])/each(took[i]), names[i]+"-of-"+names[0])
		}
	}
}

// processor is the processor time that this process has used, the embedded queue's
// server included.
func processor(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkThroughAQueue compares whole items done without a queue with the makers
// alone, with whole items through the embedded NATS and, where SKYNET_MOTO names moto's server, through SQS.
func BenchmarkThroughAQueue(b *testing.B) {
	const distinct = 4
	s := newShop(b, 4000, 3000, distinct)
	local := s.nats()
	names := []string{"direct", "makers", "nats"}
	ways := []func() time.Duration{
		func() time.Duration { return s.direct(*perRound, distinct) },
		func() time.Duration { return s.alone(*perRound, distinct) },
		func() time.Duration { return s.through(local, s.stores, *perRound, distinct) },
	}
	if os.Getenv("SKYNET_MOTO") != "" {
		remote := s.sqs(moto.Start(b))
		names = append(names, "sqs")
		ways = append(ways, func() time.Duration { return s.through(remote, s.stores, *perRound, distinct) })
	}
	s.alone(4, distinct) // warm
	for b.Loop() {
		compare(b, names, ways...)
	}
}

// far is a store that is some way off.
type far struct{ worker.Stores }

func (f far) Fetch(ctx context.Context, u, file string) (int64, error) {
	time.Sleep(distant)
	return f.Stores.Fetch(ctx, u, file)
}

func (f far) Put(ctx context.Context, u, name, file string) (string, int64, error) {
	time.Sleep(distant)
	return f.Stores.Put(ctx, u, name, file)
}

// BenchmarkAheadOfASlowStore shows what fetching ahead gains where each object is
// 50 ms away, as those of S3 are.
func BenchmarkAheadOfASlowStore(b *testing.B) {
	const distinct = 4
	s := newShop(b, 2000, 1500, distinct)
	q := s.nats()
	for b.Loop() {
		compare(b, []string{"makers", "one-after-the-other", "ahead"},
			func() time.Duration { return s.alone(*perRound, distinct) },
			func() time.Duration {
				return s.through(q, far{s.stores}, *perRound, distinct, worker.WithAhead(0))
			},
			func() time.Duration { return s.through(q, far{s.stores}, *perRound, distinct) },
		)
	}
}

// BenchmarkManySmallItems sends 10,000 items through one worker and reports what grew
// between the first fifth and the last.
func BenchmarkManySmallItems(b *testing.B) {
	const distinct = 16
	s := newShop(b, 64, 48, distinct)
	q := s.nats()
	for b.Loop() {
		s.through(q, s.stores, *many/5, distinct)
		memory, files := resident(b), open(b)
		took := s.through(q, s.stores, *many*4/5, distinct)
		b.ReportMetric(float64(*many*4/5)/took.Seconds(), "items/s")
		b.ReportMetric(memory, "MB")
		b.ReportMetric(resident(b)-memory, "MB-grown")
		b.ReportMetric(float64(open(b)-files), "files-grown")
	}
}

// resident is the memory of this process, the queue's server included, in MB.
func resident(tb testing.TB) float64 {
	runtime.GC()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		tb.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		tb.Fatal(err)
	}
	return kb / 1024
}

func open(tb testing.TB) int {
	found, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		tb.Fatal(err)
	}
	return len(found)
}
