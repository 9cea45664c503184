//go:build linux

package local

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"skynet/fleet"
)

// ttlMax is EC2's: six hours, in seconds.
const ttlMax = 21_600

// signer makes session tokens that need no memory: a token is its expiry and a
// signature over that and the instance. The key is new with each start, so
// that tokens of an earlier one are refused, as EC2 may do at any time.
type signer struct {
	key []byte
	now func() time.Time
}

func newSigner(now func() time.Time) signer {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the program instead
	return signer{key: key, now: now}
}

func (s signer) token(id fleet.ID, ttl time.Duration) string {
	expiry := binary.BigEndian.AppendUint64(nil, uint64(s.now().Add(ttl).UnixNano())) //nolint:gosec // after 1970
	return base64.URLEncoding.EncodeToString(append(expiry, s.sum(expiry, id)...))
}

func (s signer) valid(token string, id fleet.ID) bool {
	raw, err := base64.URLEncoding.DecodeString(token)
	if err != nil || len(raw) != 8+sha256.Size {
		return false
	}
	expiry := raw[:8]
	return hmac.Equal(raw[8:], s.sum(expiry, id)) &&
		uint64(s.now().UnixNano()) < binary.BigEndian.Uint64(expiry) //nolint:gosec // after 1970
}

func (s signer) sum(expiry []byte, id fleet.ID) []byte {
	m := hmac.New(sha256.New, s.key)
	_, _ = m.Write(expiry)
	_, _ = m.Write([]byte(id))
	return m.Sum(nil)
}
