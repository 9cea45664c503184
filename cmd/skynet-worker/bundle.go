package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"aead.dev/minisign"
	"github.com/spf13/cobra"

	"skynet/worker/bundle"
	"skynet/worker/store"
)

func bundleCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "bundle",
		Short: "Publish versions of the worker that workers take by themselves",
		Long: `Publish versions of the worker into a folder or bucket that workers look at (bundle
in their settings). Each finishes its items, takes the version when it is its turn,
and goes back if it ends or fails its first items; after as many bad ends as there
are turns nobody takes that version any more.`,
		Example: "  skynet-worker bundle key --to /root/bundles.key\n" +
			"  skynet-worker bundle publish --key /root/bundles.key --to s3://media/bundles bin/skynet-worker\n" +
			"  skynet-worker bundle status --from s3://media/bundles --public RWQf6LRCGA9i53ml…",
	}
	c.AddCommand(bundleKeyCommand(), bundlePublishCommand(), bundleStatusCommand())
	return c
}

func bundleKeyCommand() *cobra.Command {
	var to string
	c := &cobra.Command{
		Use:   "key",
		Short: "Make a key to sign versions with",
		Long: `Make a key to sign versions with, and print its public half, which goes into the
workers' settings as bundle.key. The secret half is a file that minisign reads as
well; if SKYNET_BUNDLE_PASSWORD is set it is encrypted by that. Keep it off the workers.`,
		Example: "  skynet-worker bundle key --to /root/bundles.key",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			public, err := makeKey(to)
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), public)
			return nil
		},
	}
	c.Flags().StringVar(&to, "to", "", "file for the secret half, which must not exist")
	_ = c.MarkFlagRequired("to")
	return c
}

func makeKey(file string) (public string, err error) {
	pub, priv, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	body, err := priv.MarshalText()
	if password := os.Getenv("SKYNET_BUNDLE_PASSWORD"); err == nil && password != "" {
		body, err = minisign.EncryptKey(password, priv)
	}
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("--to: %w", err)
	}
	_, err = f.Write(body)
	return pub.String(), errors.Join(err, f.Sync(), f.Close())
}

func bundlePublishCommand() *cobra.Command {
	var key, to, version string
	var atOnce int
	c := &cobra.Command{
		Use:   "publish PROGRAM|FOLDER",
		Short: "Make a version current",
		Long: `Pack a skynet-worker, or a folder that holds one and what it brings, sign it and make
it what is current. Its version is what the program says of itself with --version. To
go back to an older version publish that again.`,
		Example: "  skynet-worker bundle publish --key /root/bundles.key --to s3://media/bundles bin/skynet-worker",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			priv, err := readKey(key)
			if err != nil {
				return err
			}
			if version == "" {
				if version, err = versionOf(c, args[0]); err != nil {
					return err
				}
			}
			place, err := store.OpenPlace(c.Context(), to)
			if err != nil {
				return fmt.Errorf("--to: %w", err)
			}
			s, err := bundle.Publish(c.Context(), place, priv, args[0], version, atOnce, time.Now())
			if err != nil {
				return finding{err}
			}
			fmt.Fprintf(c.OutOrStdout(), "version %s is current: %s, %d bytes; %d workers take it at a time\n", s.Version, s.File, s.Bytes, s.AtOnce)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&key, "key", "", "file of the secret key (see bundle key)")
	f.StringVar(&to, "to", "", "where to: s3://BUCKET/FOLDER or file:///FOLDER")
	f.StringVar(&version, "as", "", "its version (default: what it says with --version)")
	f.IntVar(&atOnce, "at-once", bundle.DefaultAtOnce, "how many workers take it at the same time, and how many it may serve badly before nobody else takes it")
	_ = c.MarkFlagRequired("key")
	_ = c.MarkFlagRequired("to")
	return c
}

