package aws

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"skynet/test/moto"
)

// account is an AWS account, as an operator would have prepared it: a launch
// template, subnets, queues, buckets, and a notification for each photograph.
type account struct {
	t   *testing.T
	ec2 *ec2.Client
	sqs *sqs.Client
	s3  *s3.Client

	subnets []string
}

// enabled puts tags into instance metadata, disabled does not.
const (
	enabled  = ec2types.LaunchTemplateInstanceMetadataTagsStateEnabled
	disabled = ec2types.LaunchTemplateInstanceMetadataTagsStateDisabled
)

// Names of what is in the account.
const (
	template = "render"
	media    = "media"        // bucket
	state    = "skynet-state" // bucket
)

func prepare(t *testing.T, m *moto.Server) *account {
	t.Helper()
	c := m.Config()
	a := &account{t: t, ec2: ec2.NewFromConfig(c), sqs: sqs.NewFromConfig(c),
		s3: s3.NewFromConfig(c, func(o *s3.Options) { o.UsePathStyle = true })}
	a.makeQueues()
	a.makeBuckets()
	a.findSubnets()
	a.makeTemplate(template, "render", enabled)
	return a
}

func queueURL(name string) string {
	return fmt.Sprintf("https://sqs.%s.amazonaws.com/%s/%s", moto.Region, moto.Account, name)
}

func queueARN(name string) string {
	return fmt.Sprintf("arn:aws:sqs:%s:%s:%s", moto.Region, moto.Account, name)
}

func (a *account) makeQueues() {
	a.t.Helper()
	a.makeQueue("photos-dead", map[string]string{"MessageRetentionPeriod": "1209600"})
	redrive, _ := json.Marshal(map[string]any{"deadLetterTargetArn": queueARN("photos-dead"), "maxReceiveCount": 3})
	a.makeQueue("photos", map[string]string{"VisibilityTimeout": "10", "RedrivePolicy": string(redrive)})
	a.makeQueue("heartbeats", map[string]string{"MessageRetentionPeriod": "300"})
	a.makeQueue("events", map[string]string{"MessageRetentionPeriod": "300"})
}

func (a *account) makeQueue(name string, attributes map[string]string) {
	a.t.Helper()
	if _, err := a.sqs.CreateQueue(a.t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes}); err != nil {
		a.t.Fatal(err)
	}
}

// makeBuckets has what is put below in/ announced to the queue.
func (a *account) makeBuckets() {
	a.t.Helper()
	for _, name := range []string{media, state} {
		if _, err := a.s3.CreateBucket(a.t.Context(), &s3.CreateBucketInput{Bucket: aws.String(name),
			CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: moto.Region}}); err != nil {
			a.t.Fatal(err)
		}
	}
	_, err := a.s3.PutBucketNotificationConfiguration(a.t.Context(), &s3.PutBucketNotificationConfigurationInput{
		Bucket: aws.String(media), NotificationConfiguration: &s3types.NotificationConfiguration{
			QueueConfigurations: []s3types.QueueConfiguration{{
				QueueArn: aws.String(queueARN("photos")), Events: []s3types.Event{s3types.EventS3ObjectCreated},
				Filter: &s3types.NotificationConfigurationFilter{Key: &s3types.S3KeyFilter{
					FilterRules: []s3types.FilterRule{{Name: s3types.FilterRuleNamePrefix, Value: aws.String("in/")}}}},
			}}}})
	if err != nil {
		a.t.Fatal(err)
	}
}

func (a *account) findSubnets() {
	a.t.Helper()
	out, err := a.ec2.DescribeSubnets(a.t.Context(), &ec2.DescribeSubnetsInput{})
	if err != nil || len(out.Subnets) < 2 {
		a.t.Fatalf("%d subnets, %v", len(out.Subnets), err)
	}
	for _, s := range out.Subnets[:2] {
		a.subnets = append(a.subnets, *s.SubnetId)
	}
}

