package forecast

import "math"

const (
	dayBins  = dayMinutes / binMinutes
	weekBins = 7 * dayBins
	ahead    = 14 // bins: an hour, and what is left of the present one
)

// seasons is exponential smoothing with two seasons, a day's and a week's, and a
// correction for the last error, on the logarithm of what five minutes bring.
// Source: Taylor, Short-term electricity demand forecasting using double seasonal
// exponential smoothing, Journal of the Operational Research Society 54, 2003.
type seasons struct {
	level, miss float64
	day         [dayBins]float32
	week        [weekBins]float32
	seen        int
	coming      [ahead]float64 // items of the bins from next on
	next        int64          // the minute at which coming begins
}

// The smoothing constants. Seasons move slowly, the level follows within an hour.
const (
	levelRate = 0.12
	dayRate   = 0.12
	weekRate  = 0.18
	lasts     = 0.6 // of the last error, from bin to bin
)

// learn takes in a complete bin that begins at a minute.
func (s *seasons) learn(d *days, minute int64, items, floor float64) {
	day, week := d.slot(minute)
	x := math.Log(items + floor)
	if s.seen == 0 {
		s.level = x
	}
	s.seen++
	miss := x - s.level - float64(s.day[day]) - float64(s.week[week])
	news := miss - lasts*s.miss
	s.level += levelRate * news
	s.day[day] += float32(dayRate * news)
	s.week[week] += float32(weekRate * news)
	s.miss = miss
	s.look(d, minute+binMinutes, floor)
}

func (s *seasons) look(d *days, from int64, floor float64) {
	s.next = from
	miss := s.miss
	for i := range s.coming {
		day, week := d.slot(from + int64(i)*binMinutes)
		miss *= lasts
		log := s.level + miss + float64(s.day[day]) + float64(s.week[week])
		s.coming[i] = max(0, math.Exp(min(log, 50))-floor)
	}
}

// sum is what the minutes from one until another should bring; false after the
// bins that were looked at.
func (s *seasons) sum(from, to int64) (float64, bool) {
	if s.seen < dayBins || from < s.next || to > s.next+ahead*binMinutes {
		return 0, false
	}
	sum := 0.0
	for i := range s.coming {
		begin := s.next + int64(i)*binMinutes
		overlap := min(to, begin+binMinutes) - max(from, begin)
		if overlap > 0 {
			sum += s.coming[i] * float64(overlap) / binMinutes
		}
	}
	return sum, true
}
