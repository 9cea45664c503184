package main

import (
	"fmt"
	"strings"

	"skynet/config"
)

// oddities are settings that are no mistakes, and seldom meant.
func oddities(cfg config.Config) (list []string) {
	for _, f := range cfg.Fleets {
		if f.EC2 != nil && f.EC2.Slots == 0 {
			list = append(list, fmt.Sprintf("fleet %s does not say how many items a worker works on at once: from none it buys as if each worked on one; add slots: N to ec2, what the agents' settings have", f.Name))
		}
		if types := unpriced(f); len(types) > 0 {
			list = append(list, fmt.Sprintf("fleet %s has no price for %s: while one of them runs nobody knows what the fleet costs, and no budget lets anything be bought; add prices: [{type: %s, hourly: …}]", f.Name, strings.Join(types, ", "), types[0]))
		}
	}
	return list
}

// unpriced are the types of a fleet on EC2 that have no price.
func unpriced(f config.Fleet) (types []string) {
	if f.EC2 == nil {
		return nil
	}
	known := map[string]bool{}
	for _, p := range f.Prices {
		known[p.Type] = true
	}
	for _, t := range f.EC2.Types {
		if !known[t] {
			types = append(types, t)
		}
	}
	return types
}
