package mbox

import (
	"slices"

	"maillab/internal/mail"
)

// match says which message of the old picture each record of the file is: an index into old, or -1 for a new one.
//
// A message is known again by its digest, wherever it lies: messages are numbered by UID, not by their place in the
// file, so one that somebody put in between others comes last, and nobody's UID changes. Of messages that are equal
// in every byte, those that sessions still see are found again first: to show one too many is better than to hide one.
//
// Invariant: no index is given twice.
func match(old []message, recs []record) []int {
	count := make(map[mail.Digest]int, len(recs))
	for i := range recs {
		count[recs[i].digest]++
	}
	places := make(map[mail.Digest][]int, len(old))
	for i := range old {
		if d := old[i].Digest; count[d] > 0 {
			places[d] = append(places[d], i)
		}
	}
	found := make([]int, len(recs))
	for i := range recs {
		d := recs[i].digest
		at := prefer(old, places[d], count[d])
		count[d]--
		found[i] = -1
		if len(at) > 0 {
			found[i], places[d] = at[0], at[1:]
		}
	}
	return found
}

// prefer picks n of several equal messages: those that are not expunged first, in order.
func prefer(old []message, at []int, n int) []int {
	if len(at) <= n {
		return at
	}
	at = slices.Clone(at)
	slices.SortStableFunc(at, func(a, b int) int { return expunged(old[a]) - expunged(old[b]) })
	at = at[:n]
	slices.Sort(at)
	return at
}

func expunged(m message) int {
	if m.expunged {
		return 1
	}
	return 0
}
