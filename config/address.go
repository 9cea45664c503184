package config

import (
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
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
}

// Embedded reports whether the queue is in the daemon itself.
func (a Address) Embedded() bool { return a.System == NATSQueue && a.Host == "" }

var (
	// streamName is what NATS takes for a stream and a consumer: no dots, no spaces.
	streamName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	sqsHost    = regexp.MustCompile(`^(sqs|queue)[.a-z0-9-]*\.amazonaws\.com(\.cn)?$`)
)

// ParseAddress takes a queue's URL apart. Its errors follow the value in a message.
func ParseAddress(s string) (Address, error) {
	u, err := url.Parse(s)
	switch {
	case err == nil && u.Scheme == "nats":
		return natsAddress(u)
	case err == nil && u.Scheme == "https" && sqsHost.MatchString(u.Host):
		name := u.Path[strings.LastIndex(u.Path, "/")+1:]
		return Address{System: SQSQueue, Host: u.Host, Name: name}, nil
	}
	return Address{}, errors.New("is not the URL of a queue; write nats://embedded/NAME or nats://host:port/NAME")
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

// StoreFolder is the folder that a store's URL means. Its errors follow the
// value in a message.
func StoreFolder(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme == "" || len(u.Scheme) == 1:
		return "", errors.New("is not a URL; write file:///absolute/folder")
	case u.Scheme == "s3":
		return "", errLater
	case u.Scheme != "file":
		return "", errors.New("is not a store that is known; write file:///absolute/folder")
	case u.Host != "" || !filepath.IsAbs(u.Path):
		return "", errors.New("is not absolute; write file:///absolute/folder, with three slashes")
	}
	return filepath.Clean(u.Path), nil
}
