package aws

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// allowed wants every call that a program has made to be allowed by the policy that
// operators are given for it, and to be on the page that says what is called. moto
// allows everything; resources and conditions are not looked at here.
func allowed(t *testing.T, role string, w *wire) {
	t.Helper()
	actions := allowedBy(t, "../../deploy/aws/"+role+".policy.json")
	page, err := os.ReadFile("../../docs/aws.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range w.asked() {
		if service, verb, _ := strings.Cut(call, ":"); service != "s3" && !strings.Contains(string(page), verb) {
			t.Errorf("docs/aws.md does not list %s of the %s", call, role)
		}
		if action := permission(call); action != "" && !slices.Contains(actions, action) {
			t.Errorf("the policy for the %s does not allow %s, which %s needs", role, action, call)
		}
	}
}

func allowedBy(t *testing.T, file string) (actions []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var policy struct{ Statement []struct{ Action any } }
	if err := json.Unmarshal(text, &policy); err != nil {
		t.Fatal(err)
	}
	for _, s := range policy.Statement {
		switch a := s.Action.(type) {
		case string:
			actions = append(actions, a)
		case []any:
			for _, one := range a {
				actions = append(actions, one.(string))
			}
		}
	}
	return actions
}

// permission is the IAM action that a call needs, "" where it needs none.
func permission(call string) string {
	service, verb, _ := strings.Cut(call, ":")
	switch service {
	case "sts": // https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
		return ""
	case "monitoring":
		return "cloudwatch:" + verb
	case "s3":
		return "s3:" + map[string]string{"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "POST": "PutObject", "DELETE": "AbortMultipartUpload"}[verb]
	}
	return service + ":" + strings.TrimSuffix(verb, "Batch")
}
