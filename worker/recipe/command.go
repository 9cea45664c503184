package recipe

import (
	"path"

	"skynet/config/strict"
)

// Command is a program of the user's. It runs in a scratch folder of its own that
// holds the inputs under in/ and takes what it makes under out/, with the item as
// it was sent on standard input. It has no network, no credentials and no
// environment beyond what is said here.
type Command struct {
	Run     []string        `yaml:"run" strict:"required" doc:"the program, by its absolute path, and its arguments; {input} and the names of other inputs stand for their files, {out} for the folder of outputs"`
	Time    strict.Duration `yaml:"time" doc:"so long it may run (the recipe's limit)"`
	Network bool            `yaml:"network" doc:"it may use the network (false)"`
	Env     []Tag           `yaml:"env" doc:"variables of its environment, besides PATH, HOME, TMPDIR and LANG"`
	Pass    []string        `yaml:"pass" doc:"names of variables of the worker's own environment that it sees"`
}

// Validate wants a program that does not depend on where the worker was started.
func (c *Command) Validate(r *strict.Report) {
	if r.Sound("run") && (len(c.Run) == 0 || !path.IsAbs(c.Run[0])) {
		r.Bad("run", c.Run, "does not begin with the absolute path of a program; write it like [/usr/local/bin/my-tool, \"{input}\"]")
	}
}
