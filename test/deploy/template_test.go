// Package deploy tests what deploy/aws brings into an account: that the roles allow
// what the programs ask for and nothing else, that the template deploys, and that what
// runs on a fresh instance leaves an agent with settings that it can read.
package deploy

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

var update = flag.Bool("update", false, "write the policies and the template's user data anew")

const folder = "../../deploy/aws"

// template is what tests look at in template.yaml. The short tags (!Sub, !GetAtt) are
// left out in reading: what they are applied to is left.
type template struct {
	Parameters map[string]map[string]any `yaml:"Parameters"`
	Resources  map[string]struct {
		Type       string         `yaml:"Type"`
		Properties map[string]any `yaml:"Properties"`
	} `yaml:"Resources"`
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func readTemplate(t *testing.T) (tpl template) {
	t.Helper()
	if err := yaml.Unmarshal(read(t, "template.yaml"), &tpl); err != nil {
		t.Fatal(err)
	}
	return tpl
}

// policy is an IAM policy, as far as ours have parts.
type policy struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid       string
	Effect    string
	Action    list
	Resource  list
	Condition map[string]map[string]list `json:",omitempty"`
}

// list is one text or several.
type list []string

// MarshalJSON writes one text as a text.
func (l list) MarshalJSON() ([]byte, error) {
	if len(l) == 1 {
		return json.Marshal(l[0])
	}
	return json.Marshal([]string(l))
}

// UnmarshalJSON reads one text or several.
func (l *list) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*l = list{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(l))
}

// words stand in the policy files for what the template fills in.
var words = strings.NewReplacer(
	"${AWS::Partition}", "aws", "${AWS::AccountId}", "ACCOUNT", "${AWS::Region}", "REGION", "${Name}", "NAME",
	"${LaunchTemplate}", "TEMPLATE", "${Nobody.GroupId}", "GROUP", "${Vpc}", "VPC", "${Input}", "INPUT", "${Output}", "OUTPUT", "${Namespace}", "NAMESPACE",
	`"ec2:InstanceType":"Types"`, `"ec2:InstanceType":"TYPES"`,
)

// policyIn is a policy of the template, with words in place of what it fills in.
func policyIn(t *testing.T, tpl template, resource string) (p policy) {
	t.Helper()
	text, err := json.Marshal(tpl.Resources[resource].Properties["PolicyDocument"])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(words.Replace(string(text))), &p); err != nil {
		t.Fatalf("%s: %v\n%s", resource, err, text)
	}
	return p
}

// roles are the policies, by who has them.
var roles = map[string]struct{ resource, file string }{
	"controller": {"ControllerPolicy", "controller.policy.json"},
	"worker":     {"WorkerPolicy", "worker.policy.json"},
}

func TestPolicyFilesSayWhatTheTemplateSays(t *testing.T) {
	tpl := readTemplate(t)
	for _, r := range roles {
		var text bytes.Buffer
		enc := json.NewEncoder(&text)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(policyIn(t, tpl, r.resource)); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text.String(), "${") {
			t.Errorf("%s holds a variable that has no word:\n%s", r.resource, &text)
		}
		if *update {
			if err := os.WriteFile(filepath.Join(folder, r.file), text.Bytes(), 0o644); err != nil { //nolint:gosec // for all to read
				t.Fatal(err)
			}
		}
		if !bytes.Equal(read(t, r.file), text.Bytes()) {
			t.Errorf("%s is not what the template says: go test ./test/deploy -update", r.file)
		}
	}
}

// Characters of a managed policy, white space aside:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const mostOfAPolicy = 6144

func TestPoliciesFit(t *testing.T) {
	tpl := readTemplate(t)
	filled := strings.NewReplacer(
		"ACCOUNT", "123456789012", "REGION", "ap-southeast-1", "NAMESPACE", "SkyNet/production", `"TYPES"`, `["`+strings.Repeat(`c7gn.12xlarge", "`, 20)+`"]`, "NAME", strings.Repeat("n", 20),
		"TEMPLATE", "lt-0123456789abcdef0", "GROUP", "sg-0123456789abcdef0", "VPC", "vpc-0123456789abcdef0",
	)
	for who, r := range roles {
		text, err := json.Marshal(policyIn(t, tpl, r.resource))
		if n := len(filled.Replace(string(text))); err != nil || n > mostOfAPolicy {
			t.Errorf("%s: %d characters of %d, %v", who, n, mostOfAPolicy, err)
		}
	}
}

// reading are the actions that change nothing.
func reading(action string) bool {
	_, verb, _ := strings.Cut(action, ":")
	return strings.HasPrefix(verb, "Describe") || strings.HasPrefix(verb, "Get") || strings.HasPrefix(verb, "List")
}

func TestNothingMayBeChangedEverywhere(t *testing.T) {
	tpl := readTemplate(t)
	for who, r := range roles {
		for _, s := range policyIn(t, tpl, r.resource).Statement {
			if s.Effect != "Allow" || s.Sid == "" || len(s.Action) == 0 || len(s.Resource) == 0 {
				t.Errorf("%s: statement %+v", who, s)
			}
			changes := slices.ContainsFunc(s.Action, func(a string) bool { return !reading(a) })
			for _, resource := range s.Resource {
				if changes && len(s.Condition) == 0 && everywhere(resource) {
					t.Errorf("%s: %s may do %v to %s, without a condition", who, s.Sid, s.Action, resource)
				}
			}
			for _, a := range s.Action {
				if strings.Contains(a, "*") {
					t.Errorf("%s: %s allows %s: name the actions", who, s.Sid, a)
				}
			}
		}
	}
}

