package ec2_test

import (
	"errors"
	"strings"
	"testing"

	"skynet/fleet"
	"skynet/fleet/ec2"
)

// Each mistake is said at start, by name and with its cure; and nothing is launched
// for a fleet that has one.
func TestCheckNamesWhatIsWrong(t *testing.T) {
	template := func(o *ec2.Options) *ec2.Template { return &o.Templates[0] }
	for name, c := range map[string]struct {
		change func(*ec2.Options)
		data   string
		tall   bool
		says   []string
	}{
		"account":       {change: func(o *ec2.Options) { o.Account = "999999999999" }, says: []string{account, "999999999999", "aws.account"}},
		"region":        {change: func(o *ec2.Options) { o.Region = "us-east-1" }, says: []string{`"eu-west-1"`, `"us-east-1"`, "AWS_REGION"}},
		"no template":   {change: func(o *ec2.Options) { template(o).Name = "rendr" }, says: []string{`version 7 of "rendr"`, "create it or correct"}},
		"no version":    {change: func(o *ec2.Options) { template(o).Version = "8" }, says: []string{`version 8 of "render"`}},
		"no metadata":   {data: " ", says: []string{"InstanceMetadataTags", "new version"}},
		"no tags":       {data: `<metadataOptions><instanceMetadataTags>disabled</instanceMetadataTags></metadataOptions>`, says: []string{"InstanceMetadataTags"}},
		"metadata off":  {data: strings.Replace(metadataOn, "<httpTokens>", "<httpEndpoint>disabled</httpEndpoint><httpTokens>", 1), says: []string{"HttpEndpoint"}},
		"protected":     {data: metadataOn + "<disableApiTermination>true</disableApiTermination>", says: []string{"DisableApiTermination"}},
		"market":        {data: metadataOn + "<instanceMarketOptions><marketType>spot</marketType></instanceMarketOptions>", says: []string{"InstanceMarketOptions", "ec2.spot"}},
		"its own net":   {data: metadataOn + "<networkInterfaceSet><item><subnetId>subnet-9</subnetId></item></networkInterfaceSet>", says: []string{"ec2.subnets"}},
		"its tags":      {data: metadataOn + "<tagSpecificationSet><item><resourceType>instance</resourceType><tagSet><item><key>cost center</key></item></tagSet></item></tagSpecificationSet>", says: []string{`"cost center"`}},
		"our tags":      {change: func(o *ec2.Options) { template(o).Tags = map[string]string{"a/b": "x"} }, says: []string{`"a/b"`, "instance metadata"}},
		"skynet's tags": {change: func(o *ec2.Options) { template(o).Tags = map[string]string{fleet.TagIntent: "x"} }, says: []string{fleet.TagIntent, "remove it"}},
		"no subnet":     {change: func(o *ec2.Options) { template(o).Subnets = []string{"subnet-a1", "subnet-z9"} }, says: []string{"no subnet subnet-z9"}},
		"no such type":  {change: func(o *ec2.Options) { template(o).Types = []string{"c7i.xlarge", "x9.large"} }, says: []string{"sells no x9.large", "eu-west-1a eu-west-1b"}},
		"not in a zone": {change: func(o *ec2.Options) { template(o).Types = []string{"c7g.xlarge"} }, says: []string{"none of the types in zone eu-west-1a", "[subnet-a1 subnet-a2]"}},
		"nothing said":  {change: func(o *ec2.Options) { *template(o) = ec2.Template{Fleet: "render"} }, says: []string{"launch_template", "types", "subnets"}},
		"hibernation":   {data: metadataOn + "<hibernationOptions><configured>true</configured></hibernationOptions>", tall: true, says: []string{"c7i.xlarge cannot hibernate", "c7a.xlarge cannot hibernate"}},
		"not encrypted": {data: metadataOn + "<hibernationOptions><configured>true</configured></hibernationOptions><blockDeviceMappingSet><item><deviceName>/dev/sda1</deviceName><ebs><encrypted>false</encrypted></ebs></item></blockDeviceMappingSet>", says: []string{"/dev/sda1 is not encrypted"}},
		"no controller": {change: func(o *ec2.Options) { o.Controller = "" }, says: []string{fleet.TagController}},
	} {
		s := newStub()
		if s.tall = c.tall; c.data != "" {
			s.template = c.data
		}
		o := s.options()
		if c.change != nil {
			c.change(&o)
		}
		f := ec2.New(s.client(), o)
		err := f.Check(ctx)
		for _, want := range c.says {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: says %v, want %q in it", name, err, want)
			}
		}
		if ids, err := f.Launch(ctx, f.Draft(order(1), nil)); len(ids) != 0 || !errors.Is(err, fleet.ErrDenied) {
			t.Errorf("%s: launched %v, %v", name, ids, err)
		}
	}
}

// All that is wrong is said at once, and a fleet without a fault can be launched.
func TestCheckSaysAllAtOnce(t *testing.T) {
	s := newStub()
	s.template = " "
	o := s.options()
	o.Templates = append(o.Templates, o.Templates[0])
	o.Templates[1].Fleet, o.Templates[1].Subnets, o.Templates[1].Types = "other", []string{"subnet-z1", "subnet-a1"}, []string{"x9.large"}
	err := ec2.New(s.client(), o).Check(ctx)
	for _, want := range []string{"fleet render: launch template", "fleet other: launch template", "fleet other: ec2.subnets", "fleet other: ec2.types"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("says %v, want %q in it", err, want)
		}
	}
	s.template = metadataOn
	f := ec2.New(s.client(), o)
	if err := f.Check(ctx); err == nil {
		t.Fatal("no fault was found")
	}
	if ids, err := f.Launch(ctx, f.Draft(order(1), nil)); len(ids) != 1 || err != nil {
		t.Errorf("launched %v, %v", ids, err)
	}
}

func TestHibernates(t *testing.T) {
	s := newStub()
	if s.fleet(t).Hibernates("render") {
		t.Error("hibernates without the template's saying so")
	}
	s.template = metadataOn + "<hibernationOptions><configured>true</configured></hibernationOptions>"
	if !s.fleet(t).Hibernates("render") || s.fleet(t).Hibernates("other") {
		t.Error("does not do as the template says")
	}
	if s.fleet(t, func(o *ec2.Options) { o.Templates[0].PlainStop = true }).Hibernates("render") {
		t.Error("hibernates against the settings")
	}
}

// A check that EC2 or STS does not answer leaves things as they were.
func TestACheckWithoutAnAnswer(t *testing.T) {
	s := newStub()
	var me who = account
	f := s.fleet(t, func(o *ec2.Options) { o.Identity = &me })
	me = ""
	if err := f.Check(ctx); err == nil {
		t.Fatal("passes without an answer")
	}
	ids := s.put(1)
	if done, err := f.Terminate(ctx, ids); err != nil || len(done) != 1 {
		t.Errorf("%v, %v", done, err)
	}
	me = "999999999999"
	_ = f.Check(ctx)
	if done, err := f.Terminate(ctx, ids); !errors.Is(err, fleet.ErrDenied) || len(done) != 0 {
		t.Errorf("with other credentials: %v, %v", done, err)
	}
}
