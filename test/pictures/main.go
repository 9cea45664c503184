// Command pictures draws those of docs/forecasting.md, from the project's own made-up
// week: what the forecasts say of a Sunday evening, of a burst that nobody can foresee,
// and which models they listen to when the load doubles. The same program draws the
// same pictures.
//
//	go run ./test/pictures -out docs/pictures
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"skynet/simulate/scenario"
)

func main() {
	out := flag.String("out", "docs/pictures", "folder to write to")
	flag.Parse()
	if err := draw(*out, week); err != nil {
		fmt.Fprintln(os.Stderr, "pictures:", err)
		os.Exit(1)
	}
}

// draw writes all pictures into a folder.
func draw(folder, from string) error {
	series, err := scenario.ReadSeries(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for name, picture := range map[string]func(scenario.Series) []byte{"sunday": sunday, "burst": burst, "shift": shift} {
		if err := os.WriteFile(filepath.Join(folder, "forecast-"+name+".svg"), picture(series), 0o644); err != nil {
			return err
		}
	}
	return nil
}
