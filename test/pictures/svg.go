package main

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// The size of a picture, in the units of its text: legible where it is 360 pixels
// wide.
const (
	across = 480.0
	left   = 46.0
	right  = across - 22
	line   = 15.0 // of text
)

// style has the colours of the day and of the night.
const style = `<style>
text{font:13px system-ui,sans-serif;fill:#24292f}
.back{fill:#fff}.grid{stroke:#d0d7de;stroke-width:1}.axis{fill:#57606a}
.p99{fill:#cfe3fb}.p90{fill:#8fbdf3}.p50{fill:none;stroke:#0550ae;stroke-width:2.2;stroke-linejoin:round}
.came{fill:none;stroke:#24292f;stroke-width:1.6;stroke-linejoin:round}.later{stroke-dasharray:2 3}
.dot{fill:#24292f}.over{fill:#cf222e}.now{stroke:#24292f;stroke-width:1.2;stroke-dasharray:4 3}
.a{fill:#0550ae}.b{fill:#8fbdf3}.c{fill:#bf8700}.d{fill:#e8c36b}.e{fill:#8250df}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}.back{fill:#0d1117}.grid{stroke:#30363d}.axis{fill:#9198a1}
.p99{fill:#1a3f6b}.p90{fill:#1f5a9c}.p50{stroke:#79c0ff}.came{stroke:#e6edf3}.dot{fill:#e6edf3}.over{fill:#ff7b72}.now{stroke:#e6edf3}
.a{fill:#388bfd}.b{fill:#1f5a9c}.c{fill:#d29922}.d{fill:#7a5b16}.e{fill:#a371f7}
}</style>`

// canvas is a picture in the making.
type canvas struct {
	b      strings.Builder
	height float64
}

func (c *canvas) put(format string, args ...any) { fmt.Fprintf(&c.b, format+"\n", args...) }

func (c *canvas) text(x, y float64, anchor, class, said string) {
	c.put(`<text x="%.1f" y="%.1f" text-anchor="%s" class="%s">%s</text>`, x, y, anchor, class, said)
}

// svg is the whole picture; title tells those who cannot see it what it shows.
func (c *canvas) svg(title string) []byte {
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="720" role="img" aria-label="%s">
<title>%s</title>
%s
<rect class="back" width="100%%" height="100%%"/>
%s</svg>
`, across, c.height, title, title, style, c.b.String())
}

// plot is a part of a picture with axes.
type plot struct {
	*canvas
	top, bottom float64
	from, to    time.Time
	most        float64 // at the top
}

func (p *plot) x(t time.Time) float64 {
	return left + (right-left)*float64(t.Sub(p.from))/float64(p.to.Sub(p.from))
}

func (p *plot) y(v float64) float64 { return p.bottom - (p.bottom-p.top)*math.Min(v/p.most, 1) }

// axes draws values each step, and hours.
func (p *plot) axes(step float64, said func(v float64) string, hours int, layout string) {
	for v := 0.0; v <= p.most; v += step {
		p.put(`<line class="grid" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, left, right, p.y(v), p.y(v))
		p.text(left-6, p.y(v)+4, "end", "axis", said(v))
	}
	for t := p.from; !t.After(p.to); t = t.Add(time.Duration(hours) * time.Hour) {
		p.text(p.x(t), p.bottom+line+2, "middle", "axis", t.Format(layout))
	}
}

// point is a value at a time.
type point struct {
	at time.Time
	v  float64
}

func (p *plot) path(list []point) string {
	var b strings.Builder
	for i, pt := range list {
		fmt.Fprintf(&b, "%c%.1f %.1f", "ML"[min(i, 1)], p.x(pt.at), p.y(pt.v))
	}
	return b.String()
}

func (p *plot) curve(class string, list []point) {
	p.put(`<path class="%s" d="%s"/>`, class, p.path(list))
}

// area fills what lies between two curves.
func (p *plot) area(class string, low, high []point) {
	d := p.path(high)
	for i := len(low) - 1; i >= 0; i-- {
		d += fmt.Sprintf("L%.1f %.1f", p.x(low[i].at), p.y(low[i].v))
	}
	p.put(`<path class="%s" d="%sZ"/>`, class, d)
}

func (p *plot) mark(at time.Time, said string) {
	p.put(`<line class="now" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, p.x(at), p.x(at), p.top, p.bottom)
	p.text(p.x(at), p.top-5, "middle", "axis", said)
}

func whole(v float64) string { return fmt.Sprintf("%.0f", v) }
