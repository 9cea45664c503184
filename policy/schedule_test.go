package policy_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/netresearch/go-cron"
	"pgregory.net/rapid"

	"skynet/policy"
	"skynet/signals"
)

func cronOf(t testing.TB, text string) policy.Cron {
	t.Helper()
	c, err := policy.ParseCron(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return c
}

func zoneOf(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSchedule(t *testing.T) {
	sunday := policy.Schedule{As: "sunday", Cron: cronOf(t, "0 17 * * SUN"), For: 6 * time.Hour, Workers: 40, Zone: zoneOf(t, "America/Los_Angeles")}
	month := policy.Schedule{Cron: cronOf(t, "0 0 31 * *"), For: 24 * time.Hour, Workers: 3}
	for _, c := range []struct {
		name     string
		schedule policy.Schedule
		now      string
		want     int
		because  string
	}{
		{"before", sunday, "2026-03-01T16:59:59-08:00", 0, "off until Sun 2026-03-01 17:00 PST"},
		{"at the start", sunday, "2026-03-01T17:00:00-08:00", 40, "on until Sun 2026-03-01 23:00 PST, want 40"},
		{"last second", sunday, "2026-03-01T22:59:59-08:00", 40, "on until Sun 2026-03-01 23:00 PST, want 40"},
		{"at the end", sunday, "2026-03-01T23:00:00-08:00", 0, "off until Sun 2026-03-08 17:00 PDT"},
		{"month without a 31st", month, "2026-04-15T00:00:00Z", 0, "off until Sun 2026-05-31 00:00 UTC"},
		{"31st", month, "2026-05-31T12:00:00Z", 3, "on until Mon 2026-06-01 00:00 UTC, want 3"},
		{
			"starts within it prolong it",
			policy.Schedule{Cron: cronOf(t, "0 8,10 * * *"), For: 3 * time.Hour, Workers: 2},
			"2026-05-31T09:00:00Z", 2, "on until Sun 2026-05-31 13:00 UTC, want 2",
		},
		{
			"never off",
			policy.Schedule{Cron: cronOf(t, "@daily"), For: 24 * time.Hour, Workers: 2},
			"2026-05-31T09:00:00Z", 2, "on until Thu 2026-06-04 00:00 UTC at least, want 2",
		},
		{
			"last day of the month",
			policy.Schedule{Cron: cronOf(t, "0 12 L * *"), For: time.Hour, Workers: 2},
			"2026-02-28T12:30:00Z", 2, "on until Sat 2026-02-28 13:00 UTC, want 2",
		},
		{
			"leap day",
			policy.Schedule{Cron: cronOf(t, "0 12 29 2 *"), For: time.Hour, Workers: 2},
			"2097-01-01T00:00:00Z", 0, "off until Fri 2104-02-29 12:00 UTC",
		},
		{
			"either day, as in crontab(5)",
			policy.Schedule{Cron: cronOf(t, "0 0 13 * FRI"), For: time.Hour, Workers: 2},
			"2026-03-01T00:00:00Z", 0, "off until Fri 2026-03-06 00:00 UTC",
		},
		{
			"both where one has a star",
			policy.Schedule{Cron: cronOf(t, "0 0 */2 * FRI"), For: time.Hour, Workers: 2},
			"2026-03-01T00:00:00Z", 0, "off until Fri 2026-03-13 00:00 UTC",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, because, err := c.schedule.Want(signals.Snapshot{Now: at(t, c.now)})
			if n != c.want || because != c.because || err != nil {
				t.Errorf("wants %d, %q, %v", n, because, err)
			}
		})
	}
}

// Clocks that change: when a schedule of a minute is on, by the hour of UTC.
func TestScheduleWhereClocksChange(t *testing.T) {
	for _, c := range []struct {
		name, zone, cron string
		from, to         string
		on               []string
	}{
		{
			"skipped hour: right after the jump", "America/Los_Angeles", "30 2 * * *", "2026-03-07T20:00:00Z", "2026-03-09T20:00:00Z",
			[]string{"2026-03-08T03:00:00-07:00", "2026-03-09T02:30:00-07:00"},
		},
		{
			"hour that comes twice: once", "Europe/Berlin", "30 2 * * *", "2026-10-24T20:00:00Z", "2026-10-26T20:00:00Z",
			[]string{"2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"},
		},
		{
			"any hour: twice", "Europe/Berlin", "30 * * * *", "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z",
			[]string{"2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"},
		},
		{
			"any hour: not in the skipped one", "Europe/Berlin", "30 * * * *", "2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z",
			[]string{"2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00"},
		},
		{
			"half an hour", "Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00:00Z", "2026-10-04T20:00:00Z",
			[]string{"2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"},
		},
		{
			"no midnight", "America/Sao_Paulo", "0 0 * * *", "2018-11-03T12:00:00Z", "2018-11-04T12:00:00Z",
			[]string{"2018-11-04T01:00:00-02:00"},
		},
		{
			"no Friday", "Pacific/Apia", "0 17 * * *", "2011-12-29T12:00:00Z", "2012-01-01T12:00:00Z",
			[]string{"2011-12-29T17:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T17:00:00+14:00", "2012-01-01T17:00:00+14:00"},
		},
		{
			"a quarter of an hour", "Asia/Kathmandu", "5 0 * * *", "1985-12-31T00:00:00Z", "1986-01-01T20:00:00Z",
			[]string{"1986-01-01T00:15:00+05:45", "1986-01-02T00:05:00+05:45"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var on, want []string
			s := policy.Schedule{Cron: cronOf(t, c.cron), For: time.Minute, Workers: 1, Zone: zoneOf(t, c.zone)}
			for now := at(t, c.from); now.Before(at(t, c.to)); now = now.Add(time.Minute) {
				if n, _, _ := s.Want(signals.Snapshot{Now: now}); n > 0 {
					on = append(on, now.Format(time.RFC3339))
				}
			}
			for _, w := range c.on {
				want = append(want, at(t, w).UTC().Format(time.RFC3339))
			}
			if !slices.Equal(on, want) {
				t.Errorf("on at %v, want %v", on, want)
			}
		})
	}
}

// Elapsed time, not the clock's: six hours over the night in which clocks are
// set back end an hour earlier by the clock.
func TestScheduleLastsAsLongAsItSays(t *testing.T) {
	s := policy.Schedule{Cron: cronOf(t, "0 0 * * *"), For: 6 * time.Hour, Workers: 1, Zone: zoneOf(t, "Europe/Berlin")}
	_, because, _ := s.Want(signals.Snapshot{Now: at(t, "2026-10-25T00:30:00+02:00")})
	if because != "on until Sun 2026-10-25 05:00 CET, want 1" {
		t.Error(because)
	}
}

// plainCron is a cron expression read the slow and obvious way: sets of numbers.
type plainCron struct {
	minute, hour, dom, month, dow map[int]bool
	lastDay                       bool
	nth                           int // 0, or which of its weekdays in the month; -1 the last
	text                          string
}

func field(t *rapid.T, label string, low, high int) (string, map[int]bool) {
	set := map[int]bool{}
	add := func(from, to, step int) {
		for v := from; v <= to; v += step {
			set[v] = true
		}
	}
	switch rapid.IntRange(0, 4).Draw(t, label) {
	case 0:
		add(low, high, 1)
		return "*", set
	case 1:
		step := rapid.IntRange(2, min(20, high-low)).Draw(t, "step")
		add(low, high, step)
		return fmt.Sprintf("*/%d", step), set
	case 2:
		a := rapid.IntRange(low, high).Draw(t, "from")
		b := rapid.IntRange(a, high).Draw(t, "to")
		add(a, b, 1)
		return fmt.Sprintf("%d-%d", a, b), set
	}
	var words []string
	for _, v := range rapid.SliceOfN(rapid.IntRange(low, high), 1, 3).Draw(t, "list") {
		set[v] = true
		words = append(words, strconv.Itoa(v))
	}
	return strings.Join(words, ","), set
}

func plain(t *rapid.T) (c plainCron) {
	var texts [5]string
	texts[0], c.minute = field(t, "minute", 0, 59)
	texts[1], c.hour = field(t, "hour", 0, 23)
	texts[2], c.dom = field(t, "dom", 1, 31)
	texts[3], c.month = field(t, "month", 1, 12)
	texts[4], c.dow = field(t, "dow", 0, 6)
	if rapid.Bool().Draw(t, "any month") {
		texts[3], c.month = "*", map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 7: true, 8: true, 9: true, 10: true, 11: true, 12: true}
	}
	switch rapid.IntRange(0, 6).Draw(t, "extras") {
	case 0:
		texts[2], c.dom, c.lastDay = "L", nil, true
	case 1:
		day := rapid.IntRange(0, 6).Draw(t, "day")
		c.nth = rapid.SampledFrom([]int{1, 2, 3, 4, 5, -1}).Draw(t, "nth")
		texts[4], c.dow = fmt.Sprintf("%d#%d", day, c.nth), map[int]bool{day: true}
		if c.nth < 0 {
			texts[4] = fmt.Sprintf("%d#L", day)
		}
	}
	c.text = strings.Join(texts[:], " ")
	return c
}

