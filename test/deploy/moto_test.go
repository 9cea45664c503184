package deploy

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"skynet/config"
	fleet "skynet/fleet/ec2"
	queue "skynet/queue/sqs"
	"skynet/test/moto"
)

// Of the template moto leaves out, by its source:
//   - AWS::SQS::QueuePolicy, which it does not know (cloudformation/parsing.py warns and
//     goes on): who may send into the queues is not tried.
//   - of AWS::S3::Bucket all but the encryption (s3/models.py): no notification, no
//     lifecycle, no block of public access, which cfn-lint checks for their shape.
//   - IAM policies are kept, but nobody is refused anything by them.
//
// The policies' laws are tested on their own, in template_test.go.

// stack is a deployed template.
type stack struct {
	t       *testing.T
	moto    *moto.Server
	cfg     aws.Config
	subnets []string
	outputs map[string]string
	parts   map[string]string // physical by logical ID
}

func deployed(t *testing.T, with map[string]string) *stack {
	t.Helper()
	m := moto.Start(t)
	s := &stack{t: t, moto: m, cfg: m.Config(), outputs: map[string]string{}, parts: map[string]string{}}
	params := []cfn.Parameter{
		{ParameterKey: aws.String("Vpc"), ParameterValue: aws.String(s.network())},
		{ParameterKey: aws.String("Subnets"), ParameterValue: aws.String(strings.Join(s.subnets, ","))},
		{ParameterKey: aws.String("Image"), ParameterValue: aws.String("ami-12c6146b")},
		{ParameterKey: aws.String("Types"), ParameterValue: aws.String("c5.large,c5a.large")}, // moto does not split a default
	}
	for key, value := range with {
		params = append(params, cfn.Parameter{ParameterKey: &key, ParameterValue: &value})
	}
	client := cloudformation.NewFromConfig(s.cfg)
	name := aws.String("skynet")
	_, err := client.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: name, TemplateBody: aws.String(string(read(t, "template.yaml"))), Parameters: params,
		Capabilities: []cfn.Capability{cfn.CapabilityCapabilityNamedIam},
	})
	s.must(err)
	s.must(cloudformation.NewStackCreateCompleteWaiter(client).Wait(t.Context(), &cloudformation.DescribeStacksInput{StackName: name}, time.Minute))
	out, err := client.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: name})
	s.must(err)
	if status := out.Stacks[0].StackStatus; status != cfn.StackStatusCreateComplete {
		t.Fatalf("stack is %s", status)
	}
	for _, o := range out.Stacks[0].Outputs {
		s.outputs[*o.OutputKey] = *o.OutputValue
	}
	parts, err := client.DescribeStackResources(t.Context(), &cloudformation.DescribeStackResourcesInput{StackName: name})
	s.must(err)
	for _, r := range parts.StackResources {
		s.parts[aws.ToString(r.LogicalResourceId)] = aws.ToString(r.PhysicalResourceId)
	}
	return s
}

func (s *stack) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%v; moto's log:\n%s", err, s.moto.Log())
	}
}

// network is the VPC that moto has from the start, with its subnets.
func (s *stack) network() string {
	out, err := ec2.NewFromConfig(s.cfg).DescribeSubnets(s.t.Context(), &ec2.DescribeSubnetsInput{})
	s.must(err)
	for _, sub := range out.Subnets {
		s.subnets = append(s.subnets, *sub.SubnetId)
	}
	return *out.Subnets[0].VpcId
}

func TestMotoDeploys(t *testing.T) {
	s := deployed(t, nil)
	for name := range readTemplate(t).Resources {
		if s.parts[name] == "" && !strings.HasSuffix(name, "Policy") {
			t.Errorf("%s was not made", name)
		}
	}
	s.checkQueues()
	s.checkBuckets()
	s.checkLaunchTemplate()
	s.checkByOurselves(s.checkSettings())
}

func (s *stack) attributes(url string) map[string]string {
	s.t.Helper()
	out, err := sqs.NewFromConfig(s.cfg).GetQueueAttributes(s.t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{"All"}})
	s.must(err)
	return out.Attributes
}

