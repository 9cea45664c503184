// Command supply writes what is said about where the programs come from. Make runs it.
//
//	go run ./deploy/supply/cmd licences                           # writes THIRD_PARTY.md
//	go run ./deploy/supply/cmd notices FOLDER                     # licences to give away with each program
//	go run ./deploy/supply/cmd bills -version 1.4.0 bin dist      # of the programs in bin and the packages in dist
//	go run ./deploy/supply/cmd cache -without skynet/ -from …     # a GOCACHEPROG, see reproducible.sh
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"skynet/deploy/supply"
)

func main() {
	err := run(os.Args[1:])
	if errors.Is(err, errUsage) || errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: supply licences | notices FOLDER | bills [-version VERSION] PROGRAMS PACKAGES | cache -from FOLDER,… -to FOLDER -without WORD,…")

func run(args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	switch name, rest := args[0], args[1:]; {
	case name == "licences" && len(rest) == 0:
		return licences()
	case name == "notices" && len(rest) == 1:
		return notices(rest[0])
	case name == "bills":
		return bills(rest)
	case name == "cache":
		return cache(rest)
	}
	return errUsage
}

func licences() error {
	s, err := supply.Gather(".", supply.Tool)
	if err != nil {
		return err
	}
	return os.WriteFile("THIRD_PARTY.md", []byte(s.Document()), 0o644)
}

// notices writes a file for each program into a folder, named after it.
func notices(folder string) error {
	s, err := supply.Gather(".", supply.Linked)
	if err != nil {
		return err
	}
	for _, program := range supply.Programs {
		text, err := s.Notices(".", program)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, program+".txt"), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// bills writes those of the programs and of their packages beside the packages.
func bills(args []string) error {
	flags := flag.NewFlagSet("bills", flag.ContinueOnError)
	version := flags.String("version", "development", "the version of the programs")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 2 {
		return errUsage
	}
	made, err := epoch()
	if err != nil {
		return err
	}
	s, err := supply.Gather(".", supply.Linked)
	if err != nil {
		return err
	}
	for _, name := range supply.Programs {
		about := supply.About{Program: filepath.Join(flags.Arg(0), name), Version: *version, Made: made}
		if err := write(s, about, filepath.Join(flags.Arg(1), name)); err != nil {
			return err
		}
		debs, err := filepath.Glob(filepath.Join(flags.Arg(1), name+"_*.deb"))
		if err != nil {
			return err
		}
		for _, about.Deb = range debs {
			if err := write(s, about, strings.TrimSuffix(about.Deb, ".deb")); err != nil {
				return err
			}
		}
	}
	return nil
}

func write(s supply.Supply, about supply.About, name string) error {
	text, err := s.Bill(about)
	if err != nil {
		return err
	}
	return os.WriteFile(name+".cdx.json", text, 0o644)
}

// epoch is the time that builds are to bear, by https://reproducible-builds.org/specs/source-date-epoch/;
// none if it is not set.
func epoch() (time.Time, error) {
	at, ok := os.LookupEnv("SOURCE_DATE_EPOCH")
	if !ok {
		return time.Time{}, nil
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH %q is no number of seconds", at)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func cache(args []string) error {
	flags := flag.NewFlagSet("cache", flag.ContinueOnError)
	from := flags.String("from", "", "build caches to read, with commas")
	to := flags.String("to", "", "the folder to keep in what is built")
	without := flags.String("without", "", "words with commas: what holds one of them is built, not read")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *from == "" || *to == "" {
		return errUsage
	}
	return serve(os.Stdin, os.Stdout, *from, *to, *without)
}
