package av_test

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"skynet/worker/recipe"
)

// rounds are odd, for a median; machines change their speed meanwhile, so that what
// is compared takes turns.
const rounds = 5

// spent is what something takes: by the clock, and of processor time of programs.
type spent struct{ wall, cpu time.Duration }

func measure(b *testing.B, f func()) spent {
	b.Helper()
	children := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	begin, before := time.Now(), children()
	f()
	return spent{time.Since(begin), children() - before}
}

func median(all []spent, of func(spent) time.Duration) float64 {
	var v []time.Duration
	for _, s := range all {
		v = append(v, of(s))
	}
	slices.Sort(v)
	return v[len(v)/2].Seconds()
}

func wall(s spent) time.Duration { return s.wall }
func cpu(s spent) time.Duration  { return s.cpu }

// beside reports how long ours takes beside plain.
func beside(b *testing.B, ours, plain func()) {
	b.Helper()
	var us, them []spent
	for range rounds {
		us = append(us, measure(b, ours))
		them = append(them, measure(b, plain))
	}
	b.ReportMetric(median(us, wall), "s")
	b.ReportMetric(median(them, wall), "plain-s")
	b.ReportMetric(median(us, wall)/median(them, wall), "x-plain")
	b.ReportMetric(median(us, cpu)/median(them, cpu), "x-plain-cpu")
}

func ffmpeg(b *testing.B, args ...string) {
	b.Helper()
	if out, err := exec.Command("ffmpeg", slices.Concat([]string{"-nostdin", "-v", "error", "-y"}, args)...).CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
}

// long is a film of 20 s in 720p with grain, as films have it.
func long(b *testing.B) string {
	return film(b, "long.mp4", strings.Fields("-f lavfi -i testsrc2=s=1280x720:r=25:d=20,noise=alls=12:allf=t -f lavfi -i anoisesrc=d=20:c=pink:a=0.1 -c:v libx264 -preset veryfast -crf 20 -pix_fmt yuv420p -c:a aac")...)
}

func items(b *testing.B, yaml, file string) func() {
	m := newMaker(b)
	m.Threads = runtime.NumCPU()
	outs := outputs(b, yaml)
	return func() {
		if _, err := m.Work(b.Context(), recipe.Job{Outputs: outs, Inputs: input(file), Folder: b.TempDir()}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFilm is a whole item (probed, confined, made, checked) beside ffmpeg with
// the same settings on the same file.
func BenchmarkFilm(b *testing.B) {
	file, to := long(b), filepath.Join(b.TempDir(), "plain.mp4")
	n := strconv.Itoa(runtime.NumCPU())
	ours := items(b, `{name: a.mp4, video: [{do: resize, width: 1280}, {do: encode, preset: veryfast}]}`, file)
	for b.Loop() {
		beside(b, ours, func() {
			ffmpeg(b, "-threads", n, "-i", file, "-map", "0:v:0", "-map", "0:a:0", "-vf", "scale=1280:720,setsar=1", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast",
				"-crf", "23", "-profile:v", "high", "-c:a", "aac", "-b:a", "128k", "-threads", n, "-movflags", "+faststart", to)
		})
	}
}

// BenchmarkAllOfAFilm is two renditions, a poster and a sheet beside a run of
// ffmpeg for each.
func BenchmarkAllOfAFilm(b *testing.B) {
	file, to := long(b), b.TempDir()
	ours := items(b, `{name: a.mp4, video: [{do: resize, height: 360}, {do: encode, preset: veryfast}]}, {name: b.mp4, video: [{do: resize, height: 180}, {do: encode, preset: veryfast}]},
		{name: poster.jpg, video: [{do: poster}]}, {name: sheet.jpg, video: [{do: sheet}]}`, file)
	for b.Loop() {
		beside(b, ours, func() {
			for i, height := range []string{"360", "180"} {
				ffmpeg(b, "-i", file, "-vf", "scale=-2:"+height, "-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart", filepath.Join(to, strconv.Itoa(i)+".mp4"))
			}
			ffmpeg(b, "-ss", "1", "-i", file, "-frames:v", "1", "-q:v", "3", filepath.Join(to, "poster.jpg"))
			ffmpeg(b, "-i", file, "-vf", "fps=16/20,scale=320:-2,tile=4x4", "-frames:v", "1", "-q:v", "3", filepath.Join(to, "sheet.jpg"))
		})
	}
}
