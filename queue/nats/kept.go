package nats

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
)

// keptToken returns the token that workers already know, or keeps given, or a
// new random one.
func keptToken(file, given string) (string, error) {
	old, err := readKept(file)
	if err != nil {
		return "", err
	}
	if given == "" && old != "" {
		return old, nil
	}
	if given == "" {
		given = rand.Text()
	}
	return given, writeKept(file, given)
}

// choosePort returns the port to listen on, 0 for any. It looks whether the
// port is free, because a server that cannot listen says it in a way that no
// operator understands.
func choosePort(file string, given int) (int, error) {
	kept, err := readKept(file)
	if err != nil {
		return 0, err
	}
	port := given
	if port == 0 && kept != "" {
		if port, err = strconv.Atoi(kept); err != nil || port < 1 || port > 65535 {
			return 0, fmt.Errorf("%s: %q is not a port; delete the file to have one chosen", file, kept)
		}
	}
	if port == 0 {
		return 0, nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(Loopback, strconv.Itoa(port)))
	if err != nil {
		return 0, fmt.Errorf("port %d, which %s: %w; stop the program that uses it, or %s",
			port, why(file, given), err, cure(file, given))
	}
	return port, l.Close()
}

func why(file string, given int) string {
	if given != 0 {
		return "is configured"
	}
	return "workers know from " + file
}

func cure(file string, given int) string {
	if given != 0 {
		return "configure another"
	}
	return "delete " + file + " to have another chosen (workers that run now must then be started again)"
}

// readKept returns what file holds, "" if there is no such file.
func readKept(file string) (string, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(b)), err
}

// writeKept replaces file by way of a rename, so that a crash leaves either the
// old or the new.
func writeKept(file, text string) error {
	tmp := file + ".new"
	if err := os.WriteFile(tmp, []byte(text+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, file)
}
