package redact_test

import (
	"encoding/json"
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
		`{"note":"{\"password\":\"s3 cret\",\"n\":1}"}`:           `{"note":"{\"password\":xxxxx,\"n\":1}"}`,
		`{"note":"{\"password\":\"s3\\\"cret\",\"n\":1}"}`:        `{"note":"{\"password\":xxxxx,\"n\":1}"}`,
		`{"note":"{\"password\":\"s3cret\\\\\",\"n\":1}"}`:        `{"note":"{\"password\":xxxxx,\"n\":1}"}`,
		`{"note":"{\"password\":\"s3cr", "n": 1}`:                 `{"note":"{\"password\":xxxxx", "n": 1}`,
		`"{\"a\":\"{\\\"token\\\":\\\"s3cret\\\"}\"}"`:            `"{\"a\":\"{\\\"token\\\":xxxxx}\"}"`,
		`"password=\"s3 cret\"" and more`:                         `"password=xxxxx" and more`,
		`"\"password=s3cret\""`:                                   `"\"password=xxxxx\""`,
		`{"secretKey":"s3cret","accessToken": "s3cret"}`:          `{"secretKey":xxxxx,"accessToken": xxxxx}`,
		`{"dbPassword":"s3cret","clientSecret":"s3cret","n":1}`:   `{"dbPassword":xxxxx,"clientSecret":xxxxx,"n":1}`,
		"x-api-key: s3cret, privateKey=s3cret":                    "x-api-key: xxxxx, privateKey=xxxxx",
		`{"password":"s3cr`:                                       `{"password":xxxxx`,
		`{"password":"s3 cr\`:                                     `{"password":xxxxx`,
		`{'password': 's3cr et`:                                   `{'password': xxxxx`,
		`{'password': 'it''s3cret', n: 1}`:                        `{'password': xxxxx, n: 1}`,
		`"{""password"":""s3cret"",""n"":1}"`:                     `"{""password"":xxxxx"",""n"":1}"`,
		`password=s3"cret n`:                                      `password=xxxxx`,
		`'password=s3cret' n`:                                     `'password=xxxxx' n`,
		`{"token":["s3","cret"],"n":1}`:                           `{"token":xxxxx,"n":1}`,
		`{"credential":{"a":"s3","b":["cret"]},"n":1}`:            `{"credential":xxxxx,"n":1}`,
		`{"h":"Bearer s3cret","n":1,"password":"s3 cret"}`:        `{"h":"Bearer xxxxx","n":1,"password":xxxxx}`,
		`{"password":"","n":1} password=`:                         `{"password":xxxxx,"n":1} password=`,
		"token_file: /etc/token, tokens read 3":                   "token_file: /etc/token, tokens read 3",
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

// FuzzText: what is called a password in JSON is not shown, however often the JSON is a
// text in JSON, whatever is around it, and wherever it is cut.
func FuzzText(f *testing.F) {
	f.Add("x", "y", uint8(1), uint16(1000))
	f.Add(`a\"b`, "}", uint8(3), uint16(40))
	f.Add("bearer ", "'", uint8(0), uint16(9))
	f.Fuzz(func(t *testing.T, before, after string, deep uint8, cut uint16) {
		const canary = "canary7f3a"
		if strings.Contains(before+after, "canary") {
			return
		}
		doc := map[string]any{"a": "n", "dbPassword": before + canary + after, "z": 1}
		text, _ := json.Marshal(doc)
		for range deep % 4 {
			text, _ = json.Marshal(map[string]string{"note": string(text)})
		}
		for _, text := range []string{string(text), string(text[:min(len(text), int(cut))])} {
			if got := redact.Text(text); strings.Contains(got, "canary") {
				t.Errorf("%s\nis shown as %s", text, got)
			}
		}
	})
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