func (c plainCron) day(wall time.Time) bool {
	tomorrow := wall.AddDate(0, 0, 1)
	dom := c.dom[wall.Day()] || c.lastDay && tomorrow.Day() == 1
	dow := c.dow[int(wall.Weekday())]
	switch {
	case c.nth > 0:
		dow = dow && (wall.Day()-1)/7+1 == c.nth
	case c.nth < 0:
		dow = dow && wall.AddDate(0, 0, 7).Month() != wall.Month()
	}
	f := strings.Fields(c.text)
	if f[2][0] == '*' || f[4][0] == '*' {
		return dom && dow
	}
	return dom || dow
}

func (c plainCron) matches(wall time.Time) bool {
	return c.minute[wall.Minute()] && c.hour[wall.Hour()] && c.month[int(wall.Month())] && c.day(wall)
}

// starts walks every minute from and to, and notes those at which something
// starts: at a jump also what it skips.
func (c plainCron) starts(from, to time.Time, zone *time.Location) (list []time.Time) {
	f := strings.Fields(c.text)
	elapsed := f[0][0] == '*' || f[1][0] == '*'
	var shown time.Time // latest that the clock has shown
	for now := from; now.Before(to); now = now.Add(time.Minute) {
		_, ahead := now.In(zone).Zone()
		wall := now.UTC().Add(time.Duration(ahead) * time.Second)
		if elapsed {
			if c.matches(wall) {
				list = append(list, now)
			}
			continue
		}
		if shown.IsZero() {
			shown = wall.Add(-time.Minute)
		}
		starts := false
		for shown.Before(wall) {
			shown = shown.Add(time.Minute)
			starts = starts || c.matches(shown)
		}
		if starts {
			list = append(list, now)
		}
	}
	return list
}

