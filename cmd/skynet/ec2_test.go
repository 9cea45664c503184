package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"skynet/config"
	"skynet/config/strict"
)

const (
	anIdentity   = `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/ops</Arn><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`
	anAbandoned  = `<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId><instanceState><name>stopped</name></instanceState><tagSet><item><key>skynet:controller</key><value>skynet</value></item><item><key>skynet:fleet</key><value>old</value></item></tagSet></item></instancesSet></item></reservationSet></DescribeInstancesResponse>`
	unauthorized = `<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>`
)

// The last fleet on EC2 was taken out of the settings: what it has left is still told
// of, and reaped. Where EC2 may not be read, as by who never used it, that is no
// mistake.
func TestAbandonedOnEC2(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		answer string
		opened bool
	}{
		"something is left":    {http.StatusOK, anAbandoned, true},
		"EC2 may not be read":  {http.StatusForbidden, unauthorized, false},
		"EC2 talks to nobody.": {http.StatusBadRequest, unauthorized, false},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.Header.Get("Authorization"), "/sts/") {
				fmt.Fprint(w, anIdentity)
				return
			}
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.answer)
		}))
		t.Cleanup(server.Close)
		t.Setenv("AWS_ENDPOINT_URL", server.URL)
		t.Setenv("AWS_ACCESS_KEY_ID", "test")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
		core, logs := observer.New(zap.WarnLevel)
		d := &daemon{log: zap.New(core), cfg: config.Config{
			AWS:    &config.AWS{Account: testAccount, Region: testRegion, Name: "skynet", Orphans: strict.Duration(time.Hour)},
			Fleets: []config.Fleet{{Name: "render", Local: &config.Local{}}},
		}}
		if err := d.openAWS(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := d.openEC2(t.Context()); err != nil || (d.ec2 != nil) != c.opened {
			t.Errorf("%s: opened is %t, %v", name, d.ec2 != nil, err)
		}
		if err := d.warnOfStrays(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		told := ""
		for _, l := range logs.All() {
			told += l.Message
		}
		if c.opened != strings.Contains(told, "before they were not heard for 1h0m0s (aws.orphans)") {
			t.Errorf("%s: says %q", name, told)
		}
	}
}

func TestWhatBecomesOfStrays(t *testing.T) {
	if s := reaped(0); !strings.Contains(s, "aws.orphans is 0s") {
		t.Error(s)
	}
}
