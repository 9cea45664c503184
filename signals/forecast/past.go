package forecast

const (
	binMinutes = 5
	pastDays   = 36 // five weeks and a day, so that the same hour five weeks ago is there
	bins       = pastDays * 24 * 60 / binMinutes
	fineSlots  = 256 // minutes kept one by one; a power of two
	fineReach  = fineSlots - binMinutes
)

// past is what is remembered of arrivals: items a minute for the last four hours,
// and a bin of five minutes for five weeks. Both are kept as running totals, so that
// what came in any stretch is one subtraction.
type past struct {
	first int64 // the first minute known, in minutes since 1970
	head  int64 // the first minute that is not complete
	total float64
	fine  [fineSlots]float64 // items before the minute
	marks [bins]float64      // items before the bin
}

func (p *past) start(minute int64) { *p = past{first: minute, head: minute} }

// add appends one complete minute.
func (p *past) add(items float64) {
	p.total += items
	p.head++
	p.fine[p.head&(fineSlots-1)] = p.total
	if p.head%binMinutes == 0 {
		p.marks[p.head/binMinutes%bins] = p.total
	}
}

// cut forgets what lies after a minute: the clock has been set back.
func (p *past) cut(minute int64) {
	if minute <= p.first {
		p.start(minute)
		return
	}
	p.total = p.before(minute)
	p.head = minute
	for m := max(p.first, minute-minute%binMinutes); m <= minute; m++ {
		p.fine[m&(fineSlots-1)] = p.before(m)
	}
	p.fine[minute&(fineSlots-1)] = p.total
}

// oldest is the first minute that can be asked for.
func (p *past) oldest() int64 { return max(p.first, (p.head/binMinutes-bins+1)*binMinutes) }

// before is how many items came before a minute, counted from the first.
func (p *past) before(m int64) float64 {
	switch {
	case m <= p.first:
		return 0
	case m >= p.head:
		return p.total
	case p.head-m < fineReach:
		return p.fine[m&(fineSlots-1)]
	}
	bin := m / binMinutes
	from := p.marks[bin%bins]
	if bin*binMinutes < p.first {
		from = 0
	}
	part := m - bin*binMinutes
	if part == 0 {
		return from
	}
	return from + (p.marks[(bin+1)%bins]-from)*float64(part)/binMinutes
}

// sum is how many items came from one minute until another.
func (p *past) sum(from, to int64) float64 {
	return max(0, p.before(to)-p.before(from))
}

// age is how many minutes are known.
func (p *past) age() int64 { return p.head - p.first }

// last is how many items came in the last minutes; where less is known, what that
// makes of so many.
func (p *past) last(minutes int64) float64 {
	known := min(minutes, p.age())
	if known <= 0 {
		return 0
	}
	return p.sum(p.head-known, p.head) * float64(minutes) / float64(known)
}
