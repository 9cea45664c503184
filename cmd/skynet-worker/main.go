// Command skynet-worker is the agent on each instance: it receives items,
// works on them, and says how it is doing.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"skynet/cmd/internal/manual"
	"skynet/cmd/internal/wire"
)

func main() {
	if err := root().ExecuteContext(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "skynet-worker:", err)
		os.Exit(2)
	}
}

func root() *cobra.Command {
	c := &cobra.Command{
		Use:   "skynet-worker",
		Short: "The agent on each instance: receives items and works on them",
		Example: "  skynet-worker run --config worker.yaml\n" +
			"  skynet-worker submit --config worker.yaml --input file:///srv/media/a.jpg --output file:///srv/results/a",
		Version:       wire.Version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c.AddCommand(runCommand(), submitCommand(), manual.Command())
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
