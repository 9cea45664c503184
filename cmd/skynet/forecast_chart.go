package main

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// How bands are drawn: a bar up to p50, then what may come on top.
const (
	barFull = '█'
	barTo90 = '▒'
	barTo99 = '░'
	barOff  = '›' // p99 lies beyond the page
)

// parts of a character that a bar may end with.
var eighths = []rune(" ▏▎▍▌▋▊▉")

// chart draws what is to come, a row for each step.
func (p page) chart(f foreseen, q queueAhead) {
	p.line("")
	if len(q.Coming) == 0 {
		p.line("Nothing can be drawn: --step is longer than --hours.")
		return
	}
	p.text("items expected per %s: %c p50, %c to p90, %c to p99", stepSaid(f.StepMinutes), barFull, barTo90, barTo99)
	p.line("")
	var numbers [3]int
	for _, b := range q.Coming {
		for i, v := range []float64{b.P50, b.P90, b.P99} {
			numbers[i] = max(numbers[i], utf8.RuneCountInString(amount(v)), len("p50"))
		}
	}
	const label = len("Mon 15:04  ")
	room := p.width - label - numbers[0] - numbers[1] - numbers[2] - 6
	scale := scaleOf(q.Coming)
	p.line("%*s  %*s  %*s  %*s", label+room-2, "", numbers[0]+2, "p50", numbers[1], "p90", numbers[2], "p99")
	for _, b := range q.Coming {
		p.line("%-*s%s  %*s  %*s  %*s", label, b.From.Format("Mon 15:04"), bar(b, scale, room),
			numbers[0], amount(b.P50), numbers[1], amount(b.P90), numbers[2], amount(b.P99))
	}
}

func stepSaid(minutes int) string {
	switch {
	case minutes == 60:
		return "hour"
	case minutes%60 == 0:
		return fmt.Sprintf("%d hours", minutes/60)
	}
	return fmt.Sprintf("%d minutes", minutes)
}

// scaleOf is how many items the width of the chart stands for: the highest p99, unless
// that would leave nothing to be seen of what is likely.
func scaleOf(list []band) float64 {
	most, likely := 0.0, 0.0
	for _, b := range list {
		most, likely = max(most, b.P99), max(likely, b.P90)
	}
	return max(min(most, 2*likely), 1e-9)
}

// bar draws one band, as wide as room.
func bar(b band, scale float64, room int) string {
	at := func(v float64) float64 { return min(v/scale, 1) * float64(room) }
	whole, part := math.Modf(at(b.P50))
	var out strings.Builder
	out.WriteString(strings.Repeat(string(barFull), int(whole)))
	n := int(whole)
	if e := int(part * 8); e > 0 && n < room {
		out.WriteRune(eighths[e])
		n++
	}
	for _, part := range []struct {
		mark rune
		to   float64
	}{{barTo90, b.P90}, {barTo99, b.P99}} {
		for ; n < int(math.Round(at(part.to))); n++ {
			out.WriteRune(part.mark)
		}
	}
	if b.P99 > scale*1.001 && n > 0 {
		text := []rune(out.String())
		text[len(text)-1] = barOff
		return string(text)
	}
	return out.String() + strings.Repeat(" ", room-n)
}
