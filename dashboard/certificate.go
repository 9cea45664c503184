package dashboard

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificate is the pair of files for TLS. It is looked at with each connection, so
// that a renewed one needs no restart; one that cannot be read, or is half written,
// leaves the last in place.
type certificate struct {
	chain, key string
	log        *slog.Logger

	mu   sync.Mutex
	pair *tls.Certificate
	of   [2]stamp // of the files that were looked at last
}

// stamp tells a file from what it was.
type stamp struct {
	at   time.Time
	size int64
}

func stampOf(path string) stamp {
	at, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{at.ModTime(), at.Size()}
}

func openCertificate(chain, key string, log *slog.Logger) (*certificate, error) {
	c := &certificate{chain: chain, key: key, log: log}
	if err := c.read(); err != nil {
		return nil, fmt.Errorf("access: %w; name the PEM files of a certificate and its key", err)
	}
	return c, nil
}

func (c *certificate) read() error {
	c.of = [2]stamp{stampOf(c.chain), stampOf(c.key)}
	pair, err := tls.LoadX509KeyPair(c.chain, c.key)
	if err == nil {
		c.pair = &pair
	}
	return err
}

// get is tls.Config.GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := [2]stamp{stampOf(c.chain), stampOf(c.key)}; now != c.of {
		if err := c.read(); err != nil {
			c.log.Warn("the changed certificate cannot be read; the last one stays in use", "file", c.chain, "error", err)
		} else {
			c.log.Info("a new certificate is in use", "file", c.chain)
		}
	}
	return c.pair, nil
}

// config is TLS as it is spoken: 1.2 at least.
func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}
