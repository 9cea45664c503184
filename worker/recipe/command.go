package recipe

import (
	"fmt"
	"path"
	"regexp"

	"skynet/config/strict"
)

// Command is a program of the user's. It runs in a scratch folder of its own that
// holds the inputs under in/ and takes what it makes under out/, with the item as
// it was sent on standard input. It has no network, no credentials and no
// environment beyond what is said here.
type Command struct {
	Run     []string        `yaml:"run" strict:"required" doc:"the program, by its absolute path, and its arguments; {input} and the names of other inputs stand for their files, {out} for the folder of outputs"`
	Time    strict.Duration `yaml:"time" doc:"so long it may run (the recipe's limit)"`
	Read    []string        `yaml:"read" doc:"further files and folders that it may read, besides its own file and what is below /usr"`
	Network bool            `yaml:"network" doc:"it may use the network (false)"`
	Env     []Tag           `yaml:"env" doc:"variables of its environment, besides PATH, HOME, TMPDIR and LANG"`
	Pass    []string        `yaml:"pass" doc:"names of variables of the worker's own environment that it sees"`
}

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Validate wants paths that do not depend on where the worker was started, and
// names that variables can have.
func (c *Command) Validate(r *strict.Report) {
	for i, p := range c.Read {
		if at := fmt.Sprintf("read[%d]", i); r.Sound(at) && !path.IsAbs(p) {
			r.Bad(at, p, "is not an absolute path; write it like /srv/fonts")
		}
	}
	for i, e := range c.Env {
		if at := fmt.Sprintf("env[%d].name", i); r.Sound(at) && !variable.MatchString(e.Name) {
			r.Bad(at, e.Name, "is not the name of a variable; write it like MODE")
		}
	}
	for i, name := range c.Pass {
		if at := fmt.Sprintf("pass[%d]", i); r.Sound(at) && !variable.MatchString(name) {
			r.Bad(at, name, "is not the name of a variable; write it like MODE")
		}
	}
	if r.Sound("run") && (len(c.Run) == 0 || !path.IsAbs(c.Run[0])) {
		r.Bad("run", c.Run, "does not begin with the absolute path of a program; write it like [/usr/local/bin/my-tool, \"{input}\"]")
	}
}
