package deploy

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What the template is filled in with for these tests.
const (
	ec2Arn  = "arn:aws:ec2:eu-west-1:123456789012:"
	imageA  = "arn:aws:ec2:eu-west-1::image/ami-0a"
	modelA  = ec2Arn + "launch-template/lt-0a"
	groupA  = ec2Arn + "security-group/sg-0a"
	vpcA    = ec2Arn + "vpc/vpc-0a"
	subnetA = ec2Arn + "subnet/subnet-0a"
	roleA   = "arn:aws:iam::123456789012:role/skynet-worker-eu-west-1"
	sqsArn  = "arn:aws:sqs:eu-west-1:123456789012:"
	mediaA  = "arn:aws:s3:::skynet-media-123456789012-eu-west-1"
	stateA  = "arn:aws:s3:::skynet-state-123456789012-eu-west-1"
	ours    = "aws:ResourceTag/skynet:controller"
	asked   = "aws:RequestTag/skynet:controller"
)

var filledIn = strings.NewReplacer(
	"ACCOUNT", "123456789012", "REGION", "eu-west-1", "NAMESPACE", "SkyNet", "NAME", "skynet", `"TYPES"`, `["c7i.xlarge","c7a.xlarge"]`,
	"TEMPLATE", "lt-0a", "GROUP", "sg-0a", "VPC", "vpc-0a", "INPUT", "in", "OUTPUT", "out",
)

