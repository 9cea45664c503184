package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"skynet/config/strict"
	"skynet/journal"
	"skynet/journal/sqlite"
	"skynet/simulate/recording"
	"skynet/simulate/scenario"
)

func importCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "import",
		Short: "Make a recording of what was measured elsewhere",
		Long: `Make a recording of what was measured elsewhere, so that "skynet simulate" can say
what this controller would have made of it.`,
	}
	c.AddCommand(importCSVCommand(), importCloudWatchCommand())
	return verbs(c)
}

func importCSVCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "csv --arrivals FILE.csv [--seconds 4s] --to FILE.db",
		Short: "Make a recording of CSV files",
		Long: `Make a recording of CSV files: a journal as the daemon writes it, for
"skynet simulate --recording".

A file of arrivals has lines of timestamp,value: so many items came from that time
to the next line. A file of jobs has lines of timestamp,duration_seconds: each is
one item. Times are RFC 3339 (2026-03-01T17:00:00Z), in order; a header is optional,
and files may be gzipped. What arrived between lines further apart than usual is not
known; if none did, write lines of 0. A queue is called as its file, photos for photos.csv,
unless --queue or NAME= before the file's name says otherwise. For several queues
give the flags several times.`,
		Example: `  skynet import csv --arrivals config/examples/week.csv --seconds 20s --slots 4 --price 0.17 --to week.db
  skynet simulate --recording week.db --policy config/examples/plain.policy.yaml --against target-tracking,keda
  skynet import csv --arrivals photos=a.csv --seconds photos=4s --jobs videos=b.csv.gz --to both.db`,
		Args: cobra.NoArgs,
		RunE: importCSV,
	}
	f := c.Flags()
	f.StringArray("arrivals", nil, "[QUEUE=]FILE of timestamp,value")
	f.StringArray("jobs", nil, "[QUEUE=]FILE of timestamp,duration_seconds")
	f.StringArray("seconds", nil, "[QUEUE=]how long an item of a file of arrivals takes: 4s, 500ms")
	f.String("queue", "", "the queue's name, for a single file")
	f.String("workers", "", "FILE of timestamp,value: how many instances there were")
	f.String("fleet", "fleet", "the fleet's name")
	f.Int("slots", 0, "items that one instance works on at once (1 is assumed)")
	f.Float64("price", 0, "what an instance costs an hour, so that cost is known")
	f.String("interval", "1m", "from tick to tick of the recording")
	f.String("since", "", "import only the last part of the files: 28d")
	f.String("to", "", "recording to be made")
	return c
}

func importCSV(c *cobra.Command, _ []string) error {
	to, _ := c.Flags().GetString("to")
	if to == "" {
		return errors.New("--to is missing: name the recording to be made, such as recording.db")
	}
	if err := creatable("--to", to); err != nil {
		return err
	}
	im, err := importOf(c)
	if err != nil {
		return err
	}
	if err := im.Check(); err != nil {
		return err
	}
	if err := writeRecording(c, to, im); err != nil {
		return err
	}
	var queues []string
	for _, l := range im.Loads {
		queues = append(queues, l.Queue)
	}
	fmt.Fprintf(c.OutOrStdout(), "%s: %s ticks of fleet %s, %s\n", to, thousands(float64(im.Ticks())), im.Fleet, strings.Join(queues, ", "))
	return nil
}

// importOf reads the flags and the files that they name.
func importOf(c *cobra.Command) (im recording.Import, err error) {
	im.Fleet, _ = c.Flags().GetString("fleet")
	im.Slots, _ = c.Flags().GetInt("slots")
	if !queueName.MatchString(im.Fleet) {
		return im, fmt.Errorf("--fleet %q is not a name; write small letters, digits and _", im.Fleet)
	}
	if c.Flags().Changed("slots") && (im.Slots < 1 || im.Slots > 10_000) {
		return im, fmt.Errorf("--slots %d is out of range; write 1 to 10000", im.Slots)
	}
	if price, _ := c.Flags().GetFloat64("price"); c.Flags().Changed("price") {
		if !(price >= 0) || math.IsInf(price, 0) {
			return im, fmt.Errorf("--price %g is out of range; write what an hour costs, such as 0.17", price)
		}
		im.Price = &price
	}
	text, _ := c.Flags().GetString("interval")
	d, err := strict.ParseDuration(text)
	if err != nil {
		return im, fmt.Errorf("--interval %q: %w", text, err)
	}
	im.Interval = d.Std()
	if im.Loads, err = loadsOf(c); err != nil {
		return im, err
	}
	if path, _ := c.Flags().GetString("workers"); path != "" {
		if im.Workers, err = scenario.ReadSeries(path); err != nil {
			return im, err
		}
	}
	return im, lastPart(c, &im)
}

// lastPart leaves out what is older than --since.
func lastPart(c *cobra.Command, im *recording.Import) error {
	since, _ := c.Flags().GetString("since")
	if since == "" {
		return nil
	}
	d, err := strict.ParseDuration(since)
	if err != nil || d <= 0 {
		return fmt.Errorf("--since %q is not a length of time; write 28d: so much of the end of the files", since)
	}
	var end time.Time
	for _, l := range im.Loads {
		if e := l.Ended(); e.After(end) {
			end = e
		}
	}
	im.From = end.Add(-d.Std())
	return nil
}