// places where clocks change in different ways, and a time near each change.
var changes = []struct{ zone, near string }{
	{"America/Los_Angeles", "2026-03-08T10:00:00Z"}, {"America/Los_Angeles", "2026-11-01T09:00:00Z"},
	{"Europe/Berlin", "2026-03-29T01:00:00Z"}, {"Europe/Berlin", "2045-10-29T01:00:00Z"},
	{"Australia/Lord_Howe", "2026-04-04T15:00:00Z"}, {"Australia/Lord_Howe", "2026-10-03T15:30:00Z"},
	{"America/Sao_Paulo", "2018-11-04T03:00:00Z"}, {"America/Sao_Paulo", "2018-02-18T02:00:00Z"},
	{"Asia/Kathmandu", "1985-12-31T18:30:00Z"}, {"Pacific/Apia", "2011-12-30T10:00:00Z"},
	{"Africa/Casablanca", "2026-02-15T02:00:00Z"}, {"UTC", "2024-02-29T00:00:00Z"}, {"Europe/Berlin", "2040-12-31T01:00:00Z"},
}

// TestScheduleAgainstAWalk compares with every minute walked around a change.
func TestScheduleAgainstAWalk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := plain(t)
		change := rapid.SampledFrom(changes).Draw(t, "change")
		zone, err := time.LoadLocation(change.zone)
		if err != nil {
			t.Fatal(err)
		}
		near, _ := time.Parse(time.RFC3339, change.near)
		parsed, err := policy.ParseCron(c.text)
		if err != nil {
			if strings.Contains(err.Error(), "never happens") {
				return
			}
			t.Fatal(c.text, err)
		}
		length := time.Duration(rapid.IntRange(1, 900).Draw(t, "minutes")) * time.Minute
		s := policy.Schedule{Cron: parsed, For: length, Workers: 1, Zone: zone}
		from, to := near.Add(-length-26*time.Hour), near.Add(36*time.Hour)
		starts := c.starts(from, to, zone)
		for now := near.Add(-24 * time.Hour); now.Before(near.Add(34 * time.Hour)); now = now.Add(23 * time.Minute) {
			on := slices.ContainsFunc(starts, func(start time.Time) bool { return !start.After(now) && now.Before(start.Add(length)) })
			n, because, err := s.Want(signals.Snapshot{Now: now})
			if err != nil || on != (n == 1) {
				t.Fatalf("%q for %s in %s at %s: want %d, %s; on by the walk: %v", c.text, length, zone, now.In(zone), n, because, on)
			}
			i := slices.IndexFunc(starts, func(start time.Time) bool { return start.After(now) })
			if n == 0 && i >= 0 && !strings.HasSuffix(because, starts[i].In(zone).Format("2006-01-02 15:04 MST")) {
				t.Fatalf("%q in %s at %s: %s; by the walk it starts at %s", c.text, zone, now.In(zone), because, starts[i].In(zone))
			}
		}
	})
}

