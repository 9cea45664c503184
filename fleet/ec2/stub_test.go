package ec2_test

import (
	"context"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"skynet/fleet"
	"skynet/fleet/ec2"
)

// stub speaks EC2's protocol and keeps its documented promises; it can also break
// them, one at a time.
type stub struct {
	URL string

	mu        sync.Mutex
	clock     time.Time
	machines  []*machine
	calls     []url.Values // all that arrived
	faults    func(action string, form url.Values) *fault
	lag       time.Duration       // how long a launch is not listed
	forgetful bool                // does not honour client tokens
	none      map[string]string   // error code by "type zone market": none of these is launched
	answers   map[string]answered // by client token
	page      int                 // instances on a page
	template  string              // XML of the launch template's data
	tall      bool                // its types cannot hibernate
	gib       int
	prices    string
}

type answered struct{ form, body string }

type machine struct {
	id, typ, zone, subnet string
	spot                  bool
	state, reason         string
	born, started         time.Time
	tags                  map[string]string
	hibernates, protected bool
	volumes               []string
	impaired              bool
}

// fault is an answer that is not the true one.
type fault struct {
	status        int
	code, message string
	after         bool // what was asked is done first
	hangup        bool
}

const (
	account = "123456789012"
	region  = "eu-west-1"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newStub(t testing.TB) *stub {
	s := &stub{clock: noon, answers: map[string]answered{}, none: map[string]string{}, page: 1000, gib: 30,
		template: metadataOn}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

const metadataOn = `<metadataOptions><httpTokens>required</httpTokens><instanceMetadataTags>enabled</instanceMetadataTags></metadataOptions>`

func (s *stub) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock
}

func (s *stub) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = s.clock.Add(d)
}

// config is an SDK configuration whose calls end here. It tries three times, without
// a pause.
func (s *stub) config() aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: aws.String(s.URL),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}
}

func (s *stub) client() *sdk.Client {
	return sdk.NewFromConfig(s.config(), func(o *sdk.Options) {
		o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxBackoff, o.RateLimiter = time.Nanosecond, ratelimit.None
		})
	})
}

// who is an identity.
type who string

func (w who) GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error) {
	if w == "" {
		return nil, fmt.Errorf("no answer")
	}
	return &sts.GetCallerIdentityOutput{Account: aws.String(string(w)), Arn: aws.String("arn:of:" + string(w))}, nil
}

func (s *stub) options() ec2.Options {
	return ec2.Options{
		Controller: "skynet", Account: account, Region: region, Identity: who(account), Now: s.now,
		Templates: []ec2.Template{{
			Fleet: "render", Name: "render", Version: "7", Subnets: []string{"subnet-a1", "subnet-b1", "subnet-a2"},
			Types: []string{"c7i.xlarge", "c7a.xlarge"}, Tags: map[string]string{"team": "media"},
			Prices: map[string]float64{"c7i.xlarge": 0.1785},
		}},
	}
}

// fleet is one that has passed the checks.
func (s *stub) fleet(t testing.TB, change ...func(*ec2.Options)) *ec2.Fleet {
	t.Helper()
	o := s.options()
	for _, c := range change {
		c(&o)
	}
	f := ec2.New(s.client(), o)
	if err := f.Check(context.Background()); err != nil {
		t.Fatal(err)
	}
	return f
}

func halfSpot(o *ec2.Options) {
	o.Templates[0].Spot = &ec2.Spot{Share: 0.5, Strategy: "price-capacity-optimized"}
}

// sent are the calls of one action, each once, however often the SDK tried it.
func (s *stub) sent(action string) (list []url.Values) {
	tried := map[string]bool{}
	for _, c := range s.tries(action) {
		if !tried[c.Get(invocation)] {
			list = append(list, c)
		}
		tried[c.Get(invocation)] = true
	}
	return list
}

// invocation is the header by which the SDK says which tries belong together.
const invocation = "Amz-Sdk-Invocation-Id"

// tries are all tries of one action.
func (s *stub) tries(action string) (list []url.Values) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if c.Get("Action") == action {
			list = append(list, c)
		}
	}
	return list
}

