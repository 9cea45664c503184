// Command scale measures what a tick costs as the fleet grows: the real `skynet run`,
// on an account with up to 10,000 workers and 100 queues that this program plays over
// HTTP, with EC2's documented throttles.
//
//	go run ./test/scale -out docs/pictures
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"skynet/test/programs"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := all(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

// waveInterval is from tick to tick where a wave of interruptions is measured.
const waveInterval = 15 * time.Second

func all(ctx context.Context) error {
	sizes := flag.String("workers", "10,30,100,300,1000,3000,10000", "sizes of the fleet")
	queues := flag.Int("queues", 100, "queues")
	ticks := flag.Int("ticks", 12, "ticks that are measured of each size")
	interval := flag.Duration("interval", 5*time.Second, "from tick to tick")
	ec2 := flag.Duration("ec2", 0, "how long a call of EC2's takes at least")
	sqs := flag.Duration("sqs", 0, "how long a request of SQS's takes at least")
	notices := flag.Int("notices", 0, "Spot interruptions to be told of within a minute, at the largest size")
	letters := flag.Bool("heartbeats", true, "measure how fast heartbeats are read")
	program := flag.String("program", "", "path of skynet; it is built if this is empty")
	out := flag.String("out", "", "folder for tick-cost.svg; it is not drawn if this is empty")
	flag.Parse()
	made, remove, err := programAt(ctx, *program)
	if err != nil {
		return err
	}
	defer remove()
	*program = made
	if *letters {
		if err := readHeartbeats(ctx, os.Stdout); err != nil {
			return err
		}
	}
	var list []figures
	for i, text := range strings.Split(*sizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("-workers: %w", err)
		}
		p := plan{workers: n, queues: *queues, ticks: *ticks, warm: 6, interval: *interval, latency: latency{*ec2, *sqs}}
		if i == strings.Count(*sizes, ",") {
			p.notices, p.wave = *notices, time.Minute
			p.interval = max(p.interval, waveInterval) // twice as many instances are listed after it
		}
		f, err := measure(ctx, *program, p)
		if i == 0 {
			fmt.Print(head)
		}
		fmt.Print(f.row())
		if err != nil {
			return fmt.Errorf("%d workers: %w", n, err)
		}
		list = append(list, f)
	}
	fmt.Print(list[len(list)-1].more())
	if *out == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(*out, "tick-cost.svg"), draw(list), 0o600)
}

// programAt is the program at a path, or built where there is none.
func programAt(ctx context.Context, path string) (program string, remove func(), err error) {
	if path != "" {
		return path, func() {}, nil
	}
	dir, err := os.MkdirTemp("", "skynet-scale-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(dir) }
	if err := programs.Build(ctx, dir, "skynet"); err != nil {
		remove()
		return "", nil, err
	}
	return filepath.Join(dir, "skynet"), remove, nil
}
