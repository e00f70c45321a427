package instance

import (
	"testing"

	"maillab/internal/control"
	"maillab/internal/engine"
)

// TestFilter: a class's SpamAssassin is an image and a container of its own, bounded and without a door; the gateway is told of it, and labels tell
// it again.
func TestFilter(t *testing.T) {
	w := wish()
	w.Filter = "maillab/filter:1"
	d := desire(t, w, engine.Capabilities{System: true})
	made := map[engine.Kind]int{}
	for _, r := range d.Resources {
		made[r.Kind]++
		if r.Kind == engine.Filter && (r.Sandbox.Image != w.Filter || r.Sandbox.Memory != filterMemory || r.Sandbox.PIDs != filterPIDs || len(r.Sandbox.Publish) > 0) {
			t.Errorf("%+v", r.Sandbox)
		}
	}
	if made[engine.Filter] != 1 || made[engine.Image] != 2 {
		t.Errorf("%v", made)
	}
	if f := d.Doors.Filter; f == nil || f.Seat != control.FilterSeat || f.Token == "" || len(f.Doors) > 0 || f.Token != Of(d.Resources)[0].FilterToken() {
		t.Errorf("%+v", f)
	}
	if without := desire(t, wish(), engine.Capabilities{System: true}); without.Doors.Filter != nil || without.Hashes()[-1] == d.Hashes()[-1] {
		t.Error("one is there that nobody wants, or its coming is no difference")
	}
}
