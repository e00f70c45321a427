// Package spelling finds the word that was meant by one that was mistyped.
package spelling

import (
	"slices"
	"strings"
)

// Nearest is the word that a mistyped one was probably meant to be: the same but for a third of its letters, whatever their
// case, or what begins with it; "" when there is none. Of several that are as near it is the first by the alphabet.
func Nearest(wrong string, words []string) string {
	if wrong == "" {
		return ""
	}
	typed := strings.ToLower(wrong)
	best, least := "", max(1, len(wrong)/3)+1
	for _, word := range slices.Sorted(slices.Values(words)) {
		if d := Distance(typed, strings.ToLower(word)); d < least {
			best, least = word, d
		}
	}
	if best == "" {
		begins := func(word string) bool { return strings.HasPrefix(strings.ToLower(word), typed) }
		if i := slices.IndexFunc(words, begins); i >= 0 {
			best = words[i]
		}
	}
	return best
}

// Distance counts the octets that must be put in, taken out, changed, or exchanged with the next, to make one word of the other
// (optimal string alignment).
func Distance(from, to string) int {
	before, last, row := make([]int, len(to)+1), make([]int, len(to)+1), make([]int, len(to)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(from) {
		row[0] = i + 1
		for j := range len(to) {
			change := last[j]
			if from[i] != to[j] {
				change++
			}
			row[j+1] = min(change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && from[i] == to[j-1] && from[i-1] == to[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(to)]
}
