package ec2wire

import (
	"bytes"
	"encoding/xml"
	"slices"
	"strconv"
	"strings"
	"time"
)

// writer writes XML without a detour: a list of ten thousand instances is written in
// the time that a reader needs for a hundred of them.
type writer struct {
	*bytes.Buffer
	keys []string // of the last tags, to be used again
}

func (b *writer) begin(name string) {
	b.WriteByte('<')
	b.WriteString(name)
	b.WriteByte('>')
}

func (b *writer) end(name string) {
	b.WriteString("</")
	b.WriteString(name)
	b.WriteByte('>')
}

func (b *writer) text(name, text string) {
	b.begin(name)
	b.escaped(text)
	b.end(name)
}

// escaped writes text. Hardly any holds what XML must be protected from.
func (b *writer) escaped(text string) {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f || strings.IndexByte(`<>&'"`, c) >= 0 {
			_ = xml.EscapeText(b, []byte(text))
			return
		}
	}
	b.WriteString(text)
}

func (b *writer) texts(name string, all []string) {
	b.begin(name)
	for _, t := range all {
		b.text("item", t)
	}
	b.end(name)
}

// item writes names with their texts.
func (b *writer) item(pairs ...string) {
	b.begin("item")
	for i := 0; i < len(pairs); i += 2 {
		b.text(pairs[i], pairs[i+1])
	}
	b.end("item")
}

func (b *writer) moment(name string, t time.Time) {
	b.begin(name)
	b.Write(t.UTC().AppendFormat(b.AvailableBuffer(), time.RFC3339))
	b.end(name)
}

// stateCodes are EC2's numbers for its words:
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html
var stateCodes = map[string]string{"pending": "0", "running": "16", "shutting-down": "32", "terminated": "48", "stopping": "64", "stopped": "80"}

func (b *writer) state(name, state string) {
	b.begin(name)
	if code, known := stateCodes[state]; known {
		b.text("code", code)
	}
	b.text("name", state)
	b.end(name)
}

// reservation writes an instance in a reservation of its own.
func (b *writer) reservation(i *Instance, whole bool) {
	b.WriteString("<item>")
	if whole {
		b.WriteString("<reservationId>r-0123456789abcdef0</reservationId><ownerId>123456789012</ownerId><groupSet/>")
	}
	b.WriteString("<instancesSet><item>")
	b.text("instanceId", i.ID)
	b.text("instanceType", i.Type)
	b.moment("launchTime", i.Started)
	b.text("reason", i.Reason)
	if i.Code+i.Message != "" {
		b.begin("stateReason")
		b.text("code", i.Code)
		b.text("message", i.Message)
		b.end("stateReason")
	}
	if i.Spot {
		b.WriteString("<instanceLifecycle>spot</instanceLifecycle>")
	}
	b.state("instanceState", i.State)
	b.text("subnetId", i.Subnet)
	b.WriteString("<placement>")
	b.text("availabilityZone", i.Zone)
	b.WriteString("<groupName/><tenancy>default</tenancy></placement><hibernationOptions><configured>")
	b.WriteString(strconv.FormatBool(i.Hibernates))
	b.WriteString("</configured></hibernationOptions><networkInterfaceSet><item><attachment><deviceIndex>0</deviceIndex>")
	b.moment("attachTime", i.Born)
	b.WriteString("</attachment></item></networkInterfaceSet><blockDeviceMapping>")
	for _, v := range i.Volumes {
		b.WriteString("<item><ebs>")
		b.text("volumeId", v)
		b.WriteString("</ebs></item>")
	}
	b.WriteString("</blockDeviceMapping>")
	b.tagSet(i.Tags)
	if whole {
		b.WriteString(filler)
	}
	b.WriteString("</item></instancesSet></item>")
}

// tagSet writes tags in the order of their keys.
func (b *writer) tagSet(tags map[string]string) {
	b.keys = b.keys[:0]
	for key := range tags {
		b.keys = append(b.keys, key)
	}
	slices.Sort(b.keys)
	b.begin("tagSet")
	for _, key := range b.keys {
		b.WriteString("<item>")
		b.text("key", key)
		b.text("value", tags[key])
		b.WriteString("</item>")
	}
	b.end("tagSet")
}

// fail writes an error.
func fail(b *bytes.Buffer, e *Error) {
	out := &writer{Buffer: b}
	out.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<Response><Errors><Error>")
	out.text("Code", e.Code)
	out.text("Message", e.Message)
	out.WriteString("</Error></Errors><RequestID>r</RequestID></Response>")
}

// filler is what else EC2 tells of an instance, by its documented example:
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
const filler = `<imageId>ami-0abcdef1234567890</imageId><privateDnsName>ip-10-0-0-12.eu-west-1.compute.internal</privateDnsName><dnsName/>` +
	`<keyName/><amiLaunchIndex>0</amiLaunchIndex><productCodes/><monitoring><state>disabled</state></monitoring><vpcId>vpc-0123456789abcdef0</vpcId>` +
	`<privateIpAddress>10.0.0.12</privateIpAddress><sourceDestCheck>true</sourceDestCheck><groupSet><item><groupId>sg-0123456789abcdef0</groupId>` +
	`<groupName>workers</groupName></item></groupSet><architecture>x86_64</architecture><rootDeviceType>ebs</rootDeviceType><rootDeviceName>/dev/xvda</rootDeviceName>` +
	`<virtualizationType>hvm</virtualizationType><clientToken>fleet-01234567-89ab-cdef-0123-456789abcdef-0</clientToken><hypervisor>xen</hypervisor>` +
	`<iamInstanceProfile><arn>arn:aws:iam::123456789012:instance-profile/worker</arn><id>AIPA0123456789ABCDEF0</id></iamInstanceProfile><ebsOptimized>true</ebsOptimized>` +
	`<enaSupport>true</enaSupport><cpuOptions><coreCount>2</coreCount><threadsPerCore>2</threadsPerCore></cpuOptions><capacityReservationSpecification>` +
	`<capacityReservationPreference>open</capacityReservationPreference></capacityReservationSpecification><metadataOptions><state>applied</state>` +
	`<httpTokens>required</httpTokens><httpPutResponseHopLimit>2</httpPutResponseHopLimit><httpEndpoint>enabled</httpEndpoint><httpProtocolIpv6>disabled</httpProtocolIpv6>` +
	`<instanceMetadataTags>enabled</instanceMetadataTags></metadataOptions><enclaveOptions><enabled>false</enabled></enclaveOptions>` +
	`<platformDetails>Linux/UNIX</platformDetails><usageOperation>RunInstances</usageOperation><usageOperationUpdateTime>2026-03-01T12:00:00.000Z</usageOperationUpdateTime>` +
	`<privateDnsNameOptions><hostnameType>ip-name</hostnameType><enableResourceNameDnsARecord>false</enableResourceNameDnsARecord>` +
	`<enableResourceNameDnsAAAARecord>false</enableResourceNameDnsAAAARecord></privateDnsNameOptions><maintenanceOptions><autoRecovery>default</autoRecovery></maintenanceOptions>` +
	`<currentInstanceBootMode>legacy-bios</currentInstanceBootMode>`
