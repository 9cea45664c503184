package dashboard

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	// leastToken is what cannot be guessed in any time: 16 characters of base64 are 96 bits.
	leastToken = 16
	// mostTokens is how much of a file is read.
	mostTokens = 64 << 10
)

// tokens is the file with those who may change things. It is read each time: it is
// small, and a token that was taken out must not work any more.
type tokens string

// token is one line of the file.
type token struct {
	name string // "" where the line is only a token
	sum  [sha256.Size]byte
}

// make makes the file with a new token if there is none.
func (t tokens) make() (made bool, err error) {
	if err := os.MkdirAll(filepath.Dir(string(t)), 0o700); err != nil {
		return false, err
	}
	f, err := os.OpenFile(string(t), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var secret [24]byte
	_, _ = rand.Read(secret[:]) // never fails
	_, err = f.WriteString(base64.RawURLEncoding.EncodeToString(secret[:]) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return false, errors.Join(err, os.Remove(string(t))) // half a token is none
	}
	return true, nil
}

// read reads the file. One without any token is an error that says so.
func (t tokens) read() (list []token, err error) {
	f, err := os.Open(string(t))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, mostTokens+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > mostTokens:
		return nil, fmt.Errorf("%s is longer than %d kB: it is no file of tokens", t, mostTokens>>10)
	}
	for n, line := range strings.Split(string(data), "\n") {
		one, err := tokenOf(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", t, n+1, err)
		}
		if one != nil {
			list = append(list, *one)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s holds no token; write one of %d characters or more, or remove the file and start again for a new one", t, leastToken)
	}
	return list, nil
}

// tokenOf reads TOKEN or NAME TOKEN; nil for an empty line and a comment.
func tokenOf(line string) (*token, error) {
	words := strings.Fields(line)
	if len(words) == 0 || strings.HasPrefix(words[0], "#") {
		return nil, nil
	}
	if len(words) > 2 {
		return nil, errors.New("a line is TOKEN or NAME TOKEN")
	}
	one, secret := token{}, words[len(words)-1]
	if len(words) == 2 {
		one.name = words[0]
	}
	if len(secret) < leastToken {
		return nil, fmt.Errorf("the token is too short; write at least %d characters", leastToken)
	}
	one.sum = sha256.Sum256([]byte(secret))
	return &one, nil
}

// match is the token that was shown. It takes as long whichever it is, and whether
// it is one at all.
func match(list []token, shown string) (found *token) {
	sum := sha256.Sum256([]byte(shown))
	for i := range list {
		if subtle.ConstantTimeCompare(list[i].sum[:], sum[:]) == 1 {
			found = &list[i]
		}
	}
	return found
}

// loose reports whether others than the owner and the group can read the file.
func (t tokens) loose() bool {
	at, err := os.Stat(string(t))
	return err == nil && at.Mode().Perm()&0o007 != 0
}
