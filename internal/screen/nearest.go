package screen

import (
	"slices"
	"strings"
)

// Nearest is the word that a mistyped one was probably meant to be: the same but for a third of its letters, or what
// begins with it; "" when there is none.
func Nearest(wrong string, words []string) string {
	if wrong == "" {
		return ""
	}
	best, least := "", max(1, len(wrong)/3)+1
	for _, word := range words {
		if d := distance(wrong, word); d < least {
			best, least = word, d
		}
	}
	if best == "" {
		begins := func(word string) bool { return strings.HasPrefix(word, wrong) }
		if i := slices.IndexFunc(words, begins); i >= 0 {
			best = words[i]
		}
	}
	return best
}

// distance counts the octets that must be put in, taken out or changed to make one word of the other (Levenshtein).
func distance(from, to string) int {
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i := range from {
		before := row[0]
		row[0] = i + 1
		for j := range to {
			change := before
			if from[i] != to[j] {
				change++
			}
			before, row[j+1] = row[j+1], min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(to)]
}