// makeTemplate makes a launch template whose user data are the settings of a fleet's
// agents.
func (a *account) makeTemplate(name, fleet string, tags ec2types.LaunchTemplateInstanceMetadataTagsState) {
	a.t.Helper()
	images, err := a.ec2.DescribeImages(a.t.Context(), &ec2.DescribeImagesInput{Owners: []string{"amazon"}})
	if err != nil || len(images.Images) == 0 {
		a.t.Fatalf("no image: %v", err)
	}
	_, err = a.ec2.CreateLaunchTemplate(a.t.Context(), &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: &name, LaunchTemplateData: &ec2types.RequestLaunchTemplateData{
			ImageId: images.Images[0].ImageId, InstanceType: ec2types.InstanceTypeC5Large,
			MetadataOptions: &ec2types.LaunchTemplateInstanceMetadataOptionsRequest{
				HttpEndpoint: ec2types.LaunchTemplateInstanceMetadataEndpointStateEnabled,
				HttpTokens:   ec2types.LaunchTemplateHttpTokensStateRequired, InstanceMetadataTags: tags,
			},
			UserData: aws.String(base64.StdEncoding.EncodeToString([]byte(agentSettings(fleet)))),
		}})
	if err != nil {
		a.t.Fatal(err)
	}
}

// agentSettings are what user data would write to /etc/skynet/worker.yaml.
func agentSettings(fleet string) string {
	return fmt.Sprintf(`fleet: %s
queues: [{name: photos, url: %q, visibility: 10s}]
heartbeats: %q
stores: ["s3://%s"]
outputs: s3://media/out
slots: 1
heartbeat: 500ms
poll: 500ms
`, fleet, queueURL("photos"), queueURL("heartbeats"), media)
}

// put stores an object.
func (a *account) put(key string, body []byte) {
	a.t.Helper()
	if _, err := a.s3.PutObject(a.t.Context(), &s3.PutObjectInput{Bucket: aws.String(media), Key: &key, Body: strings.NewReader(string(body))}); err != nil {
		a.t.Fatal(err)
	}
}

// made are the keys of results, those of inputs left out.
func (a *account) made() (keys []string, err error) {
	out, err := a.s3.ListObjectsV2(a.t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(media)})
	if err != nil {
		return nil, err
	}
	for _, o := range out.Contents {
		if !strings.HasPrefix(*o.Key, "in/") {
			keys = append(keys, *o.Key)
		}
	}
	return keys, nil
}

// alive are the instances that are not terminated, by ID.
func (a *account) alive() map[string]ec2types.Instance {
	a.t.Helper()
	list, err := instances(a.t.Context(), a.ec2)
	if err != nil {
		a.t.Fatal(err)
	}
	found := map[string]ec2types.Instance{}
	for _, i := range list {
		if i.State.Name != ec2types.InstanceStateNameTerminated && i.State.Name != ec2types.InstanceStateNameShuttingDown {
			found[*i.InstanceId] = i
		}
	}
	return found
}

// post puts a message into a queue.
func (a *account) post(queue, body string) {
	a.t.Helper()
	if _, err := a.sqs.SendMessage(a.t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(queueURL(queue)), MessageBody: &body}); err != nil {
		a.t.Fatal(err)
	}
}

// run starts an instance that none of our controllers has launched.
func (a *account) run(tags map[string]string) string {
	a.t.Helper()
	var list []ec2types.Tag
	for k, v := range tags {
		list = append(list, ec2types.Tag{Key: &k, Value: &v})
	}
	in := &ec2.RunInstancesInput{MinCount: aws.Int32(1), MaxCount: aws.Int32(1), ImageId: aws.String("ami-12c6146b"), SubnetId: &a.subnets[0]}
	if len(list) > 0 {
		in.TagSpecifications = []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeInstance, Tags: list}}
	}
	out, err := a.ec2.RunInstances(a.t.Context(), in)
	if err != nil {
		a.t.Fatal(err)
	}
	return *out.Instances[0].InstanceId
}

// takeBack ends an instance, as EC2 does after the notice of an interruption.
func (a *account) takeBack(id string) {
	a.t.Helper()
	if _, err := a.ec2.TerminateInstances(a.t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}}); err != nil {
		a.t.Fatal(err)
	}
}

func rfc3339() string { return time.Now().UTC().Format(time.RFC3339) }