// bought counts what was launched under a token, in all its calls.
func (s *stub) bought(token string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.machines {
		if m.tags[fleet.TagIntent] == token {
			n++
		}
	}
	return n
}

// put adds machines of the fleet, by hand.
func (s *stub) put(n int, change ...func(*machine)) (ids []fleet.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		m := s.make("c7i.xlarge", "subnet-a1", false)
		m.tags = map[string]string{fleet.TagController: "skynet", fleet.TagFleet: "render", fleet.TagIntent: "by-hand"}
		m.state = "running"
		for _, c := range change {
			c(m)
		}
		ids = append(ids, fleet.ID(m.id))
	}
	return ids
}

func (s *stub) make(typ, subnet string, spot bool) *machine {
	n := len(s.machines) + 1
	m := &machine{
		id: fmt.Sprintf("i-%017x", n), typ: typ, subnet: subnet, zone: zoneOf(subnet), spot: spot, state: "pending",
		born: s.clock, started: s.clock, volumes: []string{fmt.Sprintf("vol-%d", n)}, tags: map[string]string{},
	}
	s.machines = append(s.machines, m)
	return m
}

func (s *stub) machine(id fleet.ID) *machine {
	for _, m := range s.machines {
		if m.id == string(id) {
			return m
		}
	}
	return nil
}

