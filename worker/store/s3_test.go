package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"skynet/test/moto"
)

// deliver puts files into a folder under their own names, one after the other.
func deliver(ctx context.Context, s *Stores, folder string, files []string) (urls []string, bytes int64, err error) {
	for _, f := range files {
		u, n, err := s.Put(ctx, folder, filepath.Base(f), f)
		if err != nil {
			return urls, bytes, err
		}
		urls, bytes = append(urls, u), bytes+n
	}
	return urls, bytes, nil
}

// at points the SDK at a server, by its own settings.
func at(t *testing.T, url string) {
	t.Helper()
	for k, v := range map[string]string{
		"AWS_ENDPOINT_URL": url, "AWS_REGION": moto.Region, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_MAX_ATTEMPTS": "1",
	} {
		t.Setenv(k, v)
	}
}

// fake serves an S3 in memory, with a bucket, in front of which is seen.
func fake(t *testing.T, seen func(http.ResponseWriter, *http.Request) (answered bool)) *Stores {
	t.Helper()
	s3 := gofakes3.New(s3mem.New()).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if seen == nil || !seen(w, r) {
			s3.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	at(t, server.URL)
	return opened(t)
}

func opened(t *testing.T) *Stores {
	t.Helper()
	s, err := Open(t.Context(), "s3://media/uploads", "s3://results")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for _, name := range []string{"media", "results"} {
		if _, err := bucketOf(s).client.CreateBucket(t.Context(), &s3.CreateBucketInput{
			Bucket: &name, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: moto.Region},
		}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func bucketOf(s *Stores) *objects { return s.all[0].shelf.(*objects) }

func file(t *testing.T, name string, content []byte) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// trip delivers files, fetches them again and holds them to what they were.
func trip(t *testing.T, s *Stores) {
	t.Helper()
	small, large := []byte("small"), bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
	names := []string{file(t, "1024.jpg", small), file(t, "720p.mp4", large), file(t, "empty.jpg", nil)}
	for range 2 { // a redelivered item writes the same again
		urls, n, err := deliver(t.Context(), s, "s3://results/media/uploads/a photo+1.jpg/", names)
		want := []string{"1024.jpg", "720p.mp4", "empty.jpg"}
		for i := range want {
			want[i] = "s3://results/media/uploads/a%20photo+1.jpg/" + want[i]
		}
		if err != nil || n != int64(len(small)+len(large)) || !slices.Equal(urls, want) {
			t.Fatalf("%q, %d bytes, %v", urls, n, err)
		}
		for i, content := range [][]byte{small, large, nil} {
			to := filepath.Join(t.TempDir(), "input")
			n, err := s.Fetch(t.Context(), urls[i], to)
			if got, _ := os.ReadFile(to); err != nil || n != int64(len(content)) || !bytes.Equal(got, content) {
				t.Errorf("%s: %d bytes, %v", urls[i], n, err)
			}
		}
	}
	about, err := bucketOf(s).client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: new("results"), Key: new("media/uploads/a photo+1.jpg/720p.mp4")})
	if err != nil || *about.ContentType != "video/mp4" {
		t.Errorf("%+v, %v", about, err)
	}
	_, err = s.Fetch(t.Context(), "s3://media/uploads/none.jpg", filepath.Join(t.TempDir(), "x"))
	if !errors.Is(err, fs.ErrNotExist) || err.Error() != "s3://media/uploads/none.jpg: no such object" {
		t.Errorf("an object that is not there: %v", err)
	}
	if err := s.open(t.Context(), "s3://elsewhere"); err != nil {
		t.Fatal(err)
	}
	_, err = s.Fetch(t.Context(), "s3://elsewhere/x", filepath.Join(t.TempDir(), "x"))
	if err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "no such bucket") {
		t.Errorf("a bucket that is not there: %v", err)
	}
}

func TestObjects(t *testing.T) {
	s := fake(t, nil)
	trip(t, s)
	if _, _, err := deliver(t.Context(), s, "s3://results/x", []string{t.TempDir()}); err == nil || !strings.Contains(err.Error(), "is not a file") {
		t.Errorf("delivered a folder: %v", err)
	}
}

