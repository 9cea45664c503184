package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"regexp"
	"strings"
	"time"

	cloudwatchapi "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/smithy-go/logging"
	"github.com/spf13/cobra"

	"skynet/cmd/internal/wire"
	"skynet/config/strict"
	"skynet/signals"
	"skynet/signals/cloudwatch"
)

func importCloudWatchCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "cloudwatch --queue NAME[=SQSNAME] [--asg NAME] --to FILE.db",
		Short: "Make a recording of what CloudWatch remembers",
		Long: `Make a recording of what CloudWatch remembers of SQS queues and of an Auto Scaling
group, at the finest period that it keeps (a minute for 15 days, five minutes for
63 days, an hour for 455 days): a journal as the daemon writes it, for
"skynet simulate --recording".

If it is stopped, the same command goes on where it stopped; given again later, it
adds what is new. Account and credentials are those of the AWS SDK (AWS_PROFILE,
AWS_REGION and so on). It reads, by cloudwatch:GetMetricData, at USD 0.01 for a
thousand metrics: a queue over four weeks is about 110, a tenth of a cent.

What arrived is not known where SQS reported nothing of a queue, as it does after
six hours without use. How long an item takes is estimated from what was in flight
over what was completed, unless --seconds says it.`,
		Example: `  skynet import cloudwatch --region eu-west-1 --queue photos=photos-prod --since 4w --to prod.db
  skynet import cloudwatch --queue photos --queue videos --asg render --slots 4 --price 0.17 --to prod.db
  skynet import cloudwatch --queue photos --to prod.db \
      --metric upload.cpu=AWS/EC2:CPUUtilization:Average:AutoScalingGroupName=upload
  skynet simulate --recording prod.db --policy config/examples/plain.policy.yaml`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return importCloudWatch(c, time.Now()) },
	}
	f := c.Flags()
	f.StringArray("queue", nil, "NAME, or NAME=SQSNAME where SQS calls it otherwise; for several queues again and again")
	f.String("asg", "", "Auto Scaling group whose instances worked on them; its group metrics must be enabled")
	f.StringArray("metric", nil, "NAME=NAMESPACE:METRIC:STATISTIC[:DIMENSION=VALUE,...], as a signal of that name")
	f.String("region", "", "region, if the SDK's own settings do not say")
	f.String("since", "4w", "how far back, at most 455d")
	f.StringArray("seconds", nil, "[QUEUE=]how long an item takes: 4s, 500ms (estimated)")
	f.String("fleet", "fleet", "the fleet's name")
	f.Int("slots", 0, "items that one instance works on at once (1 is assumed)")
	f.Float64("price", 0, "what an instance costs an hour, so that cost is known")
	f.String("interval", "1m", "from tick to tick of the recording: minutes that divide an hour")
	f.String("to", "", "recording to be made or gone on with")
	addOutputFlag(c)
	return c
}

// importCloudWatch does all of it, as of now.
func importCloudWatch(c *cobra.Command, now time.Time) error {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	w, err := watchedOf(c, now)
	if err != nil {
		return err
	}
	at, err := wire.AWS(c.Context(), w.region)
	if err != nil {
		return err
	}
	if at.Region == "" {
		return errors.New("the region is not known: give --region eu-west-1, or set AWS_REGION")
	}
	w.region = at.Region
	at.RetryMaxAttempts, at.Logger = patient, logging.Nop{} // what it warns of goes into the progress line
	w.reader = cloudwatch.NewReader(cloudwatchapi.NewFromConfig(at))
	sum, err := w.write(c)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(c.OutOrStdout()).Encode(sum)
	}
	fmt.Fprintln(c.OutOrStdout(), sum)
	return nil
}

// patient is how often a request is tried: nobody waits for a tick here.
const patient = 12

// cloudImport is what the flags say.
type cloudImport struct {
	to, fleet, region, asg string
	queues                 []string          // in order
	inSQS                  map[string]string // their names there
	own                    []cloudwatch.Signal
	takes                  map[string]time.Duration
	since                  time.Time
	now                    time.Time
	interval               time.Duration
	slots                  int
	price                  *float64
	reader                 *cloudwatch.Reader
}

var (
	sqsName  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}(\.fifo)?$`)
	ownName  = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$`)
	asgLimit = 255 // letters of an Auto Scaling group's name
)

