package ec2

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// lean has a call's answer rid of what we never read before the SDK decodes it. EC2
// says some 5 kB of each instance, and a quarter of it is for us: decoding the rest
// took most of the time of a tick with thousands of instances.
//
// It also refuses an answer without a body, which the SDK would take for a list of
// nobody.
func lean(o *sdk.Options) {
	o.APIOptions = append(slices.Clip(o.APIOptions), func(stack *middleware.Stack) error {
		return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("skynet:lean", leaner), middleware.After)
	})
}

func leaner(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, meta, err := next.HandleDeserialize(ctx, in)
	if r, ok := out.RawResponse.(*smithyhttp.Response); ok && err == nil && r.StatusCode >= 200 && r.StatusCode < 300 {
		r.Body = &leanBody{Closer: r.Body, in: bufio.NewReaderSize(r.Body, leanBuffer)}
	}
	return out, meta, err
}

// unread are elements of an instance that see does not read, wherever they stand.
// What is new to us is not among them.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html
var unread = func() map[string]string {
	all := map[string]string{}
	for _, name := range []string{
		"amiLaunchIndex", "architecture", "association", "attachmentId", "availabilityZoneId", "bootMode", "capacityReservationSpecification",
		"clientToken", "cpuOptions", "currentInstanceBootMode", "deleteOnTermination", "description", "deviceName", "dnsName", "ebsOptimized",
		"elasticGpuAssociationSet", "elasticInferenceAcceleratorAssociationSet", "enaSupport", "enclaveOptions", "groupSet", "hypervisor",
		"iamInstanceProfile", "imageId", "interfaceType", "ipAddress", "ipv6AddressesSet", "keyName", "licenseSet", "macAddress",
		"maintenanceOptions", "metadataOptions", "monitoring", "networkCardIndex", "networkInterfaceId", "networkPerformanceOptions", "operator",
		"ownerId", "platformDetails", "privateDnsName", "privateDnsNameOptions", "privateIpAddress", "privateIpAddressesSet", "productCodes",
		"requesterId", "reservationId", "rootDeviceName", "rootDeviceType", "sourceDestCheck", "status", "subnetId", "tenancy", "usageOperation",
		"usageOperationUpdateTime", "virtualizationType", "vpcId",
	} {
		all[name] = name
	}
	return all
}()

const (
	// leanBuffer is the longest tag that is read, in bytes: EC2's have some dozens.
	leanBuffer = 64 << 10
	// leanChunk is how much is kept at least before it is passed on, in bytes.
	leanChunk = 16 << 10
)

var errNothingSaid = errors.New("the answer has no body")

// leanBody is an XML document without the elements that are unread. It knows no
// comments and no CDATA, of which EC2 sends none, and leaves it to the SDK to find
// fault with what is not well-formed.
type leanBody struct {
	io.Closer
	in      *bufio.Reader
	out     []byte // what was kept and not read yet
	kept    []byte // where out lies
	err     error  // comes after out
	skip    string // the element that is left out now, "" for none
	depth   int    // of elements of that name
	started bool
}

// Read implements io.Reader.
func (l *leanBody) Read(p []byte) (int, error) {
	if len(l.out) == 0 {
		l.kept = l.kept[:0]
		for l.err == nil && len(l.kept) < leanChunk {
			l.err = l.more()
		}
		l.out = l.kept
	}
	if len(l.out) == 0 {
		return 0, l.err
	}
	n := copy(p, l.out)
	l.out = l.out[n:]
	return n, nil
}

// more reads up to the next tag, and the tag.
func (l *leanBody) more() error {
	text, err := l.in.ReadSlice('<')
	l.started = l.started || len(text) > 0
	if l.skip == "" {
		l.kept = append(l.kept, bytes.TrimSuffix(text, []byte("<"))...)
	}
	switch {
	case err == nil:
		return l.tag()
	case errors.Is(err, bufio.ErrBufferFull):
		return nil
	case err == io.EOF && !l.started:
		return errNothingSaid
	case err == io.EOF && l.skip != "":
		return io.ErrUnexpectedEOF
	}
	return err
}

// tag reads a tag whose < was read.
func (l *leanBody) tag() error {
	tag, err := l.in.ReadSlice('>')
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("the answer cannot be read: %w", err)
	}
	name, alone := bytes.CutSuffix(tag[:len(tag)-1], []byte("/"))
	name, ends := bytes.CutPrefix(name, []byte("/"))
	if i := bytes.IndexByte(name, ' '); i >= 0 {
		name = name[:i]
	}
	switch {
	case l.skip == "" && !ends && unread[string(name)] != "":
		if !alone {
			l.skip, l.depth = unread[string(name)], 1
		}
	case l.skip == "":
		l.kept = append(append(l.kept, '<'), tag...)
	case string(name) != l.skip || alone:
	case ends:
		if l.depth--; l.depth == 0 {
			l.skip = ""
		}
	default:
		l.depth++
	}
	return nil
}
