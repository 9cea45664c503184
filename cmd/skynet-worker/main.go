// Command skynet-worker is the agent on each instance: it receives items,
// works on them, and says how it is doing.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"skynet/cmd/internal/manual"
	"skynet/cmd/internal/wire"
)

// Exit statuses, the same for every command: after a 2 it did not get to its work.
const (
	exitFinding = 1 // it ran and found something (failed items), was stopped, or failed on its way
	exitUsage   = 2 // bad usage, unreadable input, or what it needs is missing
)

// finding is an error of a command that did run, rather than one that could not.
type finding struct{ error }

func (f finding) Unwrap() error { return f.error }

func main() {
	if err := root().ExecuteContext(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "skynet-worker:", err)
		os.Exit(status(err))
	}
}

func status(err error) int {
	if errors.As(err, new(finding)) {
		return exitFinding
	}
	return exitUsage
}

func root() *cobra.Command {
	c := &cobra.Command{
		Use:   "skynet-worker",
		Short: "The agent on each instance: receives items and works on them",
		Example: "  skynet-worker run --config worker.yaml\n" +
			"  skynet-worker submit --config worker.yaml --batch gallery /srv/media/gallery\n" +
			"  skynet-worker batch --config worker.yaml gallery --wait",
		Version:       wire.Version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c.AddCommand(runCommand(), submitCommand(), batchCommand(), bundleCommand(), manual.Command())
	return c
}

// stops returns a channel that is closed at the first signal to stop, and one
// closed at the second.
func stops() (first, second <-chan struct{}) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	a, b := make(chan struct{}), make(chan struct{})
	go func() {
		<-signals
		close(a)
		<-signals
		close(b)
	}()
	return a, b
}