func (s *stack) checkQueues() {
	s.t.Helper()
	items := s.attributes(s.outputs["ItemsQueue"])
	if p := strings.NewReplacer(`"`, "", " ", "").Replace(items["RedrivePolicy"]); !strings.Contains(p, ":skynet-items-dead") || !strings.Contains(p, "maxReceiveCount:3") {
		s.t.Errorf("redrive policy %s", p)
	}
	if items["VisibilityTimeout"] != "120" {
		s.t.Errorf("items: %v", items)
	}
	for output, seconds := range map[string]string{"ItemsQueue": "864000", "DeadLetterQueue": "1209600", "HeartbeatsQueue": "300", "EventsQueue": "300"} {
		if got := s.attributes(s.outputs[output])["MessageRetentionPeriod"]; got != seconds {
			s.t.Errorf("%s keeps messages for %s s, want %s", output, got, seconds)
		}
	}
}

func (s *stack) checkBuckets() {
	s.t.Helper()
	client := s3.NewFromConfig(s.cfg, func(o *s3.Options) { o.UsePathStyle = true })
	for _, output := range []string{"MediaBucket", "StateBucket"} {
		_, err := client.GetBucketEncryption(s.t.Context(), &s3.GetBucketEncryptionInput{Bucket: aws.String(s.outputs[output])})
		s.must(err)
	}
}

func (s *stack) checkLaunchTemplate() {
	s.t.Helper()
	out, err := ec2.NewFromConfig(s.cfg).DescribeLaunchTemplateVersions(s.t.Context(), &ec2.DescribeLaunchTemplateVersionsInput{
		LaunchTemplateName: aws.String(s.outputs["LaunchTemplateName"]), Versions: []string{s.outputs["LaunchTemplateVersion"]},
	})
	s.must(err)
	d := out.LaunchTemplateVersions[0].LaunchTemplateData
	if m := d.MetadataOptions; m == nil || m.InstanceMetadataTags != ec2types.LaunchTemplateInstanceMetadataTagsStateEnabled || m.HttpTokens != ec2types.LaunchTemplateHttpTokensStateRequired {
		s.t.Errorf("metadata options %+v", m)
	}
	if len(d.BlockDeviceMappings) != 1 || !aws.ToBool(d.BlockDeviceMappings[0].Ebs.Encrypted) {
		s.t.Errorf("volumes %+v", d.BlockDeviceMappings)
	}
	s.checkUserData(aws.ToString(d.UserData))
}

// checkUserData runs the head that the template writes, and looks at what it leaves.
func (s *stack) checkUserData(encoded string) {
	s.t.Helper()
	text, err := decode(encoded)
	s.must(err)
	head, _, ok := strings.Cut(text, "# Makes a worker")
	if !ok || !strings.HasSuffix(text, string(read(s.t, userData))) {
		s.t.Fatalf("user data:\n%s", text)
	}
	c := exec.CommandContext(s.t.Context(), "bash", "-c", head+"\nenv")
	c.Env = []string{"PATH=/usr/bin:/bin"}
	out, err := c.Output()
	s.must(err)
	i := boot(s.t, strings.Split(strings.TrimSpace(string(out)), "\n")...)
	i.env = append(i.env, "PATH="+i.bin+":/usr/bin:/bin")
	asked, err := i.run()
	s.must(err)
	if !strings.Contains(asked, "s3://skynet-media-123456789012-eu-west-1/agent/skynet-worker") {
		s.t.Errorf("fetches the agent by %s", asked)
	}
	w, err := config.LoadWorker(filepath.Join(i.root, "etc/skynet/worker.yaml"), nil)
	s.must(err)
	if w.Heartbeats != s.outputs["HeartbeatsQueue"] || w.Queues[0].URL != s.outputs["ItemsQueue"] || w.Queues[0].Tries != 3 {
		s.t.Errorf("the agent's settings %+v", w)
	}
}

