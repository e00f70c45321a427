//go:build !race

package maild

const underRace = false
