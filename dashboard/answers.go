package dashboard

import (
	"context"
	"time"
)

// Views answer what is asked. They are called by several requests at once. An error
// that is not an Error of this package is a fault of ours.
type Views interface {
	Status(ctx context.Context) (Status, error)
	History(ctx context.Context, q Span) (History, error)
	Ticks(ctx context.Context, q Span) ([]Tick, error)
	// The rest is what the commands of the same names print as JSON.
	Tick(ctx context.Context, fleet, id string) (any, error)
	Signals(ctx context.Context, fleet string) (any, error)
	Forecast(ctx context.Context, fleet string) (any, error)
	// Ready says why this one is not: nil if every fleet ticks, or another daemon acts.
	Ready() error
}

// Orders change a fleet's standing orders and return those that hold then. By is
// who wants it, in words.
type Orders interface {
	Pause(ctx context.Context, by, fleet string, length time.Duration, why string) (Standing, error)
	Resume(ctx context.Context, by, fleet, why string) (Standing, error)
	Want(ctx context.Context, by, fleet string, workers int, length time.Duration, why string) (Standing, error)
}

// Status is what is known now. Times are UTC. What is null is not known.
type Status struct {
	Version    string    `json:"version"`
	Now        time.Time `json:"now"`
	Interval   float64   `json:"interval"` // s
	Host       string    `json:"host"`
	DryRun     bool      `json:"dry_run"`
	Standby    *Standby  `json:"standby"`    // another daemon acts
	Changeable bool      `json:"changeable"` // a token is set up
	Fleets     []Fleet   `json:"fleets"`
}

// Standby says which daemon acts instead of this one.
type Standby struct {
	Holder string    `json:"holder"`
	Since  time.Time `json:"since"`
}

// Fleet is one fleet as its last tick knew it.
type Fleet struct {
	Name       string            `json:"name"`
	Queues     []Queue           `json:"queues"`
	LastTick   *LastTick         `json:"last_tick"` // null: there was none yet
	Have       *int              `json:"have"`
	Want       *int              `json:"want"`
	Headline   string            `json:"headline"`
	Reasons    []Reason          `json:"reasons"`
	States     map[string]int    `json:"states"` // workers by state
	Jobs       *int              `json:"jobs"`   // items in workers' hands
	Slots      *int              `json:"slots"`  // items that workers can have in hand
	Bounds     *Bounds           `json:"bounds"`
	CostHourly *float64          `json:"cost_hourly"`
	SpentToday *float64          `json:"spent_today"`
	Budget     *Budget           `json:"budget"`
	Blind      bool              `json:"blind"`
	WhyBlind   string            `json:"why_blind"`
	Breaker    *string           `json:"breaker"` // why it is open
	Versions   map[string]int    `json:"versions"`
	Workers    []Worker          `json:"workers"`
	Unknown    map[string]string `json:"unknown,omitempty"` // why a number above is null, by its key
	Standing
}

// Standing are the orders that hold for a fleet.
type Standing struct {
	Pause *Pause `json:"pause"`
	Floor *Floor `json:"floor"`
}

// Pause has a fleet left alone.
type Pause struct {
	Until time.Time  `json:"until"`
	Why   string     `json:"why"`
	By    string     `json:"by"`
	Since *time.Time `json:"since"`
}

// Floor keeps so many workers at least.
type Floor struct {
	Workers int        `json:"workers"`
	Until   time.Time  `json:"until"`
	Why     string     `json:"why"`
	By      string     `json:"by"`
	Since   *time.Time `json:"since"`
}

// LastTick is the newest tick.
type LastTick struct {
	ID    string    `json:"id"`
	At    time.Time `json:"at"`
	Took  *float64  `json:"took"`  // s; null: that was before this start
	Error *string   `json:"error"` // why there was no decision, or no deed
}

// Reason is one argument of a decision.
type Reason struct {
	By   string `json:"by"`
	Said string `json:"said"`
}

// Bounds are those of the policy file.
type Bounds struct {
	Min int `json:"min"`
	Max int `json:"max"`
}

// Budget is the policy file's, in the currency of prices; null is no such budget.
type Budget struct {
	Hourly *float64 `json:"hourly"`
	Daily  *float64 `json:"daily"`
}

// Queue is one queue of a fleet. Counts are items, times seconds.
type Queue struct {
	Name             string            `json:"name"`
	Visible          *float64          `json:"visible"`
	InFlight         *float64          `json:"in_flight"`
	Delayed          *float64          `json:"delayed"`
	Dead             *float64          `json:"dead"`
	OldestAge        *float64          `json:"oldest_age"`
	ArrivedPerMinute *float64          `json:"arrived_per_minute"`
	WorkSecondsMean  *float64          `json:"work_seconds_mean"`
	WaitP50          *float64          `json:"wait_p50"`
	WaitP95          *float64          `json:"wait_p95"`
	WaitP99          *float64          `json:"wait_p99"`
	Objective        *Objective        `json:"objective"`
	Within           *float64          `json:"within"` // share of the items started lately that had waited no longer, 0–1
	Missed           string            `json:"missed"` // what is wrong, "" where the objective is kept or nothing is known
	Unknown          map[string]string `json:"unknown,omitempty"`
}

// Objective is the wait that is promised.
type Objective struct {
	Wait     float64 `json:"wait"` // s
	Quantile float64 `json:"quantile"`
}

// Worker is one instance.
type Worker struct {
	ID       string     `json:"id"`
	State    string     `json:"state"`
	Jobs     int        `json:"jobs"`
	Slots    int        `json:"slots"`
	Type     string     `json:"type"`
	Zone     string     `json:"zone"`
	Spot     bool       `json:"spot"`
	Launched *time.Time `json:"launched"`
	Heard    *time.Time `json:"heard"`
	Version  *string    `json:"version"`
	Drain    *string    `json:"drain"` // the decision that asked it to
	Silent   bool       `json:"silent"`
}

// Span is a stretch of a fleet's past.
type Span struct {
	Fleet    string
	From, To time.Time
	Points   int      // of a history, at most
	Limit    int      // of ticks, at most
	Signals  []string // of a history: these besides
	Queues   []string // of a history: the series of these, where there are too many to give all
}

// History is how numbers went: one value a step, null where nothing was known.
type History struct {
	From      time.Time             `json:"from"`
	To        time.Time             `json:"to"`
	Step      float64               `json:"step"` // s
	Time      []int64               `json:"time"` // s since 1970, of each step's beginning
	Series    map[string][]*float64 `json:"series"`
	Marks     []Mark                `json:"marks"`
	Objective *Objective            `json:"objective"`
}

// Mark is something that one wants to see beside the numbers.
type Mark struct {
	At    time.Time  `json:"at"`
	Until *time.Time `json:"until"` // null: it is only a moment, or goes on
	Kind  string     `json:"kind"`  // pause, floor, budget, breaker, blind, failed, policy
	Text  string     `json:"text"`
}

// Tick is one tick in a line.
type Tick struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Have     *int      `json:"have"`
	Want     *int      `json:"want"`
	Headline string    `json:"headline"`
	Blind    bool      `json:"blind"`
	Failed   *string   `json:"failed"`
	Did      string    `json:"did"`
}
