package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"skynet/controller"
	"skynet/fleet"
	"skynet/policy"
	"skynet/queue"
	"skynet/signals"
)

// screen is the live picture of a demo.
type screen struct {
	demo    *demo
	started time.Time
	gauge   queue.Gauge
	sent    func() int // items sent so far

	quit    bool // the user has asked for the end; read it when the program has ended
	width   int
	seen    depthMsg // the last look that had an answer
	known   bool     // there was one
	deaf    bool     // the last look had none
	waits   []int    // waiting items, one a look, for the little chart
	report  controller.Report
	acted   policy.Decision // the last decision that did something
	actedAt time.Duration
}

const look = 500 * time.Millisecond

func newScreen(d *demo, g queue.Gauge, sent func() int) *screen {
	return &screen{demo: d, started: time.Now(), gauge: g, sent: sent, width: 100}
}

// depthMsg is one look at the queue.
type depthMsg struct {
	depth queue.Depth
	sent  int // before the look: what is sent since is not yet done
	err   error
}

// Init looks at the queue for the first time.
func (s *screen) Init() tea.Cmd { return s.measure() }

// measure looks at the queue: more often than ticks do, so that the picture
// moves.
func (s *screen) measure() tea.Cmd {
	return tea.Tick(look, func(time.Time) tea.Msg {
		ctx, cancel := context.WithTimeout(context.Background(), look)
		defer cancel()
		sent := s.sent()
		d, err := s.gauge.Depth(ctx)
		return depthMsg{d, sent, err}
	})
}

// Update takes in what happened.
func (s *screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch m := msg.(type) {
	case tea.WindowSizeMsg:
		s.width = m.Width
	case tea.KeyPressMsg:
		if k := m.String(); k == "ctrl+c" || k == "q" {
			s.quit = true
			return s, tea.Quit
		}
	case depthMsg:
		if s.deaf = m.err != nil; !s.deaf {
			s.seen, s.known = m, true
			s.waits = append(s.waits, m.depth.Visible)
		}
		return s, s.measure()
	case controller.Report:
		s.report = m
		if m.Err == nil && !m.Decision.Idle() {
			s.acted, s.actedAt = m.Decision, time.Since(s.started)
		}
	}
	return s, nil
}

var (
	bold  = lipgloss.NewStyle().Bold(true)
	faint = lipgloss.NewStyle().Faint(true)
	tints = map[fleet.State]lipgloss.Style{
		fleet.Starting: lipgloss.NewStyle().Foreground(lipgloss.Color("3")),
		fleet.Working:  lipgloss.NewStyle().Foreground(lipgloss.Color("2")),
		fleet.Draining: lipgloss.NewStyle().Foreground(lipgloss.Color("5")),
		fleet.Drained:  lipgloss.NewStyle().Foreground(lipgloss.Color("4")),
	}
)

// View draws the picture.
func (s *screen) View() tea.View {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n\n", bold.Render("SkyNet demo"), faint.Render(fmt.Sprintf("%s, a tick every %s, Ctrl-C stops it", time.Since(s.started).Round(time.Second), s.demo.interval)))
	fmt.Fprintf(&b, "%s%s\n", label("queue"), s.queueLine())
	fmt.Fprintf(&b, "%s%s\n\n", label(""), chart(s.waits, max(10, s.width-14)))
	fmt.Fprintf(&b, "%s%s\n", label("fleet"), fleetLine(s.report.Snapshot))
	for _, w := range s.report.Snapshot.Workers {
		if w.State != fleet.Leaving {
			fmt.Fprintf(&b, "%s%s\n", label(""), workerLine(w))
		}
	}
	b.WriteString("\n" + s.decision())
	return tea.NewView(b.String())
}

// label heads a line; what it labels stands in one column.
func label(name string) string { return bold.Render(fmt.Sprintf("%-10s", name)) }

// queueLine is what is known of the queue: no answer is not an empty queue.
func (s *screen) queueLine() string {
	line := fmt.Sprintf("%d sent", s.sent())
	if d := s.seen.depth; s.known {
		line = fmt.Sprintf("%d waiting, %d in flight, %d of %d done", d.Visible, d.InFlight, max(0, s.seen.sent-left(d)-d.Dead), s.seen.sent)
		if d.Dead > 0 {
			line += fmt.Sprintf(", %d failed", d.Dead)
		}
	}
	if s.deaf {
		line += "; the queue does not answer"
	}
	return line
}

// decision is the last one that did something, and why the present one holds.
func (s *screen) decision() string {
	var b strings.Builder
	if s.report.Err != nil {
		return label("trouble") + s.report.Err.Error() + "\n"
	}
	if s.acted.ID != "" {
		fmt.Fprintf(&b, "%s%s: have %d, want %d %s\n", label("decided"), s.acted.Action(), s.acted.Have, s.acted.Want,
			faint.Render(fmt.Sprintf("(%s after the start)", s.actedAt.Round(time.Second))))
		for _, r := range s.acted.Reasons {
			fmt.Fprintf(&b, "%s%s %s\n", label(""), faint.Render(fmt.Sprintf("%-8s", r.By)), cut(r.Said, s.width-20))
		}
	}
	if d := s.report.Decision; d.ID != "" && d.Idle() {
		fmt.Fprintf(&b, "%shold: have %d, want %d: %s\n", label("now"), d.Have, d.Want, cut(lastWord(d), s.width-36))
	}
	return b.String()
}

func cut(text string, width int) string {
	r := []rune(text)
	if width < 20 || len(r) <= width {
		return text
	}
	return string(r[:width-1]) + "…"
}

// lastWord is the reason that settled a decision.
func lastWord(d policy.Decision) string {
	if len(d.Reasons) == 0 {
		return "nothing was said"
	}
	r := d.Reasons[len(d.Reasons)-1]
	return r.By + ": " + r.Said
}

// number is a signal as it is shown; what is unknown is no zero.
func number(s signals.Snapshot, name string) string {
	v, err := s.Value(name)
	if err != nil {
		return "?"
	}
	return fmt.Sprintf("%g", v)
}

func fleetLine(s signals.Snapshot) string {
	return fmt.Sprintf("%s starting, %s working, %s draining, %s asleep",
		number(s, "fleet.pending"), number(s, "fleet.running"), number(s, "fleet.draining"), number(s, "fleet.asleep"))
}

func workerLine(w fleet.Worker) string {
	line := fmt.Sprintf("%s  %-9s", w.ID, w.State)
	if w.State == fleet.Working || w.State == fleet.Draining {
		line += fmt.Sprintf(" %s%s", strings.Repeat("■", w.Jobs), strings.Repeat("□", max(0, w.Slots-w.Jobs)))
	}
	if w.Silent {
		line += " silent"
	}
	if tint, ok := tints[w.State]; ok {
		return tint.Render(line)
	}
	return line
}

// chart draws numbers as a row of bars, the latest at the right.
func chart(values []int, width int) string {
	values = values[max(0, len(values)-width):]
	most := 1
	for _, v := range values {
		most = max(most, v)
	}
	bars := []rune(" ▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, v := range values {
		b.WriteRune(bars[(v*(len(bars)-1)+most-1)/most])
	}
	return b.String()
}
