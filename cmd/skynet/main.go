// Command skynet is the controller and the operator's tools. Everything is
// wired together here, and nowhere else.
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

// Exit statuses, the same for every command. What divides 1 from 2 is whether it
// got to its work: after a 2 nothing has been done, and the same call will fail
// again until its arguments, its files or the machine are put right.
const (
	exitFinding = 1 // it ran and found something (mistakes in a file, failed items), was stopped, or failed on its way
	exitUsage   = 2 // bad usage, unreadable input, or what it needs is missing or in use: it did not run
)

// finding is an error of a command that did run, rather than one that could not.
type finding struct{ error }

func (f finding) Unwrap() error { return f.error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // a second signal ends the process at once
	}()
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "skynet:", err)
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
		Use:   "skynet",
		Short: "An autoscaling controller for queues of work and the instances that do it",
		Long: `SkyNet looks about once a minute at queues of work and at the instances that do
it, and launches, wakes, drains, puts to sleep and lets go of instances. Each
decision and its reasons are kept in a journal.`,
		Example:       "  skynet demo                       see it at work on this machine\n  skynet run --config skynet.yaml   run it for good",
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       wire.Version(),
	}
	c.AddCommand(runCommand(), demoCommand(), checkCommand(), explainCommand(), signalsCommand(), forecastCommand(), decideCommand(),
		simulateCommand(), importCommand(), testCommand(), schemaCommand(), pauseCommand(), resumeCommand(), notifyCommand(),
		statusCommand(), wantCommand(), drainCommand(), forgetCommand(), deadCommand(), manual.Command())
	return c
}
