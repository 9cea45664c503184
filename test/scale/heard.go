package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"skynet/fleet"
	"skynet/queue"
	"skynet/queue/nats"
	"skynet/queue/sqs"
	"skynet/signals/heartbeats"
	"skynet/test/sqswire"
)

const (
	talkers = 10_000 // workers that say something, once each
	apart   = 10 * time.Millisecond
	poll    = 2 * time.Second
)

// readHeartbeats measures how fast what 10,000 workers say is taken in: they say it
// every 15 seconds.
func readHeartbeats(ctx context.Context, out io.Writer) error {
	bodies := spoken(talkers)
	for _, of := range []struct {
		name string
		open func(context.Context) (queue.Mail, func(), error)
	}{{"SQS, each request " + apart.String() + " away", overSQS}, {"NATS JetStream, embedded", overNATS}} {
		rate, err := heardPerSecond(ctx, of.open, bodies)
		if err != nil {
			return fmt.Errorf("%s: %w", of.name, err)
		}
		fmt.Fprintf(out, "heartbeats over %s: %.0f a second; %d workers send %.0f\n", of.name, rate, talkers, talkers/beatEvery.Seconds())
	}
	return nil
}

// spoken are what so many workers say, each of some queues.
func spoken(n int) [][]byte {
	var seconds, wait fleet.Sketch
	seconds.Add(3.5, 4.1, 4.4, 3.9)
	wait.Add(0.2, 3.1, 1.4, 2.5)
	list := make([][]byte, n)
	for i := range list {
		b := fleet.Heartbeat{Worker: fleet.ID(fmt.Sprintf("i-%017x", i)), Fleet: "render", Boot: "b", Seq: 1, At: time.Now(), State: fleet.Working, Jobs: slots, Slots: slots, CPU: 60, Memory: 40}
		for q := range each {
			b.Queues = append(b.Queues, fleet.Work{Queue: fmt.Sprintf("q%03d", (i+q)%100), Completed: 4, Seconds: seconds, Wait: wait})
		}
		list[i], _ = json.Marshal(b)
	}
	return list
}

// heardPerSecond posts all, and then has them read.
func heardPerSecond(ctx context.Context, open func(context.Context) (queue.Mail, func(), error), bodies [][]byte) (float64, error) {
	m, end, err := open(ctx)
	if err != nil {
		return 0, err
	}
	defer end()
	if err := post(ctx, m, bodies); err != nil {
		return 0, err
	}
	ctx, stop := context.WithTimeout(ctx, 2*time.Minute)
	defer stop()
	ears, counted, begun := heartbeats.New(), &countedMail{Mail: m, want: int64(len(bodies)), done: stop}, time.Now()
	names := make([]string, 100)
	for i := range names {
		names[i] = fmt.Sprintf("q%03d", i)
	}
	ears.Source("render", names, beatEvery)
	ears.Listen(ctx, counted, func(error) {})
	past := time.Since(begun).Seconds()
	if n := counted.n.Load(); n < counted.want {
		return 0, fmt.Errorf("%d of %d were read", n, counted.want)
	}
	return float64(len(bodies)) / past, nil
}

func post(ctx context.Context, m queue.Mail, bodies [][]byte) error {
	var all sync.WaitGroup
	var failed atomic.Pointer[error]
	const posters = 16
	for p := range posters {
		all.Go(func() {
			for i := p; i < len(bodies); i += posters {
				if err := m.Post(ctx, bodies[i]); err != nil {
					failed.Store(&err)
					return
				}
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// countedMail stops its reader once so many were read, and the next asks for more.
type countedMail struct {
	queue.Mail
	n    atomic.Int64
	want int64
	done func()
}

func (c *countedMail) Collect(ctx context.Context, limit int, wait time.Duration) ([]queue.Letter, error) {
	if c.n.Load() >= c.want {
		c.done()
		return nil, ctx.Err()
	}
	letters, err := c.Mail.Collect(ctx, limit, wait)
	c.n.Add(int64(len(letters)))
	return letters, err
}

func overSQS(ctx context.Context) (queue.Mail, func(), error) {
	s := sqswire.New()
	s.Open("heartbeats")
	server := httptest.NewServer(s)
	conn := sqs.New(aws.Config{
		Region: region, BaseEndpoint: &server.URL,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}, sqs.Options{Poll: poll})
	m, err := conn.Mail(ctx, sqsURL+"heartbeats")
	return slowly{m, s}, server.Close, err
}

// slowly is a mail whose reading takes as long as from inside a region.
type slowly struct {
	queue.Mail
	server *sqswire.Server
}

func (s slowly) Collect(ctx context.Context, limit int, wait time.Duration) ([]queue.Letter, error) {
	s.server.Latency = apart
	return s.Mail.Collect(ctx, limit, wait)
}

func overNATS(ctx context.Context) (queue.Mail, func(), error) {
	dir, err := os.MkdirTemp("", "skynet-scale-")
	if err != nil {
		return nil, nil, err
	}
	remove := func() { _ = os.RemoveAll(dir) }
	server, err := nats.Start(ctx, nats.ServerOptions{Dir: dir})
	if err != nil {
		remove()
		return nil, nil, err
	}
	end := func() { server.Shutdown(); remove() }
	conn, err := nats.Dial(ctx, nats.DialOptions{URL: server.URL(), TokenFile: server.TokenFile()})
	if err != nil {
		end()
		return nil, nil, err
	}
	m, err := conn.Mail(ctx, "heartbeats", 0)
	return m, func() { conn.Close(); end() }, err
}