// zoneOf: subnet-a1 is in eu-west-1a.
func zoneOf(subnet string) string {
	if len(subnet) < 8 {
		return ""
	}
	return region + subnet[7:8]
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	s.mu.Lock()
	defer s.mu.Unlock()
	call := maps.Clone(r.PostForm)
	call.Set(invocation, r.Header.Get(invocation))
	s.calls = append(s.calls, call)
	action := r.PostForm.Get("Action")
	var f *fault
	if s.faults != nil {
		f = s.faults(action, r.PostForm)
	}
	status, body := http.StatusOK, ""
	if f == nil || f.after {
		status, body = s.answer(action, r.PostForm)
	}
	switch {
	case f == nil:
	case f.hangup:
		panic(http.ErrAbortHandler)
	default:
		status, body = failure(f.status, f.code, f.message)
	}
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

func failure(status int, code, message string) (int, string) {
	return status, fmt.Sprintf("<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>r</RequestID></Response>", code, message)
}

func (s *stub) answer(action string, form url.Values) (int, string) {
	do, ok := map[string]func(url.Values) (int, string){
		"CreateFleet": s.createFleet, "DescribeInstances": s.describe, "DescribeInstanceStatus": s.status,
		"TerminateInstances": s.terminate, "StopInstances": s.stop, "StartInstances": s.start,
		"CreateTags": s.tag, "DeleteTags": s.tag, "DescribeSubnets": s.subnets, "DescribeInstanceTypeOfferings": s.offerings,
		"DescribeLaunchTemplateVersions": s.versions, "DescribeInstanceTypes": s.types, "DescribeVolumes": s.volumesOf,
		"DescribeSpotPriceHistory": s.spotPrices,
	}[action]
	if !ok {
		return failure(400, "InvalidAction", action)
	}
	status, body := do(form)
	if status == 0 {
		status, body = 200, fmt.Sprintf("<%sResponse>%s</%sResponse>", action, body, action)
	}
	return status, body
}

// list reads Name.1, Name.2, …
func list(form url.Values, name string) (values []string) {
	for n := 1; form.Has(name + "." + strconv.Itoa(n)); n++ {
		values = append(values, form.Get(name+"."+strconv.Itoa(n)))
	}
	return values
}

// filters reads Filter.N.Name with Filter.N.Value.M.
func filters(form url.Values) map[string][]string {
	all := map[string][]string{}
	for n := 1; form.Has(fmt.Sprintf("Filter.%d.Name", n)); n++ {
		all[form.Get(fmt.Sprintf("Filter.%d.Name", n))] = list(form, fmt.Sprintf("Filter.%d.Value", n))
	}
	return all
}

// createFleet launches at once what there is, and says why the rest was not.
func (s *stub) createFleet(form url.Values) (int, string) {
	token := form.Get("ClientToken")
	if a, known := s.answers[token]; known && !s.forgetful {
		if a.form != form.Encode() {
			return failure(400, "IdempotentParameterMismatch", "The client token was used with other parameters")
		}
		return 0, a.body
	}
	count, _ := strconv.Atoi(form.Get("TargetCapacitySpecification.TotalTargetCapacity"))
	market := form.Get("TargetCapacitySpecification.DefaultTargetCapacityType")
	tags := map[string]string{}
	for n := 1; form.Has(fmt.Sprintf("TagSpecification.%d.ResourceType", n)); n++ {
		for k := 1; form.Get(fmt.Sprintf("TagSpecification.%d.ResourceType", n)) == "instance" && form.Has(fmt.Sprintf("TagSpecification.%d.Tag.%d.Key", n, k)); k++ {
			tags[form.Get(fmt.Sprintf("TagSpecification.%d.Tag.%d.Key", n, k))] = form.Get(fmt.Sprintf("TagSpecification.%d.Tag.%d.Value", n, k))
		}
	}
	body := s.launch(form, count, market, tags)
	s.answers[token] = answered{form.Encode(), body}
	return 0, body
}

func (s *stub) launch(form url.Values, count int, market string, tags map[string]string) string {
	var errs, launched string
	for n := 1; form.Has(fmt.Sprintf("LaunchTemplateConfigs.1.Overrides.%d.InstanceType", n)); n++ {
		typ := form.Get(fmt.Sprintf("LaunchTemplateConfigs.1.Overrides.%d.InstanceType", n))
		subnet := form.Get(fmt.Sprintf("LaunchTemplateConfigs.1.Overrides.%d.SubnetId", n))
		room := count
		if code, some := s.none[typ+" "+zoneOf(subnet)+" "+market]; some {
			var most int
			if k, err := fmt.Sscanf(code, "%d", &most); k == 1 && err == nil {
				room, code = min(room, most), code[strings.Index(code, " ")+1:]
			} else {
				room = 0
			}
			if room < count {
				errs += fmt.Sprintf(`<item><errorCode>%s</errorCode><errorMessage>none here</errorMessage><lifecycle>%s</lifecycle><launchTemplateAndOverrides><overrides><instanceType>%s</instanceType><subnetId>%s</subnetId></overrides></launchTemplateAndOverrides></item>`, code, market, typ, subnet)
			}
		}
		for range room {
			m := s.make(typ, subnet, market == "spot")
			m.tags = tags
			launched += fmt.Sprintf(`<item><instanceIds><item>%s</item></instanceIds><instanceType>%s</instanceType><lifecycle>%s</lifecycle></item>`, m.id, typ, market)
		}
		count -= room
	}
	if count == 0 {
		errs = ""
	}
	return fmt.Sprintf("<fleetId>fleet-1</fleetId><errorSet>%s</errorSet><fleetInstanceSet>%s</fleetInstanceSet>", errs, launched)
}

func (s *stub) describe(form url.Values) (int, string) {
	want := filters(form)
	var found []*machine
	for _, m := range s.machines {
		if !s.clock.Before(m.born.Add(s.lag)) && passes(m, want) {
			found = append(found, m)
		}
	}
	from, _ := strconv.Atoi(form.Get("NextToken"))
	to := min(len(found), from+s.page)
	body := "<reservationSet>"
	for _, m := range found[min(from, len(found)):to] {
		body += "<item><instancesSet><item>" + m.xml() + "</item></instancesSet></item>"
	}
	body += "</reservationSet>"
	if to < len(found) {
		body += fmt.Sprintf("<nextToken>%d</nextToken>", to)
	}
	return 0, body
}

func passes(m *machine, want map[string][]string) bool {
	for name, values := range want {
		is, there := m.id, true
		if key, tag := strings.CutPrefix(name, "tag:"); tag {
			is, there = m.tags[key], m.tags[key] != ""
		}
		if !there || !slices.Contains(values, is) {
			return false
		}
	}
	return true
}

func (m *machine) xml() string {
	var b strings.Builder
	tag := func(name, text string) {
		b.WriteString("<" + name + ">")
		_ = xml.EscapeText(&b, []byte(text))
		b.WriteString("</" + name + ">")
	}
	tag("instanceId", m.id)
	tag("instanceType", m.typ)
	tag("launchTime", m.started.Format(time.RFC3339))
	tag("reason", m.reason)
	if m.spot {
		tag("instanceLifecycle", "spot")
	}
	fmt.Fprintf(&b, "<instanceState><name>%s</name></instanceState><placement><availabilityZone>%s</availabilityZone></placement>", m.state, m.zone)
	fmt.Fprintf(&b, "<hibernationOptions><configured>%t</configured></hibernationOptions>", m.hibernates)
	fmt.Fprintf(&b, "<networkInterfaceSet><item><attachment><deviceIndex>0</deviceIndex><attachTime>%s</attachTime></attachment></item></networkInterfaceSet>", m.born.Format(time.RFC3339))
	for _, v := range m.volumes {
		fmt.Fprintf(&b, "<blockDeviceMapping><item><ebs><volumeId>%s</volumeId></ebs></item></blockDeviceMapping>", v)
	}
	b.WriteString("<tagSet>")
	for k, v := range m.tags {
		b.WriteString("<item>")
		tag("key", k)
		tag("value", v)
		b.WriteString("</item>")
	}
	b.WriteString("</tagSet>")
	return b.String()
}

func (s *stub) status(form url.Values) (int, string) {
	ids := list(form, "InstanceId")
	if len(ids) > 100 {
		return failure(400, "InvalidParameterValue", "more than 100 IDs")
	}
	if status, body := s.missing(ids); status != 0 {
		return status, body
	}
	body := "<instanceStatusSet>"
	for _, id := range ids {
		word := "ok"
		if s.machine(fleet.ID(id)).impaired {
			word = "impaired"
		}
		body += fmt.Sprintf("<item><instanceId>%s</instanceId><systemStatus><status>ok</status></systemStatus><instanceStatus><status>%s</status></instanceStatus></item>", id, word)
	}
	return 0, body + "</instanceStatusSet>"
}

func (s *stub) missing(ids []string) (int, string) {
	var gone []string
	for _, id := range ids {
		if s.machine(fleet.ID(id)) == nil {
			gone = append(gone, id)
		}
	}
	switch len(gone) {
	case 0:
		return 0, ""
	case 1:
		return failure(400, "InvalidInstanceID.NotFound", fmt.Sprintf("The instance ID '%s' does not exist", gone[0]))
	}
	return failure(400, "InvalidInstanceID.NotFound", fmt.Sprintf("The instance IDs '%s' do not exist", strings.Join(gone, ", ")))
}

// change does it to each, or says that one of them is not there.
func (s *stub) change(form url.Values, do func(*machine)) (int, string) {
	ids := list(form, "InstanceId")
	if status, body := s.missing(ids); status != 0 {
		return status, body
	}
	body := "<instancesSet>"
	for _, id := range ids {
		m := s.machine(fleet.ID(id))
		do(m)
		body += fmt.Sprintf("<item><instanceId>%s</instanceId><currentState><name>%s</name></currentState></item>", m.id, m.state)
	}
	return 0, body + "</instancesSet>"
}

// terminate keeps to what EC2 documents of protected ones: those in the same zone are
// not terminated either, the others are, and the call fails.
func (s *stub) terminate(form url.Values) (int, string) {
	ids := list(form, "InstanceId")
	if status, body := s.missing(ids); status != 0 {
		return status, body
	}
	held := map[string]string{}
	for _, id := range ids {
		if m := s.machine(fleet.ID(id)); m.protected {
			held[m.zone] = id
		}
	}
	status, body := s.change(form, func(m *machine) {
		if held[m.zone] == "" {
			m.state = "shutting-down"
		}
	})
	for _, id := range held {
		return failure(400, "OperationNotPermitted", fmt.Sprintf("The instance '%s' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.", id))
	}
	return status, body
}

func (s *stub) stop(form url.Values) (int, string) {
	for _, id := range list(form, "InstanceId") {
		if m := s.machine(fleet.ID(id)); m != nil && form.Get("Hibernate") == "true" && !m.hibernates {
			return failure(400, "UnsupportedHibernationConfiguration", "The instance is not configured for hibernation")
		}
	}
	return s.change(form, func(m *machine) {
		m.state, m.reason = "stopping", "User initiated ("+s.clock.Format(time.DateTime)+" GMT)"
	})
}

func (s *stub) start(form url.Values) (int, string) {
	return s.change(form, func(m *machine) { m.state, m.started, m.reason = "pending", s.clock, "" })
}

func (s *stub) tag(form url.Values) (int, string) {
	ids := list(form, "ResourceId")
	if status, body := s.missing(ids); status != 0 {
		return status, body
	}
	for _, id := range ids {
		m, key := s.machine(fleet.ID(id)), form.Get("Tag.1.Key")
		if form.Get("Action") == "DeleteTags" {
			delete(m.tags, key)
		} else {
			m.tags[key] = form.Get("Tag.1.Value")
		}
	}
	return 0, "<return>true</return>"
}

func (s *stub) subnets(form url.Values) (int, string) {
	body := "<subnetSet>"
	for _, id := range filters(form)["subnet-id"] {
		if strings.HasPrefix(id, "subnet-a") || strings.HasPrefix(id, "subnet-b") {
			body += fmt.Sprintf("<item><subnetId>%s</subnetId><availabilityZone>%s</availabilityZone></item>", id, zoneOf(id))
		}
	}
	return 0, body + "</subnetSet>"
}

func (s *stub) offerings(form url.Values) (int, string) {
	want, body := filters(form), "<instanceTypeOfferingSet>"
	for _, t := range want["instance-type"] {
		for _, z := range want["location"] {
			if strings.HasPrefix(t, "c7") && (t != "c7g.xlarge" || z == region+"b") {
				body += fmt.Sprintf("<item><instanceType>%s</instanceType><location>%s</location></item>", t, z)
			}
		}
	}
	return 0, body + "</instanceTypeOfferingSet>"
}

func (s *stub) versions(form url.Values) (int, string) {
	version, ok := map[string]int{"7": 7, "$Latest": 9, "$Default": 3}[form.Get("LaunchTemplateVersion.1")]
	if form.Get("LaunchTemplateName") != "render" {
		return failure(400, "InvalidLaunchTemplateName.NotFoundException", "The specified launch template does not exist.")
	}
	if !ok {
		return failure(400, "InvalidLaunchTemplateId.VersionNotFound", "Could not find the specified version.")
	}
	return 0, fmt.Sprintf("<launchTemplateVersionSet><item><launchTemplateId>lt-1</launchTemplateId><versionNumber>%d</versionNumber><launchTemplateData>%s</launchTemplateData></item></launchTemplateVersionSet>", version, s.template)
}

func (s *stub) types(form url.Values) (int, string) {
	body := "<instanceTypeSet>"
	for _, t := range list(form, "InstanceType") {
		body += fmt.Sprintf("<item><instanceType>%s</instanceType><hibernationSupported>%t</hibernationSupported><memoryInfo><sizeInMiB>8192</sizeInMiB></memoryInfo></item>", t, !s.tall)
	}
	return 0, body + "</instanceTypeSet>"
}

func (s *stub) volumesOf(form url.Values) (int, string) {
	body := "<volumeSet>"
	for _, id := range filters(form)["volume-id"] {
		body += fmt.Sprintf("<item><volumeId>%s</volumeId><size>%d</size></item>", id, s.gib)
	}
	return 0, body + "</volumeSet>"
}

func (s *stub) spotPrices(url.Values) (int, string) {
	return 0, "<spotPriceHistorySet>" + s.prices + "</spotPriceHistorySet>"
}

func newServer(s *stub) *httptest.Server { return httptest.NewServer(s) }
