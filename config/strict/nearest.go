package strict

import (
	"fmt"
	"slices"
	"strings"
)

// Nearest returns the known word that differs least from word, or "" if none
// is near enough to have been meant.
func Nearest(word string, known []string) string {
	best, least := "", max(len(word)/3, 1)+1
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < least && d < len(k) {
			best, least = k, d
		}
	}
	return best
}

// suggest says which word was meant, or which there are.
func suggest(word string, known []string) string {
	if near := Nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "known: " + list(known)
}

// suggestAll says which word was meant and which there are, where they are few.
func suggestAll(word string, known []string) string {
	if near := Nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q? (known: %s)", near, list(known))
	}
	return "known: " + list(known)
}

// list shows words sorted, or how many there are beyond the first twenty.
func list(words []string) string {
	const shown = 20
	if len(words) == 0 {
		return "none"
	}
	words = slices.Sorted(slices.Values(words))
	if len(words) > shown {
		return fmt.Sprintf("%s and %d more", strings.Join(words[:shown], ", "), len(words)-shown)
	}
	return strings.Join(words, ", ")
}

// distance is how many letters must be inserted, deleted, changed or swapped
// with their neighbour to make b of a. Words too long to be keys of ours are far
// from everything.
func distance(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return longest
	}
	var before, last, row [longest + 1]int
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, change)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