var queueName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// loadsOf reads the files of arrivals and of jobs.
func loadsOf(c *cobra.Command) (list []recording.Load, err error) {
	arrivals, _ := c.Flags().GetStringArray("arrivals")
	jobs, _ := c.Flags().GetStringArray("jobs")
	queue, _ := c.Flags().GetString("queue")
	if len(arrivals)+len(jobs) == 0 {
		return nil, errors.New("--arrivals or --jobs is missing: name the CSV file to import")
	}
	if queue != "" && len(arrivals)+len(jobs) > 1 {
		return nil, errors.New("--queue names the queue of a single file: write --arrivals photos=a.csv --arrivals videos=b.csv")
	}
	var errs []error
	for i, text := range append(arrivals[:len(arrivals):len(arrivals)], jobs...) {
		l, path, err := loadNamed(text, queue)
		if err == nil && i < len(arrivals) {
			l.Series, err = scenario.ReadSeries(path)
		} else if err == nil {
			l.Trace, err = scenario.ReadTrace(path)
		}
		for _, other := range list {
			if err == nil && other.Queue == l.Queue {
				err = fmt.Errorf("queue %s has two files, %s and %s: give one of them another name with NAME=FILE", l.Queue, other.From, l.From)
			}
		}
		errs, list = append(errs, err), append(list, l)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return list, secondsOf(c, list, len(arrivals))
}

// loadNamed reads [QUEUE=]FILE.
func loadNamed(text, queue string) (l recording.Load, path string, err error) {
	path = text
	if name, rest, ok := strings.Cut(text, "="); ok && queueName.MatchString(name) {
		queue, path = name, rest
	}
	if queue == "" {
		queue, _, _ = strings.Cut(filepath.Base(path), ".")
	}
	if !queueName.MatchString(queue) {
		return l, path, fmt.Errorf("%q is not a queue's name: write small letters, digits and _, as in --queue photos or photos=%s", queue, path)
	}
	return recording.Load{Queue: queue, From: filepath.Base(path)}, path, nil
}

// secondsOf says how long items of the first n loads take: jobs say it themselves.
func secondsOf(c *cobra.Command, list []recording.Load, n int) error {
	seconds, _ := c.Flags().GetStringArray("seconds")
	for _, text := range seconds {
		name, value, named := strings.Cut(text, "=")
		if !named {
			value = name
		}
		took, err := lengthOf(value)
		if err != nil {
			return fmt.Errorf("--seconds %s: %w", text, err)
		}
		found := false
		for i := range list[:n] {
			if !named || list[i].Queue == name {
				list[i].Takes, found = took, true
			}
		}
		if !found {
			return fmt.Errorf("--seconds %s: there are no arrivals of that queue; jobs say how long each takes", text)
		}
	}
	return nil
}

// lengthOf reads 4s, and 4, since the flag says seconds.
func lengthOf(text string) (time.Duration, error) {
	d, err := strict.ParseDuration(text)
	if s, bare := strconv.ParseFloat(text, 64); bare == nil && s > 0 && s < 1e9 {
		d, err = strict.Duration(s*float64(time.Second)), nil
	}
	if err != nil || d.Std() < time.Millisecond || d.Std() > 30*24*time.Hour {
		return 0, errors.New("is not how long an item takes; write 4s or 500ms, at most 30d")
	}
	return d.Std(), nil
}

// writeRecording makes the file, or leaves nothing behind.
func writeRecording(c *cobra.Command, path string, im recording.Import) (err error) {
	j, err := sqlite.Open(path, sqlite.Options{Reserve: -1})
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	defer func() {
		err = errors.Join(err, j.Close())
		_ = os.Remove(path + ".lock") // nobody writes it any more
		if err == nil {
			return
		}
		removeJournal(path)
		err = finding{fmt.Errorf("%w; %s was not made", err, path)}
	}()
	said := progressOf(c.ErrOrStderr())
	const batch = 2000
	list, done, all := make([]journal.Record, 0, batch), 0, im.Ticks()
	flush := func() error {
		err := j.WriteAll(c.Context(), list)
		done, list = done+len(list), list[:0]
		said("%s: %.0f%%", path, 100*float64(done)/float64(all))
		return err
	}
	defer said("")
	for r := range im.Records() {
		if list = append(list, r); len(list) < batch {
			continue
		}
		if err := flush(); err != nil {
			return stopped(c, err)
		}
	}
	return stopped(c, flush())
}

// stopped says so instead of what it looked like inside.
func stopped(c *cobra.Command, err error) error {
	if err != nil && c.Context().Err() != nil {
		return errors.New("stopped")
	}
	return err
}

// progressOf writes over one line of a terminal, and nothing elsewhere.
func progressOf(to io.Writer) func(format string, args ...any) {
	f, ok := to.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func(string, ...any) {}
	}
	return func(format string, args ...any) { fmt.Fprintf(f, "\r\x1b[K"+format, args...) }
}
