package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"skynet/config/strict"
	"skynet/dashboard/health"
	"skynet/fleet"
)

func wantCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "want N",
		Short: "Have a fleet keep at least N workers for a while",
		Long: `Have a fleet keep at least N workers, whatever its policies want, until that expires.
The maximum, the budget and all guards go on to hold. The next tick obeys; a restart
keeps the order. want 0 ends it.`,
		Example: "  skynet want 12 --config skynet.yaml --for 2h --why \"the gallery opens at eight\"\n" +
			"  skynet want 0 --config skynet.yaml",
		Args: exactly(1, "how many workers, such as: skynet want 12 --for 2h"),
		RunE: func(c *cobra.Command, args []string) error {
			n, err := strconv.Atoi(args[0])
			if err != nil {
				return fmt.Errorf("want %s: write a whole number of workers", args[0])
			}
			var length time.Duration
			if n > 0 || c.Flags().Changed("for") {
				if length, err = lengthFlag(c, longestOrder); err != nil {
					return err
				}
			}
			if err := order(c, func(k desk, fleets []string, why string) ([]string, error) {
				return k.want(c.Context(), fleets, n, length, why)
			}); err != nil {
				return err
			}
			noteMaximum(c, n)
			return nil
		},
	}
	addStateFlags(c)
	c.Flags().String("for", "", "how long: 30m, 2h, 1d; at most 30d")
	addWhyFlag(c)
	return c
}

// noteMaximum tells whoever wants more than the policy allows, where it can be known:
// they would wait for workers that never come.
func noteMaximum(c *cobra.Command, n int) {
	l, err := lookerOf(c)
	if err != nil {
		return
	}
	for _, f := range l.fleets {
		if f.daemon == nil {
			continue
		}
		p, err := f.load()
		if err != nil {
			continue
		}
		if most := health.TermsOf(p, nil).Bounds.Max; n > most {
			fmt.Fprintf(c.ErrOrStderr(), "skynet: note: fleet %s: its maximum of %d goes on to hold; for more raise bounds.max in %s\n", f.fleet.Name, most, f.fleet.Policy)
		}
	}
}

func drainCommand() *cobra.Command {
	c := namesWorkers(desk.drain, drainsFor, longestOrder)
	c.Use, c.Short = "drain ID…", "Have single workers drained and let go"
	c.Long = `Have workers drained and let go, whatever is wanted: they take no more items, finish
those in hand, and are let go when they have said themselves that they are empty.
They are not recalled; others are launched if they are missed. While the fleet is
paused, blind or mostly silent, the order waits. It expires, and --undo takes it back.`
	c.Example = "  skynet drain i-0abc12def345 --config skynet.yaml --why \"its disk is slow\"\n" +
		"  skynet drain i-0abc12def345 --config skynet.yaml --undo"
	return c
}

func forgetCommand() *cobra.Command {
	c := namesWorkers(desk.forget, forgetsFor, longestForget)
	c.Use, c.Short = "forget ID…", "Have instances taken for gone"
	c.Long = `Have instances taken for gone: those that are gone though the cloud still lists them, or
that are yours to look after from now on. Nobody waits for them, counts them or
touches them: they are neither drained nor terminated, and what they cost is not in
the budget. Take the tag skynet:fleet off an instance that goes on living: the order
expires, and then it is looked after again. --undo takes it back.`
	c.Example = "  skynet forget i-0abc12def345 --config skynet.yaml --why \"kept for the post-mortem\"\n" +
		"  skynet forget i-0abc12def345 --config skynet.yaml --undo"
	return c
}

// giving gives an order about workers of one fleet; a length of 0 takes it back.
type giving func(k desk, ctx context.Context, fleetName string, ids []fleet.ID, length time.Duration, why string) ([]string, error)

// namesWorkers is a command that gives an order about single workers.
func namesWorkers(give giving, usual, longest time.Duration) *cobra.Command {
	c := &cobra.Command{Args: func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return fmt.Errorf("which? Give the IDs of workers, as skynet status lists them")
		}
		return nil
	}}
	addStateFlags(c)
	c.Flags().String("for", strict.Duration(usual).String(), fmt.Sprintf("how long the order holds; at most %s", strict.Duration(longest)))
	c.Flags().Bool("undo", false, "take the order back")
	addWhyFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		length, err := lengthFlag(c, longest)
		if err != nil {
			return err
		}
		if undo, _ := c.Flags().GetBool("undo"); undo {
			length = 0
		}
		return order(c, func(k desk, fleets []string, why string) (said []string, err error) {
			byFleet, err := k.whose(c.Context(), fleets, idsOf(args), length == 0)
			if err != nil {
				return nil, err
			}
			for _, name := range slices.Sorted(maps.Keys(byFleet)) {
				lines, err := give(k, c.Context(), name, byFleet[name], length, why)
				if said = append(said, lines...); err != nil {
					return said, err
				}
			}
			return said, nil
		})
	}
	return c
}

func idsOf(texts []string) []fleet.ID {
	list := make([]fleet.ID, 0, len(texts))
	for _, t := range texts {
		if id := fleet.ID(t); !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	return list
}

// exactly wants so many arguments, and says which.
func exactly(n int, which string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			return fmt.Errorf("give %s", which)
		}
		return nil
	}
}
