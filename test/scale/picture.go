package main

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// The size of the picture, in the units of its text.
const (
	across = 480.0
	tall   = 470.0
	left   = 60.0
	right  = across - 20
	pitch  = 15.0 // of lines of text
)

// looks are the colours of the day and of the night.
const looks = `<style>
text{font:13px system-ui,sans-serif;fill:#24292f}
.back{fill:#fff}.grid{stroke:#d0d7de;stroke-width:1}.axis{fill:#57606a}.aim{stroke:#cf222e;stroke-width:1.2;stroke-dasharray:4 3}.aimed{fill:#cf222e}
.list{fill:#0550ae}.read{fill:#8fbdf3}.think{fill:#bf8700}.journal{fill:#8250df}.deeds{fill:#1a7f37}
.memory{fill:none;stroke:#24292f;stroke-width:1.8}.dot{fill:#24292f}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}.back{fill:#0d1117}.grid{stroke:#30363d}.axis{fill:#9198a1}.aim{stroke:#ff7b72}.aimed{fill:#ff7b72}
.list{fill:#388bfd}.read{fill:#1f5a9c}.think{fill:#d29922}.journal{fill:#a371f7}.deeds{fill:#3fb950}
.memory{stroke:#e6edf3}.dot{fill:#e6edf3}
}</style>`

// picture is one in the making.
type picture struct{ strings.Builder }

func (p *picture) put(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *picture) text(x, y float64, anchor, class, said string) {
	p.put(`<text x="%.1f" y="%.1f" text-anchor="%s" class="%s">%s</text>`, x, y, anchor, class, said)
}

// layer is a part of a tick, as it is drawn.
type layer struct {
	class, said string
	of          func(parts) time.Duration
}

var layers = []layer{
	{"list", "list of instances", func(p parts) time.Duration { return p.List }},
	{"read", "other reading", func(p parts) time.Duration { return p.Read }},
	{"think", "decide", func(p parts) time.Duration { return p.Derive + p.Decide }},
	{"journal", "journal", func(p parts) time.Duration { return p.Journal }},
	{"deeds", "deeds", func(p parts) time.Duration { return p.Deeds }},
}

// draw draws what a tick takes by the size of the fleet, split by its parts, and the
// memory below.
func draw(list []figures) []byte {
	p := &picture{}
	x := 24.0
	p.text(x, 20, "start", "", fmt.Sprintf("Time of a tick by workers, %d queues", list[0].queues))

	for _, l := range layers {
		p.put(`<rect class="%s" x="%.1f" y="30" width="10" height="10"/>`, l.class, x)
		p.text(x+14, 39.5, "start", "axis", l.said)
		x += 25 + 6.1*float64(len(l.said))
	}
	bars(p, list, 56, 280)
	p.text(left, 322, "start", "", "Resident memory of the controller at its highest")
	memory(p, list, 338, 440)
	said := "How long a tick takes with 10 to 10,000 workers, by its parts, and how much memory the controller uses"
	return fmt.Appendf(nil, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"720\" role=\"img\" aria-label=\"%s\">\n<title>%s</title>\n%s\n<rect class=\"back\" width=\"100%%\" height=\"100%%\"/>\n%s</svg>\n",
		across, tall, said, said, looks, p.String())
}

// place is where a size stands.
func place(i, n int) float64 { return left + (right-left)*(float64(i)+0.5)/float64(n) }

func grid(p *picture, top, bottom, most, step float64, said func(float64) string) {
	for v := 0.0; v <= most*1.001; v += step {
		y := bottom - (bottom-top)*v/most
		p.put(`<line class="grid" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, left, right, y, y)
		p.text(left-6, y+4, "end", "axis", said(v))
	}
}

// bars are ticks, the aim of two seconds above them.
func bars(p *picture, list []figures, top, bottom float64) {
	const aim = 2.0
	grid(p, top, bottom, aim, 0.5, func(v float64) string { return fmt.Sprintf("%g s", v) })
	p.put(`<line class="aim" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, left, right, top, top)
	p.text(left+4, top+14, "start", "aimed", "aim at 10,000 workers")
	scale := (bottom - top) / aim
	width := (right - left) / float64(len(list)) * 0.6
	for i, f := range list {
		split, y := f.split(), bottom
		for _, l := range layers {
			h := l.of(split).Seconds() * scale
			y -= h
			p.put(`<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, l.class, place(i, len(list))-width/2, max(y, top), width, min(h, max(0, y+h-top)))
		}
		p.text(place(i, len(list)), max(y, top)-4, "middle", "", short(median(f.ticks, took)))
		p.text(place(i, len(list)), bottom+pitch+2, "middle", "axis", thousands(f.workers))
	}
}

// memory is a line.
func memory(p *picture, list []figures, top, bottom float64) {
	const aim = 300.0
	grid(p, top, bottom, aim, 100, func(v float64) string { return fmt.Sprintf("%.0f MB", v) })
	p.put(`<line class="aim" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, left, right, top, top)
	var path strings.Builder
	for i, f := range list {
		mb := float64(f.used.peak) / (1 << 20)
		x, y := place(i, len(list)), bottom-(bottom-top)*math.Min(mb/aim, 1)
		fmt.Fprintf(&path, "%c%.1f %.1f", "ML"[min(i, 1)], x, y)
		p.put(`<circle class="dot" cx="%.1f" cy="%.1f" r="2.5"/>`, x, y)
		p.text(x, y-7, "middle", "", fmt.Sprintf("%.0f", mb))
		p.text(x, bottom+pitch+2, "middle", "axis", thousands(f.workers))
	}
	p.put(`<path class="memory" d="%s"/>`, path.String())
}

// short is a time as it stands over a bar.
func short(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.0f ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}