// versionOf asks a program for its version.
func versionOf(c *cobra.Command, program string) (string, error) {
	if info, err := os.Stat(program); err == nil && info.IsDir() {
		program = filepath.Join(program, bundle.Program)
	}
	path, err := filepath.Abs(program)
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(c.Context(), path, "--version").Output()
	words := strings.Fields(string(out))
	if err != nil || len(words) == 0 {
		return "", fmt.Errorf("%s does not say its version: %w; give --as if it was built for another machine", program, err)
	}
	return words[len(words)-1], nil
}

// bundleStatus is what is current, and how far it has come.
type bundleStatus struct {
	bundle.Statement
	Stopped bool          `json:"stopped"`
	Taking  []bundle.Note `json:"taking"`
	Good    []bundle.Note `json:"good"`
	Bad     []bundle.Note `json:"bad"`
}

func bundleStatusCommand() *cobra.Command {
	var from, public, format string
	c := &cobra.Command{
		Use:     "status",
		Short:   "Show what is current, and how far it has come",
		Long:    "Show what is current, who takes it, whom it served well and whom badly. The status\nis 1 if nobody takes it any more.",
		Example: "  skynet-worker bundle status --from s3://media/bundles --public RWQf6LRCGA9i53ml…",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var key minisign.PublicKey
			if err := key.UnmarshalText([]byte(public)); err != nil {
				return fmt.Errorf("--public: %w", err)
			}
			place, err := store.OpenPlace(c.Context(), from)
			if err != nil {
				return fmt.Errorf("--from: %w", err)
			}
			s, err := statusOf(c, place, key)
			if err != nil {
				return err
			}
			if err := s.print(c.OutOrStdout(), format); err != nil {
				return err
			}
			if s.Stopped {
				return finding{fmt.Errorf("version %s is not taken any more", s.Version)}
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&from, "from", "", "where it is published")
	f.StringVar(&public, "public", "", "public key of who may publish")
	f.StringVar(&format, "output", "text", "text or json")
	_ = c.MarkFlagRequired("from")
	_ = c.MarkFlagRequired("public")
	return c
}

func statusOf(c *cobra.Command, place store.Place, key minisign.PublicKey) (bundleStatus, error) {
	current, err := bundle.Current(c.Context(), place, key)
	if err != nil {
		return bundleStatus{}, err
	}
	r, err := bundle.Look(c.Context(), place, current.Version)
	if err != nil {
		return bundleStatus{}, err
	}
	s := bundleStatus{Statement: current, Stopped: r.Stopped(current), Good: r.Good, Bad: r.Bad}
	for _, turn := range slices.Sorted(maps.Keys(r.Turns)) {
		s.Taking = append(s.Taking, r.Turns[turn])
	}
	for _, list := range []*[]bundle.Note{&s.Taking, &s.Good, &s.Bad} {
		if *list == nil {
			*list = []bundle.Note{} // in JSON a list, not null
		}
	}
	return s, nil
}

func (s bundleStatus) print(out io.Writer, format string) error {
	switch format {
	case "json":
		return json.NewEncoder(out).Encode(s)
	case "text":
	default:
		return fmt.Errorf("--output %q: write text or json", format)
	}
	fmt.Fprintf(out, "version %s, published %s\n", s.Version, s.Published.Local().Format(time.DateTime))
	fmt.Fprintf(out, "taken by %d, being taken by %d of %d at a time, bad for %d\n", len(s.Good), len(s.Taking), s.AtOnce, len(s.Bad))
	for _, n := range s.Taking {
		fmt.Fprintf(out, "  taking  %s since %s\n", n.Worker, n.At.Local().Format(time.DateTime))
	}
	for _, n := range s.Bad {
		fmt.Fprintf(out, "  bad     %s: %s\n", n.Worker, n.Why)
	}
	if s.Stopped {
		fmt.Fprintln(out, "nobody takes it any more: publish another version, or this one under another name once it is mended")
	}
	return nil
}
