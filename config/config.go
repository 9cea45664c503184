// Package config holds the settings of the daemon (skynet.yaml) and of the agent
// (worker.yaml): their shape, their defaults, what is wrong with them, and where
// they come from: a file, then environment variables, then flags.
//
// Names of fleets, queues and signals are values, never keys, so that nothing on
// the way can fold their case or split them at dots.
package config

import (
	"time"

	"skynet/config/strict"
)

// Config is skynet.yaml.
type Config struct {
	Example    bool            `yaml:"example" doc:"these settings are an example and nobody's own: skynet run says so and does nothing (false)"`
	Interval   strict.Duration `yaml:"interval" doc:"time between ticks, 1s to 1h (1m)"`
	StateDir   string          `yaml:"state_dir" doc:"where the journal, the lock and embedded queues are kept (/var/lib/skynet)"`
	Listen     string          `yaml:"listen" doc:"address of the dashboard, /metrics and API; off: none (127.0.0.1:9464)"`
	Access     Access          `yaml:"access" doc:"who may look and who may change things there"`
	AWS        *AWS            `yaml:"aws" doc:"the only account and region in which to act"`
	Heartbeats string          `yaml:"heartbeats" doc:"queue that workers report to (nats://embedded/heartbeats)"`
	NATS       NATS            `yaml:"nats" doc:"how to get into NATS servers that are not embedded"`
	Lease      string          `yaml:"lease" doc:"which of several controllers acts: s3://bucket/key where they stand by on several machines (a file lock in state_dir)"`
	Limits     Limits          `yaml:"limits" doc:"limits over all fleets"`
	Journal    Journal         `yaml:"journal" doc:"how long records are kept"`
	Queues     []Queue         `yaml:"queues" doc:"where items wait"`
	Signals    []Signal        `yaml:"signals" doc:"your own signals, besides the catalogue"`
	Fleets     []Fleet         `yaml:"fleets" doc:"interchangeable workers under one policy"`
	Notify     []Notify        `yaml:"notify" doc:"who is told of what a person should know (nobody)"`
	Telemetry  *Telemetry      `yaml:"telemetry" doc:"where traces of ticks go (nowhere)"`
}

// Access is how what is served at Listen is protected.
type Access struct {
	TokenFile   string   `yaml:"token_file" doc:"file with the token that whoever changes something must show, or NAME TOKEN on each line; made at the first start if missing (token in state_dir)"`
	Certificate string   `yaml:"certificate" doc:"PEM file with the certificate chain for TLS, which every address but loopback needs"`
	Key         string   `yaml:"key" doc:"PEM file with its private key"`
	Hosts       []string `yaml:"hosts" doc:"more names by which browsers may reach it, like skynet.example.com: of a proxy, or of the certificate"`
}

// AWS is where the daemon may act; it refuses to act anywhere else.
type AWS struct {
	Account string `yaml:"account" strict:"required" doc:"account number, twelve digits in quotes"`
	Region  string `yaml:"region" strict:"required" doc:"region, like eu-west-1"`
	// Name keeps controllers in one account apart: each has eyes for instances of its own only.
	Name   string `yaml:"name" doc:"which controller this is, among those of the account (skynet)"`
	Events string `yaml:"events" doc:"SQS queue into which EventBridge puts Spot notices, besides what workers report"`
	// Orphans are of a fleet that was in the settings once.
	Orphans strict.Duration `yaml:"orphans" doc:"an instance of ours of a fleet that is no longer in the settings ends when it was not heard for so long (1h); 0s: never"`
	// VolumePrice is in the currency of prices.
	VolumePrice float64  `yaml:"volume_price" strict:"min=0" doc:"what a GiB of volume costs a month, which sleeping workers go on costing (it is not counted)"`
	Metrics     *Metrics `yaml:"metrics" doc:"publish the controller's own figures to CloudWatch (it does not, since each metric costs)"`
}

// Metrics is where the controller's own figures go.
type Metrics struct {
	Namespace string   `yaml:"namespace" doc:"(SkyNet)"`
	Signals   []string `yaml:"signals" doc:"which signals of each fleet, besides what was wanted, had, launched and drained (queue.visible, work.wait_p95)"`
}

// Limits hold over all fleets. Zero is no limit.
type Limits struct {
	Instances int     `yaml:"instances" strict:"min=1" doc:"most billed instances"`
	Hourly    float64 `yaml:"hourly" strict:"above=0" doc:"most money an hour, in the currency of prices"`
}