// watchedOf reads the flags.
func watchedOf(c *cobra.Command, now time.Time) (w *cloudImport, err error) {
	w = &cloudImport{now: now.UTC(), inSQS: map[string]string{}, takes: map[string]time.Duration{}}
	w.to, _ = c.Flags().GetString("to")
	w.fleet, _ = c.Flags().GetString("fleet")
	w.region, _ = c.Flags().GetString("region")
	w.asg, _ = c.Flags().GetString("asg")
	w.slots, _ = c.Flags().GetInt("slots")
	price, _ := c.Flags().GetFloat64("price")
	if c.Flags().Changed("price") {
		w.price = &price
	}
	switch {
	case w.to == "":
		return nil, errors.New("--to is missing: name the recording to be made, such as prod.db")
	case !queueName.MatchString(w.fleet):
		return nil, fmt.Errorf("--fleet %q is not a name; write small letters, digits and _", w.fleet)
	case c.Flags().Changed("slots") && (w.slots < 1 || w.slots > 10_000):
		return nil, fmt.Errorf("--slots %d is out of range; write 1 to 10000", w.slots)
	case !(price >= 0) || math.IsInf(price, 0):
		return nil, fmt.Errorf("--price %g is out of range; write what an hour costs, such as 0.17", price)
	case c.Flags().Changed("asg") && (w.asg == "" || len(w.asg) > asgLimit):
		return nil, errors.New("--asg is not the name of an Auto Scaling group")
	}
	for _, read := range []func(*cobra.Command) error{w.times, w.named, w.metrics, w.seconds} {
		if err := read(c); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *cloudImport) times(c *cobra.Command) error {
	text, _ := c.Flags().GetString("interval")
	d, err := strict.ParseDuration(text)
	if err != nil || d.Std() < time.Minute || d.Std() > time.Hour || d.Std()%time.Minute != 0 || time.Hour%d.Std() != 0 {
		return fmt.Errorf("--interval %s: write 1m, 2m, 5m, 10m, 15m, 30m or 1h: minutes that divide an hour", text)
	}
	w.interval = d.Std()
	text, _ = c.Flags().GetString("since")
	d, err = strict.ParseDuration(text)
	if err != nil || d.Std() < time.Hour {
		return fmt.Errorf("--since %q is not how far to go back; write 4w or 90d, at most 455d, and at least 1h", text)
	}
	w.since = w.now.Add(-d.Std()).Truncate(time.Hour)
	if oldest := cloudwatch.Oldest(w.now); w.since.Before(oldest) {
		if d.Std() > 455*24*time.Hour {
			return fmt.Errorf("--since %s: CloudWatch keeps nothing longer than 455d", text)
		}
		w.since = oldest.Add(time.Hour).Truncate(time.Hour)
	}
	return nil
}

// named reads the queues.
func (w *cloudImport) named(c *cobra.Command) error {
	texts, _ := c.Flags().GetStringArray("queue")
	if len(texts) == 0 {
		return errors.New("--queue is missing: name the SQS queue to import, as NAME or NAME=SQSNAME")
	}
	for _, text := range texts {
		name, there, renamed := strings.Cut(text, "=")
		if !renamed {
			there = name
		}
		switch {
		case !sqsName.MatchString(there):
			return fmt.Errorf("--queue %s: %q is not the name of an SQS queue; write the last part of its URL", text, there)
		case !queueName.MatchString(name):
			return fmt.Errorf("--queue %s: %q is not a queue's name here; write small letters, digits and _, as in photos=%s", text, name, there)
		case w.inSQS[name] != "":
			return fmt.Errorf("--queue %s: there is a queue %s already", text, name)
		}
		w.queues, w.inSQS[name] = append(w.queues, name), there
	}
	return nil
}

// metrics reads the user's own. How many instances there were may be one of them.
func (w *cloudImport) metrics(c *cobra.Command) error {
	texts, _ := c.Flags().GetStringArray("metric")
	for _, text := range texts {
		name, rest, _ := strings.Cut(text, "=")
		parts := strings.SplitN(rest, ":", 4)
		switch {
		case len(parts) < 3 || parts[0] == "" || parts[1] == "" || parts[2] == "":
			return fmt.Errorf("--metric %s: write NAME=NAMESPACE:METRIC:STATISTIC, and :DIMENSION=VALUE,... if it has any", text)
		case !ownName.MatchString(name) || signals.Reserved(name) && name != "fleet.running" || w.asg != "" && name == "fleet.running":
			return fmt.Errorf("--metric %s: %q cannot be its name; write words of your own with dots between, such as upload.cpu", text, name)
		}
		m := cloudwatch.Metric{Namespace: parts[0], Name: parts[1], Statistic: parts[2]}
		for _, d := range strings.Split(strings.Join(parts[3:], ""), ",") {
			if key, value, ok := strings.Cut(d, "="); ok && key != "" && value != "" {
				m.Dimensions = append(m.Dimensions, cloudwatch.Dimension{Name: key, Value: value})
			} else if d != "" {
				return fmt.Errorf("--metric %s: %q is not DIMENSION=VALUE", text, d)
			}
		}
		for _, s := range w.own {
			if s.Name == name {
				return fmt.Errorf("--metric %s: there is a metric %s already", text, name)
			}
		}
		w.own = append(w.own, cloudwatch.Signal{Name: name, Metric: m})
	}
	return nil
}

func (w *cloudImport) seconds(c *cobra.Command) error {
	texts, _ := c.Flags().GetStringArray("seconds")
	for _, text := range texts {
		name, value, named := strings.Cut(text, "=")
		if !named {
			value = name
		}
		took, err := lengthOf(value)
		switch {
		case err != nil:
			return fmt.Errorf("--seconds %s: %w", text, err)
		case named && w.inSQS[name] == "":
			return fmt.Errorf("--seconds %s: there is no --queue %s", text, name)
		}
		for _, q := range w.queues {
			if !named || q == name {
				w.takes[q] = took
			}
		}
	}
	return nil
}

// said is what the recording is of: one that goes on must be of the same.
func (w *cloudImport) said() string {
	list := make([]string, 0, len(w.queues)+len(w.own)+1)
	for _, q := range w.queues {
		list = append(list, q+" is SQS queue "+w.inSQS[q])
	}
	if w.asg != "" {
		list = append(list, "instances of "+w.asg)
	}
	for _, s := range w.own {
		list = append(list, s.Name+" is "+s.Metric.String())
	}
	return fmt.Sprintf("CloudWatch in %s, every %s: %s", w.region, w.interval, strings.Join(list, "; "))
}

// cloudSummary is what came of it.
type cloudSummary struct {
	Recording string           `json:"recording"`
	Fleet     string           `json:"fleet"`
	From      time.Time        `json:"from"`
	To        time.Time        `json:"to"`
	Added     int              `json:"ticks_added"`
	Queues    []cloudQueue     `json:"queues"`
	Asked     cloudwatch.Asked `json:"-"`
	Metrics   int64            `json:"metrics_asked"`
	Cost      float64          `json:"cost_usd"`
}

// cloudQueue is what was added of one queue.
type cloudQueue struct {
	Name    string  `json:"name"`
	SQS     string  `json:"sqs"`
	Arrived float64 `json:"arrived"`
	Ticks   int     `json:"ticks_known"`
}

// String is the summary for people.
func (s cloudSummary) String() string {
	if s.Added == 0 {
		return fmt.Sprintf("%s: nothing new, it ends at %s", s.Recording, s.To.Format(time.DateTime+" UTC"))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s ticks of fleet %s added, up to %s; %s metrics asked for, USD %.4f\n",
		s.Recording, thousands(float64(s.Added)), s.Fleet, s.To.Format(time.DateTime+" UTC"), thousands(float64(s.Metrics)), s.Cost)
	for _, q := range s.Queues {
		fmt.Fprintf(&b, "  %-20s %s items arrived; known %.1f%% of the time\n", q.Name, thousands(q.Arrived), 100*float64(q.Ticks)/float64(s.Added))
	}
	return strings.TrimRight(b.String(), "\n")
}

// why puts a failure of CloudWatch into words that help here.
func (w *cloudImport) why(err error) error {
	if fileThere(w.to) {
		return fmt.Errorf("%w; the same command goes on where it stopped", err)
	}
	return err
}

func fileThere(path string) bool { _, err := os.Stat(path); return err == nil }
