//go:build race

package maild

// underRace says that memory is not the program's own.
const underRace = true