// Journal is how long each kind of record is kept.
type Journal struct {
	Details strict.Duration `yaml:"details" doc:"ticks with all they knew (14d)"`
	Minutes strict.Duration `yaml:"minutes" doc:"signals by the minute (35d)"`
	Hours   strict.Duration `yaml:"hours" doc:"signals by the hour (400d)"`
}

// Queue is one queue of work.
type Queue struct {
	Name       string          `yaml:"name" strict:"required" doc:"name in signals and policies"`
	URL        string          `yaml:"url" strict:"required" doc:"nats://embedded/NAME, nats://host:port/NAME or https://sqs.REGION.amazonaws.com/ACCOUNT/NAME"`
	Weight     float64         `yaml:"weight" strict:"above=0" doc:"share of slot time among a fleet's queues (1)"`
	Visibility strict.Duration `yaml:"visibility" doc:"how long a received item stays hidden, unless extended; on SQS given with each receive, whatever the queue's own timeout is (30s)"`
	Tries      int             `yaml:"tries" strict:"min=1" doc:"deliveries before an item goes to the dead-letter queue; on SQS the queue's redrive policy counts, and we warn where it differs (3)"`
}

// Signal is a number of the user's own.
type Signal struct {
	Name       string      `yaml:"name" strict:"required" doc:"words with dots between, like upload.cpu"`
	CloudWatch *CloudWatch `yaml:"cloudwatch" doc:"read from Amazon CloudWatch"`
	Prometheus *Prometheus `yaml:"prometheus" doc:"the answer of a Prometheus server to a query"`
	HTTPJSON   *HTTPJSON   `yaml:"http_json" doc:"a field of a JSON document served over HTTP"`
}

// Prometheus is a query whose answer is one number.
type Prometheus struct {
	URL       string `yaml:"url" strict:"required" doc:"of the server, like http://prometheus:9090"`
	Query     string `yaml:"query" strict:"required" doc:"PromQL whose answer is one number, like sum(rate(uploads_total[5m]))"`
	TokenFile string `yaml:"token_file" doc:"file that holds a bearer token, read anew each time"`
	Rhythm    `yaml:",inline"`
}

// HTTPJSON is a number in a JSON document.
type HTTPJSON struct {
	URL       string `yaml:"url" strict:"required" doc:"of the document"`
	Field     string `yaml:"field" strict:"required" doc:"where the number is, as gjson writes it, like queues.0.length"`
	Headers   []Pair `yaml:"headers" doc:"sent with the request"`
	TokenFile string `yaml:"token_file" doc:"file that holds a bearer token, read anew each time"`
	Rhythm    `yaml:",inline"`
}

// Rhythm is how often a number is asked for, and how long it holds.
type Rhythm struct {
	Timeout strict.Duration `yaml:"timeout" doc:"how long an answer may take (5s)"`
	Every   strict.Duration `yaml:"every" doc:"how often it is asked for, at most (each tick)"`
	Good    strict.Duration `yaml:"good" doc:"how long an answer is good for (twice as long as until the next)"`
}

// CloudWatch names one metric there.
type CloudWatch struct {
	Namespace  string          `yaml:"namespace" strict:"required"`
	Metric     string          `yaml:"metric" strict:"required"`
	Statistic  string          `yaml:"statistic" strict:"required" doc:"Average, Sum, Minimum, Maximum, SampleCount, p99, …"`
	Period     strict.Duration `yaml:"period" doc:"length of a datapoint: 1m or whole minutes; 1s, 5s, 10s, 20s, 30s for what is published by the second (1m)"`
	Delay      strict.Duration `yaml:"delay" doc:"how long after its end a datapoint is whole (2m; 30s for periods of seconds)"`
	Dimensions []Pair          `yaml:"dimensions" doc:"all those of the metric"`
}

// Pair is a name with a value.
type Pair struct {
	Name  string `yaml:"name" strict:"required"`
	Value string `yaml:"value"`
}

// Fleet is one fleet: its queues, its policy, and where its workers run.
type Fleet struct {
	Name   string   `yaml:"name" strict:"required"`
	Queues []string `yaml:"queues" doc:"names of the queues that it serves, which no other fleet may"`
	Policy string   `yaml:"policy" strict:"required" doc:"policy file, relative to this one"`
	Prices []Price  `yaml:"prices" doc:"what an hour of each type costs"`
	Local  *Local   `yaml:"local" doc:"worker processes on this machine"`
	EC2    *EC2     `yaml:"ec2" doc:"instances on Amazon EC2"`
}

