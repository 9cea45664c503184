package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"skynet/config"
	"skynet/config/strict"
	"skynet/decide/suite"
	"skynet/policy/file"
	"skynet/simulate/scenario"
	"skynet/worker/recipe"
)

// schemas are the files that people write for us, by the word that asks for one.
var schemas = []struct {
	word string
	make func() []byte
}{
	{"policy", file.Schema},
	{"settings", strict.Schema[config.Config]},
	{"worker", strict.Schema[config.Worker]},
	{"test", suite.Schema},
	{"scenario", scenario.Schema},
	{"recipes", recipe.Schema},
}

func schemaCommand() *cobra.Command {
	words := make([]string, len(schemas))
	for i, s := range schemas {
		words[i] = s.word
	}
	return &cobra.Command{
		Use:   "schema [" + strings.Join(words, "|") + "]",
		Short: "Print the JSON Schema of a file, for editors",
		Long: `Print the JSON Schema of policy files, or of settings, worker settings, policy
tests, scenarios or recipes. It is made from the types that read the file. An editor with a YAML
language server finds it by a first line such as

  # yaml-language-server: $schema=policy.schema.json`,
		Example:   "  skynet schema > policy.schema.json\n  skynet schema settings > skynet.schema.json",
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: words,
		RunE: func(c *cobra.Command, args []string) error {
			word := append(args, "policy")[0]
			for _, s := range schemas {
				if s.word == word {
					fmt.Fprintln(c.OutOrStdout(), strings.TrimSpace(string(s.make())))
				}
			}
			return nil
		},
	}
}