// checkSettings reads the settings of the outputs as the daemon does.
func (s *stack) checkSettings() config.Config {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "skynet.yaml")
	s.must(os.WriteFile(file, []byte(s.outputs["Settings"]), 0o600))
	s.must(os.WriteFile(filepath.Join(filepath.Dir(file), "render.policy.yaml"), []byte("bounds: {max: 3}\n"), 0o600))
	c, err := config.Load(file, nil)
	if err != nil {
		s.t.Fatalf("%v\n%s", err, s.outputs["Settings"])
	}
	f := c.Fleets[0]
	if f.EC2.LaunchTemplate.Version != "1" || len(f.EC2.Subnets) != len(s.subnets) || len(f.EC2.Types) != 2 || c.AWS.Events != s.outputs["EventsQueue"] || f.EC2.Slots != 4 || c.AWS.Orphans.Std() != time.Hour {
		s.t.Errorf("settings\n%s", s.outputs["Settings"])
	}
	return c
}

// checkByOurselves has the adapters look at what was made as they do when the daemon
// starts: they must find nothing to say. Types are those that moto knows.
func (s *stack) checkByOurselves(c config.Config) {
	s.t.Helper()
	f := c.Fleets[0]
	fleets := fleet.NewReadOnly(fleet.Client(s.cfg), fleet.Options{
		Controller: c.AWS.Name, Account: c.AWS.Account, Region: c.AWS.Region, Identity: sts.NewFromConfig(s.cfg),
		Templates: []fleet.Template{{
			Fleet: f.Name, Name: f.EC2.LaunchTemplate.Name, Version: f.EC2.LaunchTemplate.Version, Subnets: f.EC2.Subnets, Types: f.EC2.Types,
		}},
	})
	if err := fleets.Check(s.t.Context()); err != nil {
		s.t.Error(err)
	}
	conn := queue.New(s.cfg, queue.Options{})
	q := c.Queues[0]
	items, err := conn.Queue(s.t.Context(), queue.Config{Name: q.Name, URL: q.URL, Visibility: q.Visibility.Std(), Tries: q.Tries})
	s.must(err)
	heartbeats, err := conn.Mail(s.t.Context(), c.Heartbeats)
	s.must(err)
	events, err := conn.Mail(s.t.Context(), c.AWS.Events)
	s.must(err)
	for _, of := range []interface {
		Check(context.Context) ([]string, error)
	}{items, heartbeats, events} {
		warnings, err := of.Check(s.t.Context())
		if err != nil || len(warnings) > 0 {
			s.t.Errorf("%v, %v", warnings, err)
		}
	}
}

func TestMotoDeploysForHibernation(t *testing.T) {
	s := deployed(t, map[string]string{"Hibernate": "true", "Agent": "https://example.com/skynet-worker.deb"})
	out, err := ec2.NewFromConfig(s.cfg).DescribeLaunchTemplateVersions(t.Context(), &ec2.DescribeLaunchTemplateVersionsInput{
		LaunchTemplateName: aws.String(s.outputs["LaunchTemplateName"]), Versions: []string{"1"},
	})
	s.must(err)
	d := out.LaunchTemplateVersions[0].LaunchTemplateData
	text, err := decode(aws.ToString(d.UserData))
	s.must(err)
	if !strings.Contains(text, "export SKYNET_HIBERNATE='true'\n") || !strings.Contains(text, "export SKYNET_AGENT='https://example.com/skynet-worker.deb'\n") {
		t.Errorf("user data:\n%.600s", text)
	}
}

// TestMotoLint has cfn-lint read the template, which knows every property of every
// resource.
func TestMotoLint(t *testing.T) {
	server := os.Getenv(moto.Variable)
	if server == "" {
		t.Skipf("needs cfn-lint, which is installed beside moto server: run make conformance")
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(server), "cfn-lint"), "--regions", moto.Region, "--", filepath.Join(folder, "template.yaml")).CombinedOutput()
	if missing := errors.Is(err, os.ErrNotExist); err != nil && !missing {
		t.Errorf("%v:\n%s", err, out)
	} else if missing {
		t.Skip("cfn-lint is not installed beside moto server")
	}
}
