// Command supply writes what is said about where the programs come from. Make runs it.
//
//	go run ./deploy/supply/cmd licences                     # writes THIRD_PARTY.md
//	go run ./deploy/supply/cmd notices skynet               # licences to give away with it
//	go run ./deploy/supply/cmd bill -version 1.4.0 -out dist/skynet.cdx.json bin/skynet
//	go run ./deploy/supply/cmd cache -without skynet/ …     # a GOCACHEPROG, see reproducible.sh
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
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

var errUsage = errors.New("usage: supply licences | notices PROGRAM | bill [-deb FILE] [-version VERSION] [-out FILE] FILE | cache -from FOLDER -to FOLDER -without WORD,…")

func run(args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	switch name, rest := args[0], args[1:]; name {
	case "licences":
		return licences()
	case "notices":
		if len(rest) != 1 {
			return errUsage
		}
		return notices(os.Stdout, rest[0])
	case "bill":
		return bill(rest)
	case "cache":
		return cache(rest)
	}
	return errUsage
}

func licences() error {
	s, err := supply.Gather(".")
	if err != nil {
		return err
	}
	return os.WriteFile("THIRD_PARTY.md", []byte(s.Document()), 0o644)
}

func notices(out io.Writer, program string) error {
	s, err := supply.Gather(".")
	if err != nil {
		return err
	}
	text, err := s.Notices(".", program)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, text)
	return err
}

func bill(args []string) error {
	flags := flag.NewFlagSet("bill", flag.ContinueOnError)
	about := supply.About{}
	flags.StringVar(&about.Version, "version", "development", "the version of the program")
	flags.StringVar(&about.Deb, "deb", "", "the Debian package that the program is in, to make its bill")
	out := flags.String("out", "", "the file to write")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 || *out == "" {
		return errUsage
	}
	about.Program = flags.Arg(0)
	if at, ok := os.LookupEnv("SOURCE_DATE_EPOCH"); ok {
		var seconds int64
		if _, err := fmt.Sscanf(at, "%d", &seconds); err != nil {
			return fmt.Errorf("SOURCE_DATE_EPOCH %q is no number of seconds", at)
		}
		about.Made = time.Unix(seconds, 0).UTC()
	}
	s, err := supply.Gather(".")
	if err != nil {
		return err
	}
	text, err := s.Bill(about)
	if err != nil {
		return err
	}
	return os.WriteFile(*out, text, 0o644)
}

func cache(args []string) error {
	flags := flag.NewFlagSet("cache", flag.ContinueOnError)
	from := flags.String("from", "", "the build cache to read")
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
