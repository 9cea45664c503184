// Package moto runs moto server, an independent implementation of the AWS APIs,
// for tests that must not take our word for what AWS does.
package moto

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

const (
	// Variable names the environment variable with the path of moto_server.
	Variable = "SKYNET_MOTO"
	// Account is the account that moto plays.
	Account = "123456789012"
	// Region is the region that tests act in.
	Region = "eu-west-1"

	upWithin = time.Minute
)

// Server is a moto server of one test's own: nothing in it is shared.
type Server struct {
	URL string // http://127.0.0.1:PORT
	Log func() string
}

// Start starts a server, which ends with the test. Without SKYNET_MOTO the test
// is skipped: `make conformance` sets it.
func Start(tb testing.TB) *Server {
	tb.Helper()
	program := os.Getenv(Variable)
	if program == "" {
		tb.Skipf("needs moto server: run make conformance, or set %s to the path of moto_server", Variable)
	}
	address := free(tb)
	log := &lines{}
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.Command(program, "-H", "127.0.0.1", "-p", port)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		tb.Fatalf("start %s: %v", program, err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	s := &Server{URL: "http://" + address, Log: log.String}
	s.await(tb)
	return s
}

// Config is an SDK configuration whose calls end here.
func (s *Server) Config() aws.Config {
	return aws.Config{
		Region: Region, BaseEndpoint: aws.String(s.URL),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}
}

// Env is what a program of ours needs in its environment to talk to this server
// by the SDK's own settings.
func (s *Server) Env() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + s.URL, "AWS_REGION=" + Region,
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
	}
}

func (s *Server) await(tb testing.TB) {
	tb.Helper()
	for end := time.Now().Add(upWithin); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		answer, err := http.Get(s.URL + "/moto-api/") //nolint:noctx // ends with the test
		if err == nil {
			_ = answer.Body.Close()
			return
		}
	}
	tb.Fatalf("moto server does not answer after %s:\n%s", upWithin, s.Log())
}

func free(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // for a moment
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// lines keeps what the server wrote.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// String is the end of what was written.
func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var last []string
	for s := bufio.NewScanner(bytes.NewReader(l.text.Bytes())); s.Scan(); {
		last = append(last, s.Text())
		if len(last) > mostLines {
			last = last[1:]
		}
	}
	return fmt.Sprintln(strings.Join(last, "\n"))
}

const mostLines = 200
