package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/zap"

	"skynet/config"
)

// stsOf answers GetCallerIdentity on the wire, as
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html shows it.
func stsOf(t *testing.T, account string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if account == "" {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>The security token included in the request is invalid.</Message></Error></ErrorResponse>`)
			return
		}
		if !strings.Contains(r.UserAgent(), " skynet/") {
			t.Errorf("says that it is %q", r.UserAgent())
		}
		fmt.Fprintf(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::%s:user/ops</Arn><Account>%[1]s</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`, account)
	}))
	t.Cleanup(s.Close)
	t.Setenv("AWS_ENDPOINT_URL", s.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
}

func TestActsInTheAccountOfTheSettingsAlone(t *testing.T) {
	for _, c := range []struct {
		name, account string
		said          []string // "" where all is well
	}{
		{"the account", "123456789012", nil},
		{"another", "210987654321", []string{"aws.account is 123456789012", "of account 210987654321 (arn:aws:iam::210987654321:user/ops)"}},
		{"none at all", "", []string{"ask AWS whose credentials these are", "InvalidClientTokenId"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			stsOf(t, c.account)
			d := &daemon{log: zap.NewNop(), cfg: config.Config{StateDir: t.TempDir(), AWS: &config.AWS{Account: "123456789012", Region: "eu-west-1"}}}
			err := d.openAWS(t.Context())
			if (err == nil) != (c.said == nil) {
				t.Fatalf("got %v", err)
			}
			for _, s := range c.said {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%v does not say %q", err, s)
				}
			}
		})
	}
}