// Price is what an hour of one instance type costs.
type Price struct {
	Type   string  `yaml:"type" strict:"required"`
	Hourly float64 `yaml:"hourly" strict:"required,min=0"`
}

// Local runs workers as processes on this machine.
type Local struct {
	Worker    string          `yaml:"worker" doc:"path of skynet-worker (beside skynet, or in PATH)"`
	Slots     int             `yaml:"slots" strict:"min=1" doc:"items that a worker works on at once (1)"`
	Stores    []string        `yaml:"stores" doc:"folders and buckets that workers may read and write, as file:///… and s3://BUCKET/FOLDER URLs"`
	Heartbeat strict.Duration `yaml:"heartbeat" doc:"how often a worker reports (5s)"`
	Env       []Pair          `yaml:"env" doc:"environment variables added to the worker's"`
	Making    `yaml:",inline"`
	Bundle    *Bundle  `yaml:"bundle" doc:"versions of the worker that workers take by themselves, kept in state_dir/bundles (none)"`
	Send      []string `yaml:"send" doc:"names of queues of this file that recipes send items on to (then), besides the fleet's own"`
}

// EC2 runs workers as instances on Amazon EC2.
type EC2 struct {
	LaunchTemplate LaunchTemplate `yaml:"launch_template" strict:"required" doc:"what instances are launched from"`
	Subnets        []string       `yaml:"subnets" strict:"required" doc:"where, one or more a zone"`
	Slots          int            `yaml:"slots" strict:"min=1" doc:"items that a worker works on at once, as its agent's settings say: while no worker runs, none can tell (1)"`
	Types          []string       `yaml:"types" strict:"required" doc:"instance types, all with the same number of slots, the preferred first"`
	Spot           *Spot          `yaml:"spot" doc:"how much is bought on the spot market (nothing)"`
	Tags           []Pair         `yaml:"tags" doc:"more tags for instances and their volumes"`
}

// LaunchTemplate is a launch template pinned to a version.
type LaunchTemplate struct {
	Name    string `yaml:"name" strict:"required"`
	Version string `yaml:"version" strict:"required"`
}

// Spot says how much of a fleet is bought on the spot market.
type Spot struct {
	BaseOnDemand int            `yaml:"base_on_demand" strict:"min=0"`
	Share        strict.Percent `yaml:"share" strict:"required"`
	Strategy     string         `yaml:"strategy" strict:"enum=price-capacity-optimized|capacity-optimized|lowest-price|diversified"`
}

const day = strict.Duration(24 * time.Hour)

// Defaults are right for one machine.
func (c *Config) Defaults() {
	c.Interval = strict.Duration(time.Minute)
	c.StateDir = "/var/lib/skynet"
	c.Listen = "127.0.0.1:9464"
	c.Heartbeats = "nats://embedded/heartbeats"
	c.Journal = Journal{Details: 14 * day, Minutes: 35 * day, Hours: 400 * day}
}

// Defaults of an account.
func (a *AWS) Defaults() { a.Name, a.Orphans = "skynet", strict.Duration(time.Hour) }

// Defaults of published figures.
func (m *Metrics) Defaults() {
	m.Namespace, m.Signals = "SkyNet", []string{"queue.visible", "work.wait_p95"}
}

// Defaults of a queue.
func (q *Queue) Defaults() {
	q.Weight, q.Visibility, q.Tries = 1, strict.Duration(30*time.Second), 3
}

// Defaults of a CloudWatch metric.
func (c *CloudWatch) Defaults() { c.Period = strict.Duration(time.Minute) }

// Defaults of a query.
func (p *Prometheus) Defaults() { p.Timeout = defaultTimeout }

// Defaults of a document.
func (h *HTTPJSON) Defaults() { h.Timeout = defaultTimeout }

const defaultTimeout = strict.Duration(5 * time.Second)

// Defaults of a local fleet.
func (l *Local) Defaults() {
	l.Slots, l.Heartbeat = 1, strict.Duration(5*time.Second)
	l.Limits.Defaults()
}

// Defaults of the spot market.
func (s *Spot) Defaults() { s.Strategy = "price-capacity-optimized" }