// TestScheduleAgainstTheLibrary compares over decades, where no clock jumps, with
// the library's search, which goes from minute to minute.
func TestScheduleAgainstTheLibrary(t *testing.T) {
	parser := cron.MustNewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.DomL | cron.DowNth | cron.DowLast | cron.DowOrDom).WithMaxSearchYears(40)
	rapid.Check(t, func(t *rapid.T) {
		c := plain(t)
		if f := strings.Fields(c.text); strings.HasPrefix(f[2], "*/") || strings.HasPrefix(f[4], "*/") {
			t.Skip("the library takes these for restrictions")
		}
		theirs, err := parser.Parse("TZ=UTC " + c.text)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Unix(rapid.Int64Range(0, 130*365*86400).Draw(t, "now"), 0).UTC()
		next := theirs.Next(now)
		parsed, err := policy.ParseCron(c.text)
		if err != nil {
			if !next.IsZero() {
				t.Fatalf("%q: %v, and the library has %s", c.text, err, next)
			}
			return
		}
		want := func(now time.Time, n int, said string) {
			s := policy.Schedule{Cron: parsed, For: time.Minute, Workers: 1}
			if got, because, _ := s.Want(signals.Snapshot{Now: now}); got != n || !strings.HasPrefix(because, said) {
				t.Fatalf("%q at %s: want %d, %s; by the library %d, %s", c.text, now, got, because, n, said)
			}
		}
		if now = next.Add(-time.Minute); !theirs.Next(now.Add(-time.Second)).Equal(now) {
			want(now, 0, "off until "+next.Format("Mon 2006-01-02 15:04 MST"))
		}
		want(next, 1, "on until ")
		previous := theirs.(*cron.SpecSchedule).Prev(next)
		for _, on := range []time.Duration{next.Sub(previous), next.Sub(previous) - time.Minute} {
			s := policy.Schedule{Cron: parsed, For: on, Workers: 1}
			got, because, _ := s.Want(signals.Snapshot{Now: next.Add(-time.Second)})
			if (got == 1) != (previous.Add(on).After(next.Add(-time.Second))) {
				t.Fatalf("%q for %s before %s: want %d, %s; the start before is %s", c.text, on, next, got, because, previous)
			}
		}
	})
}

