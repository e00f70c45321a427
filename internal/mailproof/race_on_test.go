//go:build race

package mailproof

// underRace is whether the race detector, with its memory, is in the daemon too.
const underRace = true