// everywhere reports a resource that is not bound to our account.
func everywhere(arn string) bool {
	return arn == "*" || !strings.Contains(arn, "ACCOUNT") && !strings.HasSuffix(arn, "::image/*")
}

// TestOnlyOursAreChanged wants what EC2 is asked to change bound to our tag or to our
// launch template, resource by resource.
func TestOnlyOursAreChanged(t *testing.T) {
	const ours, asked, from = "aws:ResourceTag/skynet:controller", "aws:RequestTag/skynet:controller", "ec2:LaunchTemplate"
	must := map[string][]string{ // one of these keys
		"ec2:StartInstances": {ours}, "ec2:StopInstances": {ours}, "ec2:TerminateInstances": {ours},
		"ec2:DeleteTags": {ours}, "ec2:CreateTags": {ours, asked}, "ec2:RunInstances": {asked, from}, "iam:PassRole": {"iam:PassedToService"},
	}
	for _, s := range policyIn(t, readTemplate(t), "ControllerPolicy").Statement {
		for _, a := range s.Action {
			if must[a] == nil || unbound[s.Sid] != "" {
				continue
			}
			if !slices.ContainsFunc(must[a], s.conditioned) {
				t.Errorf("%s: %s without a condition on one of %v", s.Sid, a, must[a])
			}
		}
		if slices.Contains(s.Action, "ec2:CreateTags") && !s.conditioned("ec2:CreateAction") && !slices.Equal(s.Condition["ForAllValues:StringEquals"]["aws:TagKeys"], list{"skynet:drain"}) {
			t.Errorf("%s: tags of living instances other than skynet:drain may be set", s.Sid)
		}
		if slices.Contains(s.Action, "ec2:DeleteTags") && !slices.Equal(s.Condition["Null"]["aws:TagKeys"], list{"false"}) {
			t.Errorf("%s: DeleteTags without keys, which removes all tags, is allowed", s.Sid)
		}
	}
}

// unbound are statements of launches that are bound by other means.
var unbound = map[string]string{
	"LaunchFromTemplate": "its resource is the launch template itself",
}

func (s statement) conditioned(key string) bool {
	for operator, keys := range s.Condition {
		if _, ok := keys[key]; ok && operator != "Null" {
			return true
		}
	}
	return false
}

// TestQueuesTakeFromWhomTheyShould looks at the queues' own policies: of AWS's services
// each may send into one queue, on behalf of what the stack has made; heartbeats come
// from workers alone, whatever other roles allow.
func TestQueuesTakeFromWhomTheyShould(t *testing.T) {
	tpl := readTemplate(t)
	for resource, want := range map[string]struct {
		principal, effect, operator, key string
		values                           list
	}{
		"ItemsPolicy":      {"s3.amazonaws.com", "Allow", "ArnEquals", "aws:SourceArn", list{"arn:aws:s3:::NAME-media-ACCOUNT-REGION"}},
		"EventsPolicy":     {"events.amazonaws.com", "Allow", "ArnEquals", "aws:SourceArn", list{"Interruptions.Arn", "Rebalances.Arn", "StateChanges.Arn"}},
		"HeartbeatsPolicy": {"*", "Deny", "ArnNotEquals", "aws:PrincipalArn", list{"WorkerRole.Arn"}},
	} {
		p := policyIn(t, tpl, resource)
		if len(p.Statement) != 1 {
			t.Fatalf("%s has %d statements", resource, len(p.Statement))
		}
		s := p.Statement[0]
		document, _ := tpl.Resources[resource].Properties["PolicyDocument"].(map[string]any)
		first := document["Statement"].([]any)[0].(map[string]any)
		from := first["Principal"]
		if m, ok := from.(map[string]any); ok {
			from = m["Service"]
		}
		if from != want.principal || s.Effect != want.effect || !slices.Equal(s.Action, list{"sqs:SendMessage"}) || !slices.Equal(s.Condition[want.operator][want.key], want.values) {
			t.Errorf("%s: %+v from %v, want %+v", resource, s, from, want)
		}
	}
	if s := policyIn(t, tpl, "ItemsPolicy").Statement[0]; !slices.Equal(s.Condition["StringEquals"]["aws:SourceAccount"], list{"AWS::AccountId"}) {
		t.Errorf("a bucket of the same name in another account may send items: %v", s.Condition)
	}
}

func TestBucketsAreTalkedToByTLSAlone(t *testing.T) {
	tpl := readTemplate(t)
	for resource, bucket := range map[string]string{"MediaPolicy": "Media", "StatePolicy": "State"} {
		p := policyIn(t, tpl, resource)
		s := p.Statement[0]
		if len(p.Statement) != 1 || s.Effect != "Deny" || !slices.Equal(s.Action, list{"s3:*"}) || len(s.Condition) != 1 ||
			!slices.Equal(s.Condition["Bool"]["aws:SecureTransport"], list{"false"}) ||
			!slices.Equal(s.Resource, list{bucket + ".Arn", "${" + bucket + ".Arn}/*"}) || tpl.Resources[resource].Properties["Bucket"] != bucket {
			t.Errorf("%s: %+v", resource, p)
		}
	}
}
