package main

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/spf13/cobra"

	"skynet/worker/batch"
)

// What is shown of failures unless all are asked for.
const (
	someCauses   = 8
	someExamples = 2
)

// show prints a batch.
func (i *inquiry) show(c *cobra.Command, p *pursuit) error {
	return i.print(c, p.document(i.failed), func(w io.Writer) {
		fmt.Fprint(w, p.head(), p.numbers())
		if i.failed {
			p.eachFailure(func(f failure) {
				fmt.Fprintf(w, "  %s (%s)\n      %s\n", f.Input, tries(f), oneLine(f.Reason))
			})
			return
		}
		p.causes(w)
	})
}

func (p *pursuit) head() string {
	r := p.record
	return fmt.Sprintf("batch %s: %s, to queue %s on %s\n", r.Name, amount(r.About), r.Queue, r.Created.Local().Format(time.DateTime))
}

// numbers are the tally's, one a line; what does not occur is left out.
func (p *pursuit) numbers() (text string) {
	t := p.tally
	line := func(show bool, label string, format string, args ...any) {
		if show {
			text += fmt.Sprintf("  %-10s", label) + fmt.Sprintf(format, args...) + "\n"
		}
	}
	done := count(t.Done) + percent(t.Done, t.Items)
	if t.Bytes > 0 {
		done += ", " + size(t.Bytes) + " of outputs"
	}
	if t.Before > 0 {
		done += fmt.Sprintf("; %s were made before and are the same", count(t.Before))
	}
	line(true, "done", "%s", done)
	line(t.Failed > 0, "failed", "%s%s", count(t.Failed), percent(t.Failed, t.Items))
	line(t.Lost > 0, "lost", "%s%s", count(t.Lost), percent(t.Lost, t.Items))
	line(t.Failing > 0, "retrying", "%s, after a try that failed", count(t.Failing))
	line(t.Waiting > 0, "waiting", "%s%s", count(t.Waiting), p.waits())
	line(t.Unsent > 0, "not sent", "%s; skynet-worker submit --batch %s --resume sends them, with the same --config", count(t.Unsent), p.record.Name)
	if t.Waiting+t.Failing == 0 {
		took := t.Last.Sub(p.record.Begun)
		line(t.Settled() > 0 && took > 0, "took", "%s", brief(took))
		return text
	}
	line(t.Rate > 0, "rate", "%s", pace(t.Rate))
	line(t.Rate == 0, "rate", "not known: fewer than two items were done in the last %s", brief(batch.Window))
	line(t.Left > 0, "time left", "%s", brief(t.Left))
	return text
}

// waits says where items wait.
func (p *pursuit) waits() (text string) {
	if p.tally.Earlier > 0 {
		text = fmt.Sprintf("; %s have outputs from before the batch", count(p.tally.Earlier))
	}
	switch {
	case !p.asked:
	case !p.empty.IsZero():
		text += "; the queue seems empty: --wait finds out whether they are lost"
	default:
		text += fmt.Sprintf("; the queue holds %s, %s of them in hand", count(p.depth.Visible+p.depth.InFlight+p.depth.Delayed), count(p.depth.InFlight))
	}
	return text
}

func percent(n, of int) string {
	if of == 0 {
		return ""
	}
	share := math.Floor(1000*float64(n)/float64(of)) / 10 // 100 only of all
	return fmt.Sprintf(" (%g%%)", share)
}

// pace is a rate, by the minute or hour where it is slow.
func pace(perSecond float64) string {
	switch {
	case perSecond >= 1:
		return fmt.Sprintf("%.1f items/s", perSecond)
	case perSecond >= 1.0/60:
		return fmt.Sprintf("%.1f items/min", perSecond*60)
	}
	return fmt.Sprintf("%.1f items/h", perSecond*3600)
}

