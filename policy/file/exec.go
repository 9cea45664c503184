package file

import (
	"path/filepath"
	"strings"
	"time"

	"skynet/config/strict"
	"skynet/policy"
)

// program is a policy that asks a program of the user's.
type program struct {
	named   `yaml:",inline"`
	Command []string        `yaml:"command" strict:"required" doc:"the program and its arguments; it reads one line a tick and answers one, as skynet decide does; a path with / is relative to this file"`
	Timeout strict.Duration `yaml:"timeout" doc:"how long it may take to answer; 5s if left out"`

	asked Program
}

// Program is one that a policy asks.
type Program struct {
	Policy  string // how the policy is called in reasons
	Command []string
	Timeout time.Duration
}

// longestAsk is how long a program may take: a tick waits no longer than this for
// anything that it reads.
const longestAsk = 20 * time.Second

// Defaults leave half of the shortest tick that is usual.
func (p *program) Defaults() { p.Timeout = strict.Duration(5 * time.Second) }

func (p *program) build(as string, in within) policy.Policy {
	if len(p.Command) == 0 && in.Given("command") && in.Sound("command") {
		in.Bad("command", nil, "is empty; write the program and its arguments, like [/usr/local/bin/my-policy]")
	}
	if len(p.Command) > 0 && p.Command[0] == "" && in.Sound("command[0]") {
		in.Bad("command[0]", "", "is empty; write the program's path")
	}
	if (p.Timeout.Std() < 100*time.Millisecond || p.Timeout.Std() > longestAsk) && in.Sound("timeout") {
		in.Bad("timeout", p.Timeout, "is out of bounds; write 100ms to %s", strict.Duration(longestAsk))
	}
	p.asked = Program{Policy: as, Command: p.beside(in), Timeout: p.Timeout.Std()}
	return policy.Exec{As: as}
}

// beside has a relative path begin at the file's folder. A bare name is looked
// for in PATH.
func (p *program) beside(in within) []string {
	if len(p.Command) == 0 || !strings.ContainsRune(p.Command[0], filepath.Separator) {
		return p.Command
	}
	command := append([]string(nil), p.Command...)
	if command[0] = in.Beside(command[0]); !strings.ContainsRune(command[0], filepath.Separator) {
		command[0] = "." + string(filepath.Separator) + command[0] // else it were looked for in PATH
	}
	return command
}

// programs are those that the file's policies ask.
func (f *File) programs() (list []Program) {
	for _, e := range f.Policies {
		if p, ok := e.spec.(*program); ok {
			list = append(list, p.asked)
		}
	}
	return list
}
