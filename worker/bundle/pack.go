package bundle

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"aead.dev/minisign"
)

// Publish packs a folder that holds skynet-worker, or that program alone, and makes
// it what is current: the bundle first, then the statement and its signature, so that
// a reader in between finds a signature that does not fit and asks again.
func Publish(ctx context.Context, p Place, key minisign.PrivateKey, from, version string, atOnce int, now time.Time) (Statement, error) {
	s := Statement{Version: version, File: "skynet-worker-" + version + ".tar.gz", AtOnce: atOnce, Published: now.UTC()}
	if !versionName.MatchString(version) || atOnce < 1 {
		return s, fmt.Errorf("version %.100q for %d at once: a version is letters, digits and .+~_-, and at least one worker takes it", version, atOnce)
	}
	scratch, err := os.MkdirTemp("", "skynet-bundle-")
	if err != nil {
		return s, err
	}
	defer func() { _ = os.RemoveAll(scratch) }() // below the system's own folder for such
	file := filepath.Join(scratch, s.File)
	if err := pack(from, file); err != nil {
		return s, fmt.Errorf("pack %s: %w", from, err)
	}
	if s.Bytes, s.SHA256, err = checksum(file); err != nil {
		return s, err
	}
	body, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return s, err
	}
	if err := putFile(ctx, p, s.File, file); err != nil {
		return s, err
	}
	for _, part := range []struct {
		name string
		body []byte
	}{{channel, body}, {signature, minisign.SignWithComments(key, body, "skynet-worker "+version, "")}} {
		file := filepath.Join(scratch, part.name)
		if err := os.WriteFile(file, part.body, 0o600); err != nil {
			return s, err
		}
		if err := putFile(ctx, p, part.name, file); err != nil {
			return s, err
		}
	}
	return s, nil
}

func putFile(ctx context.Context, p Place, name, file string) error {
	if err := p.Put(ctx, name, file); err != nil {
		return fmt.Errorf("publish %s: %w", name, err)
	}
	return nil
}

// pack writes a folder, or one program under its name, as a tar.gz.
func pack(from, file string) (err error) {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if info.IsDir() {
		if _, err := os.Stat(filepath.Join(from, Program)); err != nil {
			return fmt.Errorf("there is no %s in it: %w", Program, err)
		}
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	z := gzip.NewWriter(out)
	t := tar.NewWriter(z)
	if info.IsDir() {
		err = t.AddFS(os.DirFS(from))
	} else {
		err = packProgram(t, from, info)
	}
	return errors.Join(err, t.Close(), z.Close(), out.Close())
}

func packProgram(t *tar.Writer, from string, info fs.FileInfo) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := t.WriteHeader(&tar.Header{Name: Program, Mode: 0o755, Size: info.Size(), ModTime: info.ModTime()}); err != nil {
		return err
	}
	_, err = io.Copy(t, in)
	return err
}

func checksum(file string) (n int64, sum string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	h := sha256.New()
	n, err = io.Copy(h, f)
	return n, hex.EncodeToString(h.Sum(nil)), err
}

// unpack writes the bundle's files below a new folder: plain files and folders, and
// nothing that leads out of it.
func unpack(file, into string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	z, err := gzip.NewReader(in)
	if err != nil {
		return fmt.Errorf("not a tar.gz: %w", err)
	}
	if err := os.MkdirAll(into, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(into)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // nothing is written to it itself
	left := int64(largest)
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("not a tar.gz: %w", err)
		}
		if left -= h.Size; left < 0 {
			return fmt.Errorf("more than %d bytes in it", int64(largest))
		}
		if err := unpackOne(root, h, t); err != nil {
			return fmt.Errorf("%.200q: %w", h.Name, err)
		}
	}
}

func unpackOne(root *os.Root, h *tar.Header, in io.Reader) error {
	name := filepath.Clean(h.Name)
	switch h.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o755)
	case tar.TypeReg:
	default:
		return errors.New("is neither a file nor a folder")
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	out, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.FileMode(h.Mode)&0o755|0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}