func TestCronIsRefused(t *testing.T) {
	for _, c := range []struct{ text, said string }{
		{"", "does not have five fields"},
		{"0 17 * *", "does not have five fields"},
		{"0 0 17 * * SUN", "does not have five fields"},
		{"0 25 * * *", "is not a cron expression"},
		{"0 0 30 2 *", "never happens"},
		{"0 0 31 4,6,9,11 *", "never happens"},
		{"@every 5m", "has no fixed times"},
		{"@reboot", "is not a cron expression"},
		{"TZ=UTC 0 0 * * *", "use timezone:"},
		{"CRON_TZ=Europe/Berlin 0 0 * * *", "use timezone:"},
		{"H H * * *", "is not a cron expression"},
		{"0 0 15W * *", "is not a cron expression"},
	} {
		if _, err := policy.ParseCron(c.text); err == nil || !strings.Contains(err.Error(), c.said) {
			t.Errorf("%q: %v, want %q", c.text, err, c.said)
		}
	}
	for _, text := range []string{"0 0 29 2 *", "0 0 */28 2 MON", "@hourly", "@weekly", "0 17 * * sun", "0 0 * * 7", "0 22-2 * * FRI-MON", "0 0 L * *", "0 0 * * FRI#L"} {
		cronOf(t, text)
	}
}

// FuzzCron wants an error or a schedule that can be asked, whatever is written.
func FuzzCron(f *testing.F) {
	for _, text := range []string{"0 17 * * SUN", "*/5 * * * *", "@daily", "0 0 L * *", "0 0 31 2 *", "0 0 * * MON#2", "0 0 29 2 FRI#L", "TZ=UTC * * * * *", "@every 1s", "1-5/2,7 22-3 ? * *", "0 0 L-31 2 *"} {
		f.Add(text, int64(1_772_000_000))
	}
	zone := zoneOf(f, "Australia/Lord_Howe")
	f.Fuzz(func(t *testing.T, text string, unix int64) {
		c, err := policy.ParseCron(text)
		if err != nil {
			return
		}
		now := time.Unix(unix%(200*366*86400), 0)
		s := policy.Schedule{Cron: c, For: time.Hour, Workers: 1, Zone: zone}
		if n, because, err := s.Want(signals.Snapshot{Now: now}); err != nil || because == "" || n < 0 || n > 1 {
			t.Errorf("%q at %s: %d, %q, %v", text, now, n, because, err)
		}
	})
}

func BenchmarkSchedule(b *testing.B) {
	zone := zoneOf(b, "America/Los_Angeles")
	for _, c := range []struct{ name, cron, now string }{
		{"off", "0 17 * * SUN", "2026-03-03T12:00:00Z"},
		{"on", "0 17 * * SUN", "2026-03-02T02:00:00Z"},
		{"leap day", "0 0 29 2 *", "2026-03-02T02:00:00Z"},
		{"any hour", "*/30 * * * *", "2026-03-02T02:20:00Z"},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := policy.Schedule{Cron: cronOf(b, c.cron), For: 10 * time.Minute, Workers: 40, Zone: zone}
			if c.name == "on" {
				s.For = 6 * time.Hour
			}
			snapshot := signals.Snapshot{Now: at(b, c.now)}
			b.ReportAllocs()
			for b.Loop() {
				_, _, _ = s.Want(snapshot)
			}
		})
	}
}
