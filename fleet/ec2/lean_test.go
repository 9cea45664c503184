package ec2_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/google/go-cmp/cmp"

	"skynet/fleet"
	"skynet/fleet/ec2"
)

// saying is an EC2 that answers each call with the document.
func saying(doc []byte) *ec2.Fleet {
	client := sdk.NewFromConfig(aws.Config{
		Region: region, BaseEndpoint: aws.String("http://ec2"), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
		HTTPClient: speaker(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(doc)), Request: r}, nil
		}),
	})
	return ec2.NewReadOnly(client, ec2.Options{Controller: "skynet", Account: account, Region: region, Now: func() time.Time { return noon }})
}

type speaker func(*http.Request) (*http.Response, error)

func (s speaker) Do(r *http.Request) (*http.Response, error) { return s(r) }

// whole is what EC2 says of one instance, all of it.
func whole(t *testing.T) []byte {
	t.Helper()
	doc, err := os.ReadFile("testdata/instances.xml")
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// Most of what EC2 says is not decoded. Nothing that is asked of an instance is lost.
func TestWhatIsReadOfAWholeInstance(t *testing.T) {
	list, err := saying(whole(t)).Instances(t.Context(), "render")
	if err != nil {
		t.Fatal(err)
	}
	want := []fleet.Instance{{
		ID: "i-00000000000000001", Phase: fleet.PhaseRunning, Type: "c7i.xlarge", Zone: "eu-west-1a", Spot: true,
		Launched: time.Date(2026, 3, 1, 10, 12, 31, 0, time.UTC),
		Tags: map[string]string{
			"aws:ec2launchtemplate:id": "lt-0a1b2c3d4e5f60718", "aws:ec2launchtemplate:version": "7",
			"aws:ec2:fleet-id": "fleet-0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", fleet.TagController: "skynet", fleet.TagFleet: "render",
			fleet.TagIntent: "render-29539200-1-0a1b2c3d4e5f", "Name": "<groupSet> of a & b",
		},
	}}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Error(diff)
	}
}

// A list that is cut off, wherever, is no shorter list.
func TestAnAnswerThatIsCutOffIsAnError(t *testing.T) {
	doc := bytes.TrimSpace(whole(t))
	for n := 0; n < len(doc); n += 7 {
		if list, err := saying(doc[:n]).Instances(t.Context(), "render"); err == nil {
			t.Fatalf("%d of %d bytes were taken for %d instances", n, len(doc), len(list))
		}
	}
}

// What is left out may hold elements of its own name, or nothing.
func TestWhatIsLeftOutMayBeNested(t *testing.T) {
	doc := whole(t)
	for _, odd := range []string{
		"<groupSet><groupSet><a/></groupSet><groupSet/><groupSet></groupSet></groupSet>", "<groupSet/>", `<groupSet xmlns="urn:a"/>`,
		`<groupSet of="a"><instanceId>i-9</instanceId></groupSet>`, "<novel><instanceId>i-9</instanceId></novel>",
		"<imageId>" + strings.Repeat("a", 200_000) + "</imageId>", "<novel>" + strings.Repeat("a", 200_000) + "</novel>",
	} {
		list, err := saying(bytes.Replace(doc, []byte("<dnsName/>"), []byte(odd), 1)).Instances(t.Context(), "render")
		if err != nil || len(list) != 1 || list[0].ID != "i-00000000000000001" || len(list[0].Tags) != 7 {
			t.Errorf("%.40s: %v, %+v", odd, err, list)
		}
	}
	for _, bad := range []string{"<" + strings.Repeat("a", 200_000) + ">", "<groupSet>", "<novel>"} {
		if list, err := saying(bytes.Replace(doc, []byte("<dnsName/>"), []byte(bad), 1)).Instances(t.Context(), "render"); err == nil {
			t.Errorf("%.40s: %+v", bad, list)
		}
	}
}
