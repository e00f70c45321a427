package collector

import (
	"runtime"
	"runtime/debug"
	"testing"
)

var kept []byte

// collected takes n octets in pieces, and tells how often the collector has run for it.
func collected(n int) uint32 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n / 1024 {
		kept = make([]byte, 1024)
	}
	runtime.ReadMemStats(&after)
	return after.NumGC - before.NumGC
}

func TestLate(t *testing.T) {
	was := debug.SetGCPercent(-1)
	t.Cleanup(func() { debug.SetGCPercent(was) })
	runtime.GC() // where another test left much, the first time would be later
	Late(64<<20, 37)
	if n := collected(32 << 20); n != 0 {
		t.Errorf("collected %d times while there was room", n)
	}
	if collected(64<<20) == 0 {
		t.Error("never collected when there was none")
	}
	then := debug.SetGCPercent(1600)
	for ; then == 1600; then = debug.SetGCPercent(1600) { // the cleanup runs beside
		runtime.Gosched()
	}
	if then != 37 {
		t.Errorf("%d percent from then on", then)
	}
}
