package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	begins = "<!-- mutations: made by go run ./test/faults/mutate -->"
	ends   = "<!-- end -->"
)

// table is in Markdown.
func table(rows []row) string {
	var b strings.Builder
	fmt.Fprint(&b, "| law | planted fault | in | noticed by |\n|---|---|---|---|\n")
	noticed := 0
	for _, r := range rows {
		by := "**nothing**"
		if r.noticed() {
			noticed++
			by = r.by
		}
		switch {
		case r.seed != "":
			by += ", seed " + r.seed
			if r.Also != "" {
				by += " with `" + r.Also + "`"
			}
		case r.noticed():
			by = "`" + by + "` of `" + strings.TrimPrefix(r.pkg(), "./") + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.Law, r.What, "`"+r.File+"`", by)
	}
	return fmt.Sprintf("%d of %d planted faults were noticed.\n\n%s", noticed, len(rows), b.String())
}

// write puts the table between its marks.
func write(page, table string) error {
	if page == "-" {
		_, err := fmt.Print(table)
		return err
	}
	text, err := os.ReadFile(filepath.Clean(page))
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), begins)
	_, after, closed := strings.Cut(rest, ends)
	if !ok || !closed {
		return errors.New(page + ": no " + begins + " with " + ends + " behind it")
	}
	return os.WriteFile(page, []byte(before+begins+"\n\n"+table+"\n"+ends+after), 0o600)
}
