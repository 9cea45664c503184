package deploy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// call is one that the programs make.
type call struct {
	operation string // service:Operation, as the SDK names them
	who       string // controller, worker, operator
	actions   string // what IAM must allow
}

// calls are all of them. What an operation needs is in the Service Authorization
// Reference, and of S3 in the reference of its API:
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
var calls = []call{
	{"sts:GetCallerIdentity", "controller", ""}, // needs no permission
	{"ec2:DescribeInstances", "controller", "ec2:DescribeInstances"},
	{"ec2:DescribeInstanceStatus", "controller", "ec2:DescribeInstanceStatus"},
	{"ec2:DescribeInstanceTypes", "controller", "ec2:DescribeInstanceTypes"},
	{"ec2:DescribeInstanceTypeOfferings", "controller", "ec2:DescribeInstanceTypeOfferings"},
	{"ec2:DescribeLaunchTemplateVersions", "controller", "ec2:DescribeLaunchTemplateVersions"},
	{"ec2:DescribeSubnets", "controller", "ec2:DescribeSubnets"},
	{"ec2:DescribeSpotPriceHistory", "controller", "ec2:DescribeSpotPriceHistory"},
	{"ec2:DescribeVolumes", "controller", "ec2:DescribeVolumes"},
	{"ec2:CreateFleet", "controller", "ec2:CreateFleet ec2:RunInstances ec2:CreateTags iam:PassRole"},
	{"ec2:StartInstances", "controller", "ec2:StartInstances"},
	{"ec2:StopInstances", "controller", "ec2:StopInstances"},
	{"ec2:TerminateInstances", "controller", "ec2:TerminateInstances"},
	{"ec2:CreateTags", "controller", "ec2:CreateTags"},
	{"ec2:DeleteTags", "controller", "ec2:DeleteTags"},
	{"sqs:GetQueueAttributes", "controller", "sqs:GetQueueAttributes"},
	{"sqs:ReceiveMessage", "controller", "sqs:ReceiveMessage"},
	{"sqs:DeleteMessageBatch", "controller", "sqs:DeleteMessage"},
	{"sqs:ChangeMessageVisibilityBatch", "controller", "sqs:ChangeMessageVisibility"},
	{"cloudwatch:GetMetricData", "controller", "cloudwatch:GetMetricData"},
	{"cloudwatch:PutMetricData", "controller", "cloudwatch:PutMetricData"},
	{"s3:GetObject", "controller", "s3:GetObject s3:ListBucket"}, // 404 rather than 403
	{"s3:PutObject", "controller", "s3:PutObject"},
	{"s3:ListObjectsV2", "controller", "s3:ListBucket"},

	{"sqs:GetQueueAttributes", "worker", "sqs:GetQueueAttributes"},
	{"sqs:ReceiveMessage", "worker", "sqs:ReceiveMessage"},
	{"sqs:ChangeMessageVisibility", "worker", "sqs:ChangeMessageVisibility"},
	{"sqs:DeleteMessage", "worker", "sqs:DeleteMessage"},
	{"sqs:SendMessage", "worker", "sqs:SendMessage"},
	{"s3:GetObject", "worker", "s3:GetObject s3:ListBucket"},
	{"s3:PutObject", "worker", "s3:PutObject"},
	{"s3:CreateMultipartUpload", "worker", "s3:PutObject"},
	{"s3:UploadPart", "worker", "s3:PutObject"},
	{"s3:CompleteMultipartUpload", "worker", "s3:PutObject"},
	{"s3:AbortMultipartUpload", "worker", "s3:AbortMultipartUpload"},
	{"s3:HeadObject", "worker", "s3:GetObject"}, // has no permission of its own
	{"s3:DeleteObject", "worker", "s3:DeleteObject"},
	{"s3:ListObjectsV2", "worker", "s3:ListBucket"},

	{"sqs:SendMessage", "operator", "sqs:SendMessage"}, // skynet-worker submit and batch, skynet dead
	{"sqs:SendMessageBatch", "operator", "sqs:SendMessage"},
	{"sqs:GetQueueAttributes", "operator", "sqs:GetQueueAttributes"},
	{"sqs:ReceiveMessage", "operator", "sqs:ReceiveMessage"}, // skynet dead
	{"sqs:ChangeMessageVisibilityBatch", "operator", "sqs:ChangeMessageVisibility"},
	{"sqs:DeleteMessage", "operator", "sqs:DeleteMessage"},
	{"s3:ListObjectsV2", "operator", "s3:ListBucket"},
	{"s3:GetObject", "operator", "s3:GetObject"},
	{"s3:PutObject", "operator", "s3:PutObject"},
	{"cloudwatch:GetMetricData", "operator", "cloudwatch:GetMetricData"}, // skynet import cloudwatch
}

func TestEveryCallIsAllowedAndNothingElse(t *testing.T) {
	tpl := readTemplate(t)
	for who, r := range roles {
		needed, allowed := map[string]bool{}, map[string]bool{}
		for _, c := range calls {
			for _, a := range strings.Fields(c.actions) {
				if c.who == who {
					needed[a] = true
				}
			}
		}
		for _, s := range policyIn(t, tpl, r.resource).Statement {
			for _, a := range s.Action {
				allowed[a] = true
			}
		}
		if want, got := sorted(needed), sorted(allowed); !slices.Equal(want, got) {
			t.Errorf("%s may do\n%v\nand its calls need\n%v", who, got, want)
		}
	}
}

// TestEveryCallIsInTheTable reads the source: an operation is named there by its input.
func TestEveryCallIsInTheTable(t *testing.T) {
	listed := map[string]bool{}
	for _, c := range calls {
		listed[c.operation] = true
	}
	found := operations(t, "../..")
	if want, got := sorted(found), sorted(listed); !slices.Equal(want, got) {
		t.Errorf("the source calls\n%v\nand the table lists\n%v", want, got)
	}
}

// TestTheHandbookListsEveryCall keeps the table of docs/aws.md whole.
func TestTheHandbookListsEveryCall(t *testing.T) {
	text, err := os.ReadFile("../../docs/aws.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range calls {
		_, name, _ := strings.Cut(c.operation, ":")
		for _, want := range append(strings.Fields(c.actions), name) {
			if !strings.Contains(string(text), "`"+want+"`") {
				t.Errorf("docs/aws.md does not list `%s`", want)
			}
		}
	}
}

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

const services = "github.com/aws/aws-sdk-go-v2/service/"

// operations are those whose inputs the programs' files name.
func operations(t *testing.T, root string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch base := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && (base == "test" || base == "testdata" || len(base) > 2 && base[0] == '.'):
			return fs.SkipDir
		case d.IsDir() || path.Ext(base) != ".go" || strings.HasSuffix(base, "_test.go"):
			return nil
		}
		tree, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err == nil {
			operationsIn(tree, found)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func operationsIn(file *ast.File, found map[string]bool) {
	service := map[string]string{} // by the name that the file gives it
	for _, i := range file.Imports {
		from, _ := strconv.Unquote(i.Path.Value)
		of, ok := strings.CutPrefix(from, services)
		if !ok || strings.Contains(of, "/") {
			continue
		}
		service[of] = of
		if i.Name != nil {
			service[i.Name.Name] = of
		}
	}
	if len(service) == 0 {
		return
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			x, named := s.X.(*ast.Ident)
			operation, input := strings.CutSuffix(s.Sel.Name, "Input")
			if named && input && service[x.Name] != "" {
				found[service[x.Name]+":"+operation] = true
			}
		}
		return true
	})
}
