// Package collector tells Go's collector about a process that mostly waits.
package collector

import (
	"runtime"
	"runtime/debug"
)

// smallest is the heap at which the collector first runs with 100 percent (GOGC); with another it is that much of it.
const smallest = 4 << 20

// Late has nothing collected before the heap is some so many octets, and at percent from then on, as debug.SetGCPercent says. The collector's own
// lists, which it makes when it runs and never gives back, are more than a small process holds: one that was never in need
// of it does without. After its first run it also runs every two minutes where nothing was allocated; before, it does not.
func Late(heap, percent int) {
	debug.SetGCPercent(heap * 100 / smallest)
	sentinel := new([64]byte)
	runtime.AddCleanup(sentinel, func(percent int) { debug.SetGCPercent(percent) }, percent)
}