func TestMotoKeepsObjects(t *testing.T) {
	at(t, moto.Start(t).URL)
	s := opened(t)
	s.all[1].shelf.(*objects).part = 5 << 20 // the least that S3 takes
	trip(t, s)
	big := bytes.Repeat([]byte("film"), 11<<18) // 11 MiB
	if _, _, err := deliver(t.Context(), s, "s3://results/film", []string{file(t, "1080p.mp4", big)}); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "film")
	if _, err := s.Fetch(t.Context(), "s3://results/film/1080p.mp4", to); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(to); !bytes.Equal(got, big) {
		t.Errorf("wrote %d bytes, read %d others", len(big), len(got))
	}
}

func TestNothingOfABucketLeadsOutside(t *testing.T) {
	s := fake(t, nil)
	for _, u := range []string{
		"s3://media/other/a.jpg", "s3://media/uploads2/a.jpg", "s3://media/uploads", "s3://media/uploads/../other/a.jpg",
		"s3://media/uploads//a.jpg", "s3://media/uploads/%2e%2e/a.jpg", "s3://media/uploads/..%2fa.jpg", "s3://media/uploads/a?versionId=1",
		"s3://key@media/uploads/a", "s3://other/uploads/a", "s3:///media/uploads/a", "s3://media:80/uploads/a",
	} {
		if _, err := s.Fetch(t.Context(), u, filepath.Join(t.TempDir(), "x")); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was asked for: %v", u, err)
		}
	}
}

// parts has large objects written in parts, and counts what is asked.
func parts(t *testing.T, fail func(r *http.Request) bool) (s *Stores, asked func() map[string]int) {
	t.Helper()
	var mu sync.Mutex
	count := map[string]int{}
	s = fake(t, func(w http.ResponseWriter, r *http.Request) bool {
		q, what := r.URL.Query(), r.Method
		switch {
		case q.Has("uploads"):
			what = "begin"
		case q.Has("partNumber"):
			what = "part"
		case q.Has("uploadId"):
			what = map[string]string{http.MethodPost: "complete", http.MethodDelete: "abort"}[r.Method]
		}
		mu.Lock()
		count[what]++
		mu.Unlock()
		if fail == nil || !fail(r) {
			return false
		}
		answer(w, http.StatusServiceUnavailable, "SlowDown")
		return true
	})
	for _, st := range s.all {
		st.shelf.(*objects).part = 100 << 10
	}
	return s, func() map[string]int { mu.Lock(); defer mu.Unlock(); return count }
}

