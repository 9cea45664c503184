package config

import (
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// System is what runs a queue.
type System string

// The systems.
const (
	NATSQueue System = "nats"
	SQSQueue  System = "sqs"
)

// Address is where a queue is: a queue's URL taken apart.
type Address struct {
	System System
	Host   string // host:port of the server, "" when embedded
	Name   string // the queue's name there: the last segment of the path

	Region, Account string // of AWS
}

// Embedded reports whether the queue is in the daemon itself.
func (a Address) Embedded() bool { return a.System == NATSQueue && a.Host == "" }

var (
	// streamName is what NATS takes for a stream and a consumer: no dots, no spaces.
	streamName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	sqsHost    = regexp.MustCompile(`^sqs\.([a-z]{2}(?:-[a-z]+)+-[0-9]+)\.amazonaws\.com(\.cn)?$`)
	// sqsPath is an account and a name.
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html
	sqsPath = regexp.MustCompile(`^/([0-9]{12})/([A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo)$`)
	amazon  = regexp.MustCompile(`\.amazonaws\.com(\.cn)?$`)
	bucket  = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
)

// sqsForm is how the URL of a queue on SQS looks.
const sqsForm = "https://sqs.REGION.amazonaws.com/ACCOUNT/NAME"

// ParseAddress takes a queue's URL apart. Its errors follow the value in a message.
func ParseAddress(s string) (Address, error) {
	u, err := url.Parse(s)
	switch {
	case err == nil && u.Scheme == "nats":
		return natsAddress(u)
	case err == nil && u.Scheme == "https" && amazon.MatchString(u.Host):
		return sqsAddress(u)
	}
	return Address{}, errors.New("is not the URL of a queue; write nats://embedded/NAME, nats://host:port/NAME or " + sqsForm)
}

func sqsAddress(u *url.URL) (Address, error) {
	host, path := sqsHost.FindStringSubmatch(u.Host), sqsPath.FindStringSubmatch(u.Path)
	switch {
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return Address{}, errors.New("has more than a host, an account and a name; write " + sqsForm)
	case host == nil || path == nil:
		return Address{}, errors.New("is not the URL of a queue on SQS; write " + sqsForm)
	}
	return Address{System: SQSQueue, Host: u.Host, Name: path[2], Region: host[1], Account: path[1]}, nil
}

func natsAddress(u *url.URL) (Address, error) {
	name := strings.TrimPrefix(u.Path, "/")
	switch {
	case u.User != nil:
		return Address{}, errors.New("holds a secret; put the token into a file of its own")
	case u.RawQuery != "" || u.Fragment != "":
		return Address{}, errors.New("has more than a host and a name; write nats://host:port/NAME")
	case !streamName.MatchString(name):
		return Address{}, errors.New("must end in the queue's name, of letters, digits, _ and -; write nats://host:port/NAME")
	case u.Host == "embedded":
		return Address{System: NATSQueue, Name: name}, nil
	case !hostPort(u.Host):
		return Address{}, errors.New("must name a host and a port; write nats://host:4222/NAME, or nats://embedded/NAME")
	}
	return Address{System: NATSQueue, Host: u.Host, Name: name}, nil
}

// hostPort reports whether s is a host and a port.
func hostPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	n, bad := strconv.Atoi(port)
	return err == nil && bad == nil && host != "" && n > 0 && n < 1<<16
}

// checkStore refuses what is not the URL of a store. Its errors follow the value
// in a message.
func checkStore(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme == "" || len(u.Scheme) == 1:
		return errors.New("is not a URL; write file:///absolute/folder or s3://BUCKET/FOLDER")
	case u.Scheme == "s3":
		return checkBucket(u)
	case u.Scheme != "file":
		return errors.New("is not a store that is known; write file:///absolute/folder or s3://BUCKET/FOLDER")
	case u.Host != "" || !filepath.IsAbs(u.Path):
		return errors.New("is not absolute; write file:///absolute/folder, with three slashes")
	}
	return nil
}

// checkBucket wants a bucket and, if need be, a folder in it and its region. Names
// of buckets are 3 to 63 small letters, digits, dots and hyphens.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
func checkBucket(u *url.URL) error {
	options := u.Query()
	at := options.Get("region")
	options.Del("region")
	switch {
	case u.User != nil || u.Fragment != "" || len(options) > 0 || u.ForceQuery:
		return errors.New("has more than a bucket and a folder; write s3://BUCKET/FOLDER, with ?region=REGION where the bucket is in another one")
	case u.RawQuery != "" && !region.MatchString(at):
		return errors.New("names no region; write it like s3://BUCKET/FOLDER?region=eu-west-1")
	case !bucket.MatchString(u.Host):
		return errors.New("names no bucket; write s3://BUCKET/FOLDER, with a bucket of 3 to 63 small letters, digits, dots and hyphens")
	case strings.Contains(u.Path, "//") || slices.ContainsFunc(strings.Split(u.Path, "/"), func(p string) bool { return p == "." || p == ".." }):
		return errors.New("has empty parts or dots in its folder; write s3://BUCKET/FOLDER")
	}
	return nil
}