// causes prints why items failed, the most frequent reason first.
func (p *pursuit) causes(w io.Writer) {
	all := batch.Causes(p.record, p.watch.Results)
	if len(all) == 0 {
		return
	}
	fmt.Fprintln(w, "failures")
	for _, x := range all[:min(someCauses, len(all))] {
		fmt.Fprintf(w, "  %6s x %s\n", count(len(x.Items)), oneLine(x.Reason))
		for _, i := range x.Items[:min(someExamples, len(x.Items))] {
			fmt.Fprintf(w, "           %s\n", p.record.Items[i].Input)
		}
	}
	if more := len(all) - someCauses; more > 0 {
		fmt.Fprintf(w, "  and %s further reasons; --failed names all\n", count(more))
	}
}

// failure is an item that failed, as programs read it.
type failure struct {
	Input  string     `json:"input"`
	Output string     `json:"output"`
	Reason string     `json:"reason"`
	Tries  int        `json:"tries,omitempty"`
	Last   bool       `json:"last"` // no further try follows
	At     *time.Time `json:"at,omitempty"`
	Worker string     `json:"worker,omitempty"`
}

func tries(f failure) string {
	text := "failed"
	if f.Tries > 0 {
		text = fmt.Sprintf("try %d", f.Tries)
	}
	if f.Last {
		return text + ", the last"
	}
	return text + ", another follows"
}

// eachFailure visits the items that failed, in their order.
func (p *pursuit) eachFailure(visit func(failure)) {
	for _, x := range batch.Causes(p.record, p.watch.Results) {
		for _, i := range x.Items {
			r, it := p.watch.Results[i], p.record.Items[i]
			f := failure{Input: it.Input, Output: it.Output, Reason: x.Reason, Last: r.State != batch.Failing}
			if r.State != batch.Lost && r.Failure != nil {
				f.Reason, f.Tries, f.Worker, f.At = r.Failure.Reason, r.Failure.Tries, r.Failure.Worker, &r.Failure.At
			}
			visit(f)
		}
	}
}

// cause is a reason, as programs read it.
type cause struct {
	Reason   string   `json:"reason"`
	Items    int      `json:"items"`
	Examples []string `json:"examples"`
}

// document is the batch for programs. What is not known is null.
func (p *pursuit) document(all bool) map[string]any {
	t := p.tally
	doc := map[string]any{
		"batch": p.record.Name, "created": p.record.Created, "queue": p.record.Queue, "recipe": p.record.Recipe,
		"items": t.Items, "done": t.Done, "failed": t.Failed, "lost": t.Lost, "retrying": t.Failing, "waiting": t.Waiting,
		"unsent": t.Unsent, "made_before": t.Before, "outputs_from_before": t.Earlier,
		"bytes_in": p.record.Bytes, "bytes_out": t.Bytes, "rate": nil, "left_seconds": nil, "queue_holds": nil,
		"over": t.Waiting+t.Failing+t.Unsent == 0,
	}
	if p.record.Unsized > 0 {
		doc["bytes_in"] = nil
	}
	if t.Rate > 0 {
		doc["rate"] = t.Rate
	}
	if t.Left > 0 {
		doc["left_seconds"] = t.Left.Seconds()
	}
	if p.resent > 0 {
		doc["resent"] = p.resent
	}
	if p.asked {
		doc["queue_holds"] = p.depth.Visible + p.depth.InFlight + p.depth.Delayed
	}
	causes := []cause{}
	for _, x := range batch.Causes(p.record, p.watch.Results) {
		c := cause{x.Reason, len(x.Items), []string{}}
		for _, i := range x.Items[:min(someExamples, len(x.Items))] {
			c.Examples = append(c.Examples, p.record.Items[i].Input)
		}
		causes = append(causes, c)
	}
	doc["failures"] = causes
	if all {
		list := []failure{}
		p.eachFailure(func(f failure) { list = append(list, f) })
		doc["failed_items"] = list
	}
	return doc
}
