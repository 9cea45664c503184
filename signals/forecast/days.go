package forecast

import (
	"slices"
	"time"
)

const (
	dayMinutes  = 24 * 60
	weekMinutes = 7 * dayMinutes
	weeksBack   = 5
	daysBack    = 7
)

// days knows which earlier days a day resembles, by the clock on the wall.
type days struct {
	zone     *time.Location
	holidays map[int64]bool // days since 1970
	cached   [4]stretch
	next     int
}

// stretch is part of a day in which the clock on the wall runs on. What it
// resembles is so many minutes earlier, the closest first.
type stretch struct {
	from, to int64
	offset   int64 // of the clock on the wall, minutes
	special  bool  // a holiday
	weekly   []int64
	daily    []int64
}

func newDays(zone *time.Location, holidays []string) *days {
	if zone == nil {
		zone = time.UTC
	}
	d := &days{zone: zone, holidays: map[int64]bool{}}
	for _, h := range holidays {
		if t, err := time.Parse(time.DateOnly, h); err == nil {
			d.holidays[t.Unix()/86400] = true
		}
	}
	return d
}

// at finds the stretch that a minute lies in.
func (d *days) at(m int64) *stretch {
	for i := range d.cached {
		if s := &d.cached[i]; s.from <= m && m < s.to {
			return s
		}
	}
	s := &d.cached[d.next]
	d.next = (d.next + 1) % len(d.cached)
	*s = d.find(m)
	return s
}

func (d *days) find(m int64) stretch {
	t := time.Unix(m*60, 0).In(d.zone)
	_, seconds := t.Zone()
	s := stretch{offset: int64(seconds) / 60}
	day := floorDiv(m+s.offset, dayMinutes)
	s.from, s.to = day*dayMinutes-s.offset, (day+1)*dayMinutes-s.offset
	began, ends := t.ZoneBounds()
	if b := floorDiv(began.Unix(), 60); !began.IsZero() && b > s.from && b <= m {
		s.from = b
	}
	if e := floorDiv(ends.Unix(), 60); !ends.IsZero() && e < s.to && e > m {
		s.to = e
	}
	s.special = d.holidays[day]
	for _, k := range d.alike(day) {
		s.weekly = append(s.weekly, d.shift(&s, k))
	}
	for k := int64(1); k <= daysBack+2 && len(s.daily) < daysBack; k++ {
		if !d.holidays[day-k] {
			s.daily = append(s.daily, d.shift(&s, k))
		}
	}
	if s.special {
		s.daily = s.weekly
	}
	return s
}

// alike lists how many days ago the days were that a day should resemble: the same
// weekday of the weeks before. A holiday resembles earlier holidays and Sundays.
func (d *days) alike(day int64) (ago []int64) {
	if !d.holidays[day] {
		for k := int64(1); k <= weeksBack; k++ {
			if !d.holidays[day-7*k] {
				ago = append(ago, 7*k)
			}
		}
		return ago
	}
	for k := int64(1); k <= 7*weeksBack && len(ago) < weeksBack; k++ {
		if weekday(day-k) == 0 || d.holidays[day-k] {
			ago = append(ago, k)
		}
	}
	slices.SortStableFunc(ago, func(a, b int64) int { // holidays first
		return rank(d.holidays[day-a]) - rank(d.holidays[day-b])
	})
	return ago
}

func rank(first bool) int {
	if first {
		return 0
	}
	return 1
}

// shift is how many minutes ago the clock on the wall showed the same, so many days
// ago.
func (d *days) shift(s *stretch, ago int64) int64 {
	middle := (s.from+s.to)/2 - ago*dayMinutes
	_, then := time.Unix(middle*60, 0).In(d.zone).Zone()
	return ago*dayMinutes + int64(then)/60 - s.offset
}

// weekday of a day since 1970, Sunday is 0.
func weekday(day int64) int64 { return floorMod(day+4, 7) }

// slot is the five minutes of the week that a minute lies in, by the clock on the
// wall; a holiday's are those of a Sunday.
func (d *days) slot(m int64) (ofDay, ofWeek int) {
	s := d.at(m)
	local := m + s.offset
	ofDay = int(floorMod(local, dayMinutes) / binMinutes)
	wd := weekday(floorDiv(local, dayMinutes))
	if s.special {
		wd = 0
	}
	return ofDay, int(wd)*dayMinutes/binMinutes + ofDay
}

func floorDiv(a, b int64) int64 { return (a - floorMod(a, b)) / b }

func floorMod(a, b int64) int64 { return ((a % b) + b) % b }