// filled is the policy of a role, as it is in an account.
func filled(t *testing.T, who string) (p policy) {
	t.Helper()
	if err := json.Unmarshal([]byte(filledIn.Replace(string(read(t, roles[who].file)))), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// try is one call with one of its arguments wrong, or with all of them right.
type try struct {
	who       string
	operation string // of the table of calls; "" where the programs never make it
	what      string // in words, what is tried
	asks      []ask
}

type facts = map[string][]string

// told merges what IAM is told.
func told(all ...facts) facts {
	sum := facts{}
	for _, one := range all {
		maps.Copy(sum, one)
	}
	return sum
}

func fact(pairs ...string) facts {
	f := facts{}
	for i := 0; i < len(pairs); i += 2 {
		f[pairs[i]] = append(f[pairs[i]], pairs[i+1])
	}
	return f
}

// launch is what CreateFleet asks, resource by resource, with what the keys of the
// Service Authorization Reference say of each. Each may be changed before it is asked.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
func launch(change func(*ask)) (asks []ask) {
	tagged := fact(asked, "skynet", "aws:TagKeys", "skynet:controller", "aws:TagKeys", "skynet:fleet", "aws:TagKeys", "skynet:intent")
	from := fact("ec2:LaunchTemplate", modelA)
	kind := fact("ec2:InstanceType", "c7i.xlarge")
	own := fact("ec2:IsLaunchTemplateResource", "true")
	there := fact("ec2:Vpc", vpcA, "ec2:IsLaunchTemplateResource", "false")
	add := func(action, resource string, f ...facts) {
		a := ask{action, resource, told(f...)}
		change(&a)
		asks = append(asks, a)
	}
	for _, resource := range []string{"fleet/*", "volume/*"} {
		add("ec2:CreateFleet", ec2Arn+resource, tagged)
	}
	add("ec2:CreateFleet", ec2Arn+"instance/*", tagged, kind)
	for _, resource := range []string{imageA, subnetA, modelA} {
		add("ec2:CreateFleet", resource)
	}
	add("ec2:RunInstances", ec2Arn+"instance/*", tagged, from, kind, own)
	add("ec2:RunInstances", ec2Arn+"volume/*", tagged, from, own)
	add("ec2:RunInstances", imageA, from, own)
	add("ec2:RunInstances", groupA, from, own)
	add("ec2:RunInstances", ec2Arn+"network-interface/*", from, there)
	add("ec2:RunInstances", subnetA, from, there)
	add("ec2:RunInstances", modelA, from)
	add("ec2:CreateTags", ec2Arn+"fleet/*", tagged, fact("ec2:CreateAction", "CreateFleet"))
	add("ec2:CreateTags", ec2Arn+"instance/*", tagged, fact("ec2:CreateAction", "RunInstances"))
	add("ec2:CreateTags", ec2Arn+"volume/*", tagged, fact("ec2:CreateAction", "RunInstances"))
	add("iam:PassRole", roleA, fact("iam:PassedToService", "ec2.amazonaws.com"))
	return asks
}

func asIs(*ask) {}

// instead changes a fact wherever it is told; "" is not told at all. With resources,
// only in asks on a resource that has one of them in its name.
func instead(key, value string, resources ...string) func(*ask) {
	return func(a *ask) {
		_, is := a.Context[key]
		concerned := len(resources) == 0 || slices.ContainsFunc(resources, func(r string) bool { return strings.Contains(a.Resource, r) })
		switch {
		case !is || !concerned:
		case value == "":
			delete(a.Context, key)
		default:
			a.Context[key] = []string{value}
		}
	}
}

// on has another resource in place of one.
func on(one, other string) func(*ask) {
	return func(a *ask) {
		if a.Resource == one {
			a.Resource = other
		}
	}
}

func single(action, resource string, f ...facts) []ask { return []ask{{action, resource, told(f...)}} }

var drainTag = fact(ours, "skynet", "aws:TagKeys", "skynet:drain")

// allowedTries are the programs' calls with arguments of theirs: each must pass.
var allowedTries = append([]try{
	{"controller", "ec2:CreateFleet", "a launch", launch(asIs)},
	{"controller", "ec2:CreateFleet", "a launch of the other type", launch(instead("ec2:InstanceType", "c7a.xlarge"))},
	{"controller", "ec2:CreateFleet", "a launch, if CreateFleet is told no type", launch(func(a *ask) {
		if a.Action == "ec2:CreateFleet" {
			delete(a.Context, "ec2:InstanceType")
		}
	})},
	{"controller", "ec2:StartInstances", "a wake", single("ec2:StartInstances", ec2Arn+"instance/i-0a", fact(ours, "skynet"))},
	{"controller", "ec2:StopInstances", "a sleep", single("ec2:StopInstances", ec2Arn+"instance/i-0a", fact(ours, "skynet"))},
	{"controller", "ec2:TerminateInstances", "an exit", single("ec2:TerminateInstances", ec2Arn+"instance/i-0a", fact(ours, "skynet"))},
	{"controller", "ec2:CreateTags", "a drain", single("ec2:CreateTags", ec2Arn+"instance/i-0a", drainTag, fact("aws:RequestTag/skynet:drain", "d1"))},
	{"controller", "ec2:DeleteTags", "a recall", single("ec2:DeleteTags", ec2Arn+"instance/i-0a", drainTag)},
	{"controller", "sqs:GetQueueAttributes", "items are counted", single("sqs:GetQueueAttributes", sqsArn+"skynet-items")},
	{"controller", "sqs:GetQueueAttributes", "dead letters are counted", single("sqs:GetQueueAttributes", sqsArn+"skynet-items-dead")},
	{"controller", "cloudwatch:GetMetricData", "metrics are read", single("cloudwatch:GetMetricData", "*")},
	{"controller", "cloudwatch:PutMetricData", "figures are published", single("cloudwatch:PutMetricData", "*", fact("cloudwatch:namespace", "SkyNet"))},
	{"controller", "s3:GetObject", "the lease is read", append(single("s3:GetObject", stateA+"/lease"), single("s3:ListBucket", stateA)...)},
	{"controller", "s3:GetObject", "a tick is read", single("s3:GetObject", stateA+"/lease/ticks/17")},
	{"controller", "s3:PutObject", "the lease is held", single("s3:PutObject", stateA+"/lease")},
	{"controller", "s3:PutObject", "a tick is written", single("s3:PutObject", stateA+"/lease/ticks/17")},
	{"controller", "s3:ListObjectsV2", "ticks are listed", single("s3:ListBucket", stateA, fact("s3:prefix", "lease/ticks/"))},

	{"worker", "sqs:GetQueueAttributes", "the queue is looked at", single("sqs:GetQueueAttributes", sqsArn+"skynet-items")},
	{"worker", "sqs:GetQueueAttributes", "the heartbeats' queue is looked at", single("sqs:GetQueueAttributes", sqsArn+"skynet-heartbeats")},
	{"worker", "sqs:ReceiveMessage", "an item is taken", single("sqs:ReceiveMessage", sqsArn+"skynet-items")},
	{"worker", "sqs:ChangeMessageVisibility", "an item is held", single("sqs:ChangeMessageVisibility", sqsArn+"skynet-items")},
	{"worker", "sqs:DeleteMessage", "an item is done", single("sqs:DeleteMessage", sqsArn+"skynet-items")},
	{"worker", "sqs:SendMessage", "a heartbeat", single("sqs:SendMessage", sqsArn+"skynet-heartbeats")},
	{"worker", "sqs:SendMessage", "an item is given up on", single("sqs:SendMessage", sqsArn+"skynet-items-dead")},
	{"worker", "s3:GetObject", "an input", append(single("s3:GetObject", mediaA+"/in/a.jpg"), single("s3:ListBucket", mediaA)...)},
	{"worker", "s3:GetObject", "a manifest", single("s3:GetObject", mediaA+"/out/a.jpg/manifest.json")},
	{"worker", "s3:GetObject", "a newer agent", single("s3:GetObject", mediaA+"/agent/current.json")},
	{"worker", "s3:HeadObject", "whether an input has changed", single("s3:GetObject", mediaA+"/in/a.jpg")},
	{"worker", "s3:ListObjectsV2", "parts of a group", single("s3:ListBucket", mediaA, fact("s3:prefix", "out/a/"))},
	{"worker", "s3:PutObject", "a result", single("s3:PutObject", mediaA+"/out/a.jpg/small.jpg")},
	{"worker", "s3:PutObject", "a turn to take a newer agent", single("s3:PutObject", mediaA+"/agent/rollout/i-0a")},
	{"worker", "s3:CreateMultipartUpload", "a large result", single("s3:PutObject", mediaA+"/out/a.mp4")},
	{"worker", "s3:UploadPart", "a part of it", single("s3:PutObject", mediaA+"/out/a.mp4")},
	{"worker", "s3:CompleteMultipartUpload", "the end of it", single("s3:PutObject", mediaA+"/out/a.mp4")},
	{"worker", "s3:AbortMultipartUpload", "one that failed", single("s3:AbortMultipartUpload", mediaA+"/out/a.mp4")},
	{"worker", "s3:DeleteObject", "the note of a failure", single("s3:DeleteObject", mediaA+"/out/a.jpg/failed.json")},
	{"worker", "s3:DeleteObject", "a turn given back", single("s3:DeleteObject", mediaA+"/agent/rollout/i-0a")},
}, append(looks(), listens()...)...)

// looks are calls that know no resources.
func looks() (tries []try) {
	for _, c := range calls {
		if strings.HasPrefix(c.operation, "ec2:Describe") {
			tries = append(tries, try{c.who, c.operation, "a look", single(c.actions, "*")})
		}
	}
	return tries
}

// listens are the calls on the queues that the controller reads empty.
func listens() (tries []try) {
	for _, queue := range []string{"skynet-heartbeats", "skynet-events"} {
		for operation, action := range map[string]string{
			"sqs:GetQueueAttributes": "sqs:GetQueueAttributes", "sqs:ReceiveMessage": "sqs:ReceiveMessage",
			"sqs:DeleteMessageBatch": "sqs:DeleteMessage", "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
		} {
			tries = append(tries, try{"controller", operation, queue + " is read", single(action, sqsArn+queue)})
		}
	}
	return tries
}

// Somebody else's, in the same account and in another.
const (
	otherModel = ec2Arn + "launch-template/lt-0b"
	otherVPC   = ec2Arn + "vpc/vpc-0b"
	admin      = "arn:aws:iam::123456789012:role/admin"
)

// refusedTries are neighbours of those: what a thief of the role would try. Each must be
// refused, and no condition of a policy is there that would not let one of them pass.
var refusedTries = []try{
	{"controller", "ec2:CreateFleet", "a launch without our tag", launch(instead(asked, "", "instance/"))},
	{"controller", "ec2:CreateFleet", "a launch with another controller's tag", launch(instead(asked, "other"))},
	{"controller", "ec2:CreateFleet", "a fleet without our tag", launch(instead(asked, "", "fleet/"))},
	{"controller", "ec2:CreateFleet", "volumes without our tag", launch(instead(asked, "", "volume/"))},
	{"controller", "ec2:CreateFleet", "a launch of another type, such as one with eight GPUs", launch(instead("ec2:InstanceType", "p5.48xlarge"))},
	{"controller", "ec2:CreateFleet", "a launch from another template", launch(func(a *ask) {
		on(modelA, otherModel)(a)
		instead("ec2:LaunchTemplate", otherModel)(a)
	})},
	{"controller", "ec2:CreateFleet", "a launch of another image", launch(instead("ec2:IsLaunchTemplateResource", "false", "image/"))},
	{"controller", "ec2:CreateFleet", "a launch into another security group", launch(on(groupA, ec2Arn+"security-group/sg-0b"))},
	{"controller", "ec2:CreateFleet", "a launch into another VPC", launch(instead("ec2:Vpc", otherVPC))},
	{"controller", "ec2:CreateFleet", "a launch in another region", launch(func(a *ask) { a.Resource = strings.Replace(a.Resource, "eu-west-1", "us-east-1", 1) })},
	{"controller", "ec2:CreateFleet", "a launch with another role", launch(on(roleA, admin))},
	{"controller", "", "a fleet that EC2 keeps up in its own name, of another type", single("ec2:CreateFleet", ec2Arn+"instance/*", fact(asked, "skynet", "ec2:InstanceType", "p5.48xlarge"))},
	{"controller", "", "the same, without our tag", single("ec2:CreateFleet", ec2Arn+"instance/*", fact("ec2:InstanceType", "c7i.xlarge"))},
	{"controller", "", "a fleet of its own, which nobody would find by our tag", single("ec2:CreateFleet", ec2Arn+"fleet/*")},
	{"controller", "", "the worker's role for a function", single("iam:PassRole", roleA, fact("iam:PassedToService", "lambda.amazonaws.com"))},
	{"controller", "", "RunInstances, without our template: instance", single("ec2:RunInstances", ec2Arn+"instance/*", fact(asked, "skynet", "ec2:InstanceType", "c7i.xlarge"))},
	{"controller", "", "RunInstances, without our template: volume", single("ec2:RunInstances", ec2Arn+"volume/*", fact(asked, "skynet"))},
	{"controller", "", "RunInstances from our template, without our tag: instance", single("ec2:RunInstances", ec2Arn+"instance/*", fact("ec2:LaunchTemplate", modelA, "ec2:InstanceType", "c7i.xlarge"))},
	{"controller", "", "RunInstances from our template, without our tag: volume", single("ec2:RunInstances", ec2Arn+"volume/*", fact("ec2:LaunchTemplate", modelA))},
	{"controller", "", "RunInstances of another type", single("ec2:RunInstances", ec2Arn+"instance/*", fact("ec2:LaunchTemplate", modelA, asked, "skynet", "ec2:InstanceType", "p5.48xlarge"))},
	{"controller", "", "RunInstances of an image that another template holds", single("ec2:RunInstances", imageA, fact("ec2:LaunchTemplate", otherModel, "ec2:IsLaunchTemplateResource", "true"))},
	{"controller", "", "RunInstances of an image that is not our template's", single("ec2:RunInstances", imageA, fact("ec2:LaunchTemplate", modelA, "ec2:IsLaunchTemplateResource", "false"))},
	{"controller", "", "RunInstances into another VPC", single("ec2:RunInstances", subnetA, fact("ec2:LaunchTemplate", modelA, "ec2:Vpc", otherVPC))},
	{"controller", "", "RunInstances into our VPC, from another template", single("ec2:RunInstances", subnetA, fact("ec2:LaunchTemplate", otherModel, "ec2:Vpc", vpcA))},
	{"controller", "", "a key pair for a launch", single("ec2:RunInstances", ec2Arn+"key-pair/ann", fact("ec2:LaunchTemplate", modelA))},
	{"controller", "ec2:StartInstances", "another's instance is started", single("ec2:StartInstances", ec2Arn+"instance/i-0b", fact(ours, "other"))},
	{"controller", "ec2:StopInstances", "an instance without our tag is stopped", single("ec2:StopInstances", ec2Arn+"instance/i-0b")},
	{"controller", "ec2:TerminateInstances", "another's instance is ended", single("ec2:TerminateInstances", ec2Arn+"instance/i-0b", fact(ours, "other"))},
	{"controller", "ec2:TerminateInstances", "an instance without our tag is ended", single("ec2:TerminateInstances", ec2Arn+"instance/i-0b")},
	{"controller", "ec2:CreateTags", "another's instance is asked to drain", single("ec2:CreateTags", ec2Arn+"instance/i-0b", fact(ours, "other", "aws:TagKeys", "skynet:drain"))},
	{"controller", "ec2:CreateTags", "an instance is taken over by our tag", single("ec2:CreateTags", ec2Arn+"instance/i-0b", fact(asked, "skynet", "aws:TagKeys", "skynet:controller"))},
	{"controller", "ec2:CreateTags", "another tag of ours", single("ec2:CreateTags", ec2Arn+"instance/i-0a", fact(ours, "skynet", "aws:TagKeys", "skynet:fleet"))},
	{"controller", "ec2:CreateTags", "our tag of a launch in some other call", single("ec2:CreateTags", ec2Arn+"instance/*", fact(asked, "skynet", "ec2:CreateAction", "CreateImage"))},
	{"controller", "ec2:CreateTags", "another's tag in a launch", single("ec2:CreateTags", ec2Arn+"instance/*", fact(asked, "other", "ec2:CreateAction", "RunInstances"))},
	{"controller", "ec2:DeleteTags", "all tags of ours", single("ec2:DeleteTags", ec2Arn+"instance/i-0a", fact(ours, "skynet"))},
	{"controller", "ec2:DeleteTags", "our own tag, and the drain's", single("ec2:DeleteTags", ec2Arn+"instance/i-0a", fact(ours, "skynet", "aws:TagKeys", "skynet:drain", "aws:TagKeys", "skynet:controller"))},
	{"controller", "ec2:DeleteTags", "another's drain", single("ec2:DeleteTags", ec2Arn+"instance/i-0b", fact(ours, "other", "aws:TagKeys", "skynet:drain"))},
	{"controller", "", "a new version of the launch template", single("ec2:CreateLaunchTemplateVersion", modelA)},
	{"controller", "", "another user data of an instance", single("ec2:ModifyInstanceAttribute", ec2Arn+"instance/i-0a", fact(ours, "skynet"))},
	{"controller", "sqs:ReceiveMessage", "items are read", single("sqs:ReceiveMessage", sqsArn+"skynet-items")},
	{"controller", "sqs:DeleteMessageBatch", "items are deleted", single("sqs:DeleteMessage", sqsArn+"skynet-items")},
	{"controller", "", "items are sent", single("sqs:SendMessage", sqsArn+"skynet-items")},
	{"controller", "", "the queue is emptied", single("sqs:PurgeQueue", sqsArn+"skynet-items")},
	{"controller", "sqs:ReceiveMessage", "another's queue is read", single("sqs:ReceiveMessage", sqsArn+"billing")},
	{"controller", "cloudwatch:PutMetricData", "figures in another's namespace", single("cloudwatch:PutMetricData", "*", fact("cloudwatch:namespace", "Billing"))},
	{"controller", "s3:GetObject", "media are read", single("s3:GetObject", mediaA+"/in/a.jpg")},
	{"controller", "s3:PutObject", "a newer agent is put there", single("s3:PutObject", mediaA+"/agent/current.json")},
	{"controller", "s3:PutObject", "another object of the state bucket", single("s3:PutObject", stateA+"/leases")},
	{"controller", "", "the lease is deleted", single("s3:DeleteObject", stateA+"/lease")},
	{"controller", "", "a user is made", single("iam:CreateUser", "arn:aws:iam::123456789012:user/eve")},
	{"controller", "", "another role is assumed", single("sts:AssumeRole", admin)},

	{"worker", "", "itself, or another, is ended", single("ec2:TerminateInstances", ec2Arn+"instance/i-0a", fact(ours, "skynet"))},
	{"worker", "", "another is asked to drain", single("ec2:CreateTags", ec2Arn+"instance/i-0b", drainTag)},
	{"worker", "", "another is bought", single("ec2:RunInstances", ec2Arn+"instance/*", fact(asked, "skynet", "ec2:LaunchTemplate", modelA, "ec2:InstanceType", "c7i.xlarge"))},
	{"worker", "", "instances are listed", single("ec2:DescribeInstances", "*")},
	{"worker", "sqs:ReceiveMessage", "others' heartbeats are read away", single("sqs:ReceiveMessage", sqsArn+"skynet-heartbeats")},
	{"worker", "sqs:DeleteMessage", "others' heartbeats are deleted", single("sqs:DeleteMessage", sqsArn+"skynet-heartbeats")},
	{"worker", "sqs:SendMessage", "a false Spot notice", single("sqs:SendMessage", sqsArn+"skynet-events")},
	{"worker", "sqs:SendMessage", "an item is sent", single("sqs:SendMessage", sqsArn+"skynet-items")},
	{"worker", "sqs:ReceiveMessage", "dead letters are read", single("sqs:ReceiveMessage", sqsArn+"skynet-items-dead")},
	{"worker", "sqs:ReceiveMessage", "another's queue is read", single("sqs:ReceiveMessage", sqsArn+"billing")},
	{"worker", "", "the queue is emptied", single("sqs:PurgeQueue", sqsArn+"skynet-items")},
	{"worker", "s3:PutObject", "an input is written over", single("s3:PutObject", mediaA+"/in/a.jpg")},
	{"worker", "s3:DeleteObject", "an input is deleted", single("s3:DeleteObject", mediaA+"/in/a.jpg")},
	{"worker", "s3:PutObject", "a newer agent is put there for all", single("s3:PutObject", mediaA+"/agent/current.json")},
	{"worker", "s3:PutObject", "the agent itself is written over", single("s3:PutObject", mediaA+"/agent/skynet-worker")},
	{"worker", "s3:GetObject", "another folder of the bucket", single("s3:GetObject", mediaA+"/private/a.jpg")},
	{"worker", "s3:GetObject", "a folder that begins as ours", single("s3:GetObject", mediaA+"/internal/a.jpg")},
	{"worker", "s3:GetObject", "another's bucket", single("s3:GetObject", "arn:aws:s3:::billing/in/a.jpg")},
	{"worker", "s3:GetObject", "the lease is read", single("s3:GetObject", stateA+"/lease")},
	{"worker", "s3:PutObject", "the lease is taken", single("s3:PutObject", stateA+"/lease")},
	{"worker", "s3:ListObjectsV2", "another's bucket is listed", single("s3:ListBucket", "arn:aws:s3:::billing")},
	{"worker", "", "the bucket is opened to all", single("s3:PutBucketPolicy", mediaA)},
	{"worker", "", "another role is assumed", single("sts:AssumeRole", admin)},
}

// refusedAsk is the first that is not allowed, nil where the whole call is.
func (p policy) refusedAsk(c try) *ask {
	for i := range c.asks {
		if !p.allows(c.asks[i]) {
			return &c.asks[i]
		}
	}
	return nil
}

func TestOurCallsPass(t *testing.T) {
	tried := map[string]bool{}
	for _, c := range allowedTries {
		tried[c.who+" "+c.operation] = true
		if a := filled(t, c.who).refusedAsk(c); a != nil {
			t.Errorf("%s: %s (%s) is refused: %s on %s, %v", c.who, c.what, c.operation, a.Action, a.Resource, a.Context)
		}
	}
	for _, c := range calls {
		if _, is := roles[c.who]; is && c.actions != "" && !tried[c.who+" "+c.operation] {
			t.Errorf("%s of the %s is not tried", c.operation, c.who)
		}
	}
}

func TestNeighboursAreRefused(t *testing.T) {
	for _, c := range refusedTries {
		if filled(t, c.who).refusedAsk(c) == nil {
			t.Errorf("%s: %s passes: %v", c.who, c.what, c.asks)
		}
	}
}

// TestNothingCouldBeLeftOut takes out of each policy, one at a time, every pair of an
// action and a resource, and every condition: a call of ours must be refused then, or a
// neighbour pass.
func TestNothingCouldBeLeftOut(t *testing.T) {
	for who := range roles {
		whole := filled(t, who)
		for i, s := range whole.Statement {
			for _, action := range s.Action {
				for _, resource := range s.Resource {
					if p := without(whole, i, action, resource); !slices.ContainsFunc(allowedTries, func(c try) bool { return c.who == who && p.refusedAsk(c) != nil }) {
						t.Errorf("%s: %s: no call needs %s on %s", who, s.Sid, action, resource)
					}
				}
			}
			for operator, keys := range s.Condition {
				for key := range keys {
					if p := loosened(whole, i, operator, key); !slices.ContainsFunc(refusedTries, func(c try) bool { return c.who == who && p.refusedAsk(c) == nil }) {
						t.Errorf("%s: %s: without %s of %s nothing more passes", who, s.Sid, operator, key)
					}
				}
			}
		}
	}
}

// without is the policy less one action on one resource.
func without(p policy, at int, action, resource string) policy {
	var rest []statement
	for i, s := range p.Statement {
		if i != at {
			rest = append(rest, s)
			continue
		}
		others := s
		others.Action = slices.DeleteFunc(slices.Clone(s.Action), func(a string) bool { return a == action })
		elsewhere := s
		elsewhere.Action, elsewhere.Resource = list{action}, slices.DeleteFunc(slices.Clone(s.Resource), func(r string) bool { return r == resource })
		rest = append(rest, others, elsewhere)
	}
	return policy{Statement: rest}
}

// loosened is the policy less one condition.
func loosened(p policy, at int, operator, key string) policy {
	s := p.Statement[at]
	s.Condition = maps.Clone(s.Condition)
	s.Condition[operator] = maps.Clone(s.Condition[operator])
	delete(s.Condition[operator], key)
	rest := slices.Clone(p.Statement)
	rest[at] = s
	return policy{Statement: rest}
}

// TestSimulatorAgrees asks a policy simulator that others maintain, which besides knows
// from AWS's Service Authorization Reference what resources an action has and what keys
// each is told with. `make policies` brings it.
func TestSimulatorAgrees(t *testing.T) {
	folder := os.Getenv("SKYNET_SIMULATOR")
	if folder == "" {
		t.Skip("needs a policy simulator: make policies")
	}
	type question struct {
		ask
		Who     string `json:"who"`
		What    string `json:"what"`
		Allowed bool   `json:"allowed"`
		Policy  policy `json:"policy"`
	}
	var questions []question
	for _, c := range slices.Concat(allowedTries, refusedTries) {
		p := filled(t, c.who)
		for _, a := range c.asks {
			questions = append(questions, question{a, c.who, c.what, p.allows(a), p})
		}
	}
	text, err := json.Marshal(questions)
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("simulator.mjs")
	if err != nil {
		t.Fatal(err)
	}
	beside := filepath.Join(folder, "skynet.mjs") // packages are looked for from where a script lies
	if err := os.WriteFile(beside, script, 0o600); err != nil {
		t.Fatal(err)
	}
	node := exec.CommandContext(t.Context(), "node", beside)
	node.Stdin = strings.NewReader(string(text))
	out, err := node.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "" {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%d questions", len(questions))
}
