package redact_test

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"

	"skynet/config/redact"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"":                        "",
		"plain words, 3:4 = 0.75": "plain words, 3:4 = 0.75",
		"file:///srv/media/a.jpg": "file:///srv/media/a.jpg",
		"s3://bucket/folder@home/a.jpg?region=eu-west-1":          "s3://bucket/folder@home/a.jpg?region=eu-west-1",
		"nats://h:4222/photos":                                    "nats://h:4222/photos",
		"nats://user:s3cret@h:4222/photos":                        "nats://xxxxx@h:4222/photos",
		"nats://s3cret@h:4222/photos":                             "nats://xxxxx@h:4222/photos",
		"postgres://u:s3%zzcret@h/x":                              "postgres://xxxxx@h/x",
		"postgres://u:s3cr/et@h/x":                                "postgres://xxxxx@h/x",
		"postgres://u:s3cr#et@h/x":                                "postgres://xxxxx@h/x",
		"postgres://u:s3cr?et@h/x":                                "postgres://xxxxx@h/x",
		"postgres://u:s3cret":                                     "postgres://xxxxx",
		"http://[::1]:80/x":                                       "http://[::1]:80/x",
		"postgres://u:s3c@ret@h/x":                                "postgres://xxxxx@h/x",
		"postgres://h/x?user=s3cret&password=s3cret&sslmode=off":  "postgres://h/x?user=xxxxx&password=xxxxx&sslmode=off",
		"https://b.s3.amazonaws.com/a?X-Amz-Signature=s3cret":     "https://b.s3.amazonaws.com/a?X-Amz-Signature=xxxxx",
		"https://h/x?s3cret":                                      "https://h/x?xxxxx",
		"https://h/x#s3cret":                                      "https://h/x#xxxxx",
		`post "https://u:s3cret@h/x?t=s3cret": refused`:           `post "https://xxxxx@h/x?t=xxxxx": refused`,
		"host=h password=s3cret dbname=x":                         "host=h password=xxxxx dbname=x",
		"host=h password='s3 cret' dbname=x":                      "host=h password=xxxxx dbname=x",
		"Authorization: Bearer s3cret":                            "Authorization: Bearer xxxxx",
		"AWS_SECRET_ACCESS_KEY=s3cret, aws_session_token: s3cret": "AWS_SECRET_ACCESS_KEY=xxxxx, aws_session_token: xxxxx",
		"x-api-key is not there; a token was expected":            "x-api-key is not there; a token was expected",
		`{"db_password": "s3 \"cret", "n": 1, "token":"s3cret"}`:  `{"db_password": xxxxx, "n": 1, "token":xxxxx}`,
		`{"input":"https://b/a.jpg?sig=s3cret","password":"",}`:   `{"input":"https://b/a.jpg?sig=xxxxx","password":xxxxx,}`,
		"two: nats://a:s3cret@h and nats://b:s3cret@h":            "two: nats://xxxxx@h and nats://xxxxx@h",
	} {
		if got := redact.Text(in); got != want {
			t.Errorf("%s\nis shown as %s\nwant        %s", in, got, want)
		}
	}
}

func TestKnown(t *testing.T) {
	const secret = `s3 cr"et/+x`
	for _, in := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret), `{"a":"s3 cr\"et/+x"}`} {
		got := redact.Known("before "+in+" after", "other", "", secret)
		if strings.Contains(got, "s3") || !strings.Contains(got, "before ") || !strings.Contains(got, redact.Mask) {
			t.Errorf("%s is shown as %s", in, got)
		}
	}
	if got := redact.Known("answered 404: no", "4", "no"); got != "answered 404: no" {
		t.Errorf("hides what is too short to be a secret: %s", got)
	}
}

func TestParts(t *testing.T) {
	u, err := url.Parse("https://s3cret-u:s3cret-p@host/services/s3cret-path?t=s3cret%2Fvalue#s3cret-f")
	if err != nil {
		t.Fatal(err)
	}
	got := redact.Known("host says s3cret-u s3cret-p /services/s3cret-path s3cret/value s3cret%2Fvalue s3cret-f", redact.Parts(u)...)
	if strings.Contains(got, "s3cret") || !strings.HasPrefix(got, "host says ") {
		t.Error(got)
	}
}

func TestErrorsStayWhatTheyAre(t *testing.T) {
	err := redact.Error(fmt.Errorf("connect as s3cret-word: %w", io.EOF), "s3cret-word")
	if !errors.Is(err, io.EOF) || err.Error() != "connect as xxxxx: EOF" {
		t.Error(err)
	}
	if redact.Error(nil, "x") != nil || !errors.Is(redact.Error(io.EOF, "s3cret-word"), io.EOF) {
		t.Error("changes what holds no secret")
	}
}

// FuzzURL: whatever is written before a host's @, or as a parameter, is not shown.
func FuzzURL(f *testing.F) {
	f.Add("postgres", "h/x")
	f.Add("nats", "h:4222/photos?x=1#y@z")
	f.Fuzz(func(t *testing.T, scheme, rest string) {
		const canary = "canary7f3a"
		if strings.ContainsAny(scheme, ":/?#@") || scheme == "" {
			return
		}
		if got := redact.URL(scheme + "://u:" + canary + "@" + strings.ReplaceAll(rest, canary, "")); strings.Contains(got, canary) {
			t.Errorf("shows %q", got)
		}
		if strings.ContainsAny(rest, "?#") {
			return
		}
		if got := redact.URL(scheme + "://" + rest + "?token=" + canary); strings.Contains(got, canary) {
			t.Errorf("shows %q", got)
		}
	})
}
