package forecast

// kind is a way to say what a stretch of time should bring by what earlier days
// brought.
type kind int

const (
	yesterday kind = iota // the last day that is no holiday
	lastWeek              // the same weekday a week ago
	dayShape              // the last days, the newer the more
	weekShape             // the same weekday of the last weeks, the newer the more
	kinds
)

// How much less each day or week further back counts.
const (
	dayFade  = 0.7
	weekFade = 0.65
)

// like is what earlier days brought at the same time by the clock on the wall, from
// one minute until another; false if that is not known.
func (s *stream) like(k kind, from, to int64) (sum float64, ok bool) {
	for from < to {
		part := s.days.at(from)
		end := min(to, part.to)
		n, ok := s.alike(k, part, from, end)
		if !ok {
			return 0, false
		}
		sum += n
		from = end
	}
	return sum, true
}

func (s *stream) alike(k kind, part *stretch, from, to int64) (float64, bool) {
	list, fade := part.daily, dayFade
	if k == weekShape || k == lastWeek {
		list, fade = part.weekly, weekFade
	}
	oldest := s.past.oldest()
	sum, weights, weight := 0.0, 0.0, 1.0
	for _, ago := range list {
		if from-ago < oldest || to-ago > s.past.head {
			continue
		}
		sum += weight * s.past.sum(from-ago, to-ago)
		weights += weight
		weight *= fade
		if k == yesterday || k == lastWeek {
			break
		}
	}
	if weights == 0 {
		return 0, false
	}
	return sum / weights, true
}
