package simulate

import (
	"math"
	"time"

	"skynet/signals/derived"
	"skynet/signals/forecast"
)

// Forecast is how good forecasts of a fleet's arrivals were.
type Forecast struct {
	In15Minutes Foresight `json:"arrivals_15m"`
	In60Minutes Foresight `json:"arrivals_60m"`
}

// Foresight is how good forecasts of one length were: those of every minute from the
// second week on, or, of a shorter run, from the second day.
type Foresight struct {
	Scored    int     `json:"scored"`     // forecasts
	WithinP90 float64 `json:"within_p90"` // share of them of which no more came than p90; 0.9 is right
	WithinP99 float64 `json:"within_p99"`
	// Loss is the mean pinball loss of p50, p90 and p99, over the mean absolute
	// difference of one stretch of that length and the next. 0: all was foreseen.
	Loss float64 `json:"loss"`
	// Ours over the loss of those who say that the same comes as last week, or as
	// in the last 15 or 60 minutes; below 1 is better. Null: no week was known, or
	// they made no error.
	OverLastWeek  *float64 `json:"over_last_week"`
	OverLastValue *float64 `json:"over_last_value"`
}

// learning is how many minutes forecasts are not scored at first.
const learning = 24 * 60

// lookAhead makes a fleet's forecaster, whose forecasts are scored; nil if the policy
// wants none.
func (r *run) lookAhead(set derived.Settings) *forecast.Forecaster {
	if r.policy.Blind {
		r.ahead, r.scores = append(r.ahead, nil), append(r.scores, nil)
		return nil
	}
	f, s := forecast.New(forecast.Settings{Zone: set.Zone, Holidays: set.Holidays, Queues: set.Queues}), forecast.NewScores(learning)
	f.Score(s)
	r.ahead, r.scores = append(r.ahead, f), append(r.scores, s)
	return f
}

// unscored ends the scoring: after the end of the load nothing comes, which nobody
// can foresee.
func (r *run) unscored() {
	for _, f := range r.ahead {
		if f != nil {
			f.Score(nil)
		}
	}
}

func (r *run) forecast(i int) *Forecast {
	if r.scores[i] == nil {
		return nil
	}
	out := &Forecast{}
	for _, a := range r.scores[i].Accuracy() {
		switch a.Horizon {
		case 15 * time.Minute:
			out.In15Minutes = foresight(a)
		case time.Hour:
			out.In60Minutes = foresight(a)
		}
	}
	if out.In60Minutes.Scored == 0 {
		return nil
	}
	return out
}

func foresight(a forecast.Accuracy) Foresight {
	return Foresight{
		Scored: a.Scored, WithinP90: rounded(a.P90), WithinP99: rounded(a.P99), Loss: rounded(a.Loss),
		OverLastWeek: over(a.Loss, a.LastWeek), OverLastValue: over(a.Loss, a.Last),
	}
}

// over is a ratio; null where the other's loss is 0 or not known.
func over(ours, other float64) *float64 {
	if !(other > 0) {
		return nil
	}
	return new(rounded(ours / other))
}

// rounded leaves out digits that mean nothing and may differ between processors.
func rounded(v float64) float64 { return math.Round(v*1e4) / 1e4 }
