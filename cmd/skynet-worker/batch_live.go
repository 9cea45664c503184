package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
)

// live is the picture of a batch on a terminal, while it is waited for.
type live struct {
	head    string
	started time.Time
	width   int
	quit    bool // the user asked for the end
	over    bool // nothing is left to be shown here

	done    float64 // share of the items to which nothing more happens
	numbers string  // after the last look
	trouble error   // of the last look
}

// looked is what a look has brought.
type looked struct {
	done    float64
	numbers string
	err     error
}

var (
	bold  = lipgloss.NewStyle().Bold(true)
	faint = lipgloss.NewStyle().Faint(true)
	green = lipgloss.NewStyle().Foreground(lipgloss.Color("2"))
	red   = lipgloss.NewStyle().Foreground(lipgloss.Color("1"))
)

// watchLive follows a batch on a terminal. While the picture is there Ctrl-C is a
// key, no signal.
func watchLive(ctx context.Context, w *os.File, p *pursuit) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l := &live{head: strings.TrimSpace(p.head()), started: time.Now(), width: 80}
	program := tea.NewProgram(l, tea.WithOutput(w), tea.WithoutSignalHandler())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = program.Run() // a terminal that fails costs the picture, not the wait
		if l.quit {
			cancel(errQuit)
		}
	}()
	err := p.follow(ctx, func(err error) {
		m := looked{err: err}
		if err == nil {
			m.done, m.numbers = float64(p.tally.Settled())/float64(max(1, p.tally.Items)), p.numbers()
		}
		program.Send(m)
	})
	program.Send(over{})
	<-ended
	if errors.Is(context.Cause(ctx), errQuit) {
		return errQuit
	}
	return err
}

var errQuit = errors.New("stopped")

// Init has nothing to ask for: looks are sent to it.
func (l *live) Init() tea.Cmd { return second() }

type (
	clock struct{} // a second has gone by
	over  struct{} // the picture is to end
)

// second has the clock move.
func second() tea.Cmd { return tea.Tick(time.Second, func(time.Time) tea.Msg { return clock{} }) }

// Update takes in what happened.
func (l *live) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch m := msg.(type) {
	case tea.WindowSizeMsg:
		l.width = m.Width
	case tea.KeyPressMsg:
		if k := m.String(); k == "ctrl+c" || k == "q" {
			l.quit, l.over = true, true
			return l, tea.Quit
		}
	case looked:
		if l.trouble = m.err; m.err == nil {
			l.done, l.numbers = m.done, m.numbers
		}
	case over:
		l.over = true // what is printed next says it all
		return l, tea.Quit
	case clock:
		return l, second()
	}
	return l, nil
}

// View draws the picture.
func (l *live) View() tea.View {
	if l.over {
		return tea.NewView("")
	}
	var b strings.Builder
	b.WriteString(bold.Render(cut(l.head, l.width)) + "  " + faint.Render(time.Since(l.started).Round(time.Second).String()+", Ctrl-C leaves it") + "\n\n")
	b.WriteString("  " + gauge(l.done, max(10, min(60, l.width-4))) + "\n\n")
	if l.numbers == "" {
		b.WriteString(faint.Render("  looks …") + "\n")
	}
	for line := range strings.Lines(l.numbers) {
		line = cut(strings.TrimRight(line, "\n"), l.width)
		switch {
		case strings.HasPrefix(line, "  failed"), strings.HasPrefix(line, "  lost"):
			line = red.Render(line)
		case strings.HasPrefix(line, "  done"):
			line = green.Render(line)
		}
		b.WriteString(line + "\n")
	}
	if l.trouble != nil {
		b.WriteString(red.Render(cut("  cannot look: "+oneLine(l.trouble.Error()), l.width)) + "\n")
	}
	return tea.NewView(b.String())
}

// gauge is a bar that is full at 1.
func gauge(share float64, width int) string {
	full := int(share * float64(width))
	return green.Render(strings.Repeat("█", full)) + faint.Render(strings.Repeat("░", width-full))
}

func cut(text string, width int) string {
	r := []rune(text)
	if width < 20 || len(r) <= width {
		return text
	}
	return string(r[:width-1]) + "…"
}