func answer(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>said the server</Message></Error>`, code)
}

func TestLargeObjectsGoInParts(t *testing.T) {
	s, asked := parts(t, nil)
	trip(t, s)
	if got := asked(); got["begin"] != 2 || got["part"] != 22 || got["complete"] != 2 || got["abort"] != 0 {
		t.Errorf("asked %v", got)
	}
}

func TestAPartThatFailsLeavesNothing(t *testing.T) {
	s, asked := parts(t, func(r *http.Request) bool { return r.URL.Query().Get("partNumber") == "7" })
	_, _, err := deliver(t.Context(), s, "s3://results/x", []string{file(t, "a.mp4", make([]byte, 1<<20))})
	if err == nil || !strings.Contains(err.Error(), "write s3://results/x/a.mp4: S3 asks us to slow down") {
		t.Errorf("err %v", err)
	}
	if got := asked(); got["abort"] != 1 || got["complete"] != 0 {
		t.Errorf("asked %v", got)
	}
	if _, err := s.Fetch(t.Context(), "s3://results/x/a.mp4", filepath.Join(t.TempDir(), "x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is something: %v", err)
	}
}

func TestACancelledObjectDoesNotAppear(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, asked := parts(t, func(r *http.Request) bool {
		if r.URL.Query().Get("partNumber") == "3" {
			_, _ = io.Copy(io.Discard, r.Body) // or the server does not see that nobody waits
			cancel()
			<-r.Context().Done()
		}
		return false
	})
	_, _, err := deliver(ctx, s, "s3://results/x", []string{file(t, "a.mp4", make([]byte, 1<<20))})
	if !errors.Is(err, context.Canceled) || asked()["complete"] != 0 || asked()["abort"] != 1 {
		t.Errorf("err %v, asked %v", err, asked())
	}
}

func TestWhatS3SaysIsPlain(t *testing.T) {
	code, status := "", 0
	s := fake(t, func(w http.ResponseWriter, r *http.Request) bool {
		if code == "" {
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body)
		answer(w, status, code)
		return true
	})
	for _, c := range []struct {
		status     int
		code, want string
	}{
		{403, "AccessDenied", "the role needs s3:GetObject"},
		{403, "InvalidObjectState", "the object is archived; restore it first"},
		{301, "PermanentRedirect", "write ?region=REGION"},
		{503, "SlowDown", "S3 asks us to slow down"},
		{404, "NoSuchBucket", "there is no such bucket"},
		{400, "KMS.DisabledException", "the key that encrypts it cannot be used"},
	} {
		code, status = c.code, c.status
		_, err := s.Fetch(t.Context(), "s3://media/uploads/a.jpg", filepath.Join(t.TempDir(), "x"))
		if err == nil || !strings.Contains(err.Error(), "s3://media/uploads/a.jpg: ") || !strings.Contains(err.Error(), c.want) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: fetch says %v", c.code, err)
		}
		_, _, err = deliver(t.Context(), s, "s3://results/x", []string{file(t, "a.jpg", []byte("x"))})
		if err == nil || !strings.Contains(err.Error(), "write s3://results/x/a.jpg: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: deliver says %v", c.code, err)
		}
	}
}

func TestAnAnswerThatIsCutShortIsAnError(t *testing.T) {
	s := fake(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet {
			return false
		}
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
		return true
	})
	if n, err := s.Fetch(t.Context(), "s3://media/uploads/a.jpg", filepath.Join(t.TempDir(), "x")); err == nil || n == 100 {
		t.Errorf("fetched %d bytes, %v", n, err)
	}
}

func TestABucketWithoutARegionSaysSo(t *testing.T) {
	at(t, "http://127.0.0.1:1")
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	if _, err := Open(t.Context(), "s3://media"); err == nil || !strings.Contains(err.Error(), "store s3://media: in which region is the bucket?") {
		t.Errorf("err %v", err)
	}
	if _, err := Open(t.Context(), "s3://media?region=eu-west-1"); err != nil {
		t.Error(err)
	}
}

// TestListOfABucket: keys of all pages, by the names that items have for them.
func TestListOfABucket(t *testing.T) { listOfABucket(t, fake(t, nil)) }

func TestMotoListOfABucket(t *testing.T) {
	at(t, moto.Start(t).URL)
	listOfABucket(t, opened(t))
}

func listOfABucket(t *testing.T, s *Stores) {
	t.Helper()
	for i := range 1200 { // more than a page
		if err := s.Write(t.Context(), fmt.Sprintf("s3://media/uploads/in/%04d%%20a+b.jpg", i), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := bucketOf(s).client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new("media"), Key: new("uploads/in/folder/")}); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), "s3://media/uploads/inner/x.jpg", []byte("x")); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	visit := func(url string, bytes int64, written time.Time) error {
		if seen[url] || bytes != 1 || written.IsZero() {
			t.Errorf("%s: %d bytes, written %s", url, bytes, written)
		}
		seen[url] = true
		return nil
	}
	if err := s.List(t.Context(), "s3://media/uploads/in", visit); err != nil || len(seen) != 1200 || !seen["s3://media/uploads/in/0007%20a+b.jpg"] {
		t.Errorf("%d objects, %v", len(seen), err)
	}
	got, err := s.Read(t.Context(), "s3://media/uploads/in/1199%20a+b.jpg", 10)
	if err != nil || string(got) != "x" {
		t.Errorf("read %q, %v", got, err)
	}
}
