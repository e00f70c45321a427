//go:build linux

package sandbox

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/broker"
)

func TestWhoIsOverTheLimit(t *testing.T) {
	const mib = 1 << 20
	type look struct {
		own, mailbox int64
		hidden       string
		full, over   bool
		soon         bool // as where room goes fast
	}
	for name, looks := range map[string][]look{
		"grows":                                {{own: 200 * mib}, {own: 200 * mib}, {own: 210 * mib, over: true}, {own: 150 * mib}, {own: 160 * mib, over: true}, {own: 90 * mib}, {own: 101 * mib, over: true}},
		"gets mail":                            {{own: 1}, {own: 1, mailbox: 900 * mib}, {own: 1, mailbox: 990 * mib}},
		"hides":                                {{own: 1}, {own: 1, hidden: "dir"}, {own: 1, hidden: "dir", over: true}},
		"hides where room goes fast":           {{own: 1}, {own: 1, hidden: "1", soon: true}, {own: 1, hidden: "1", soon: true}, {own: 1, hidden: "1", over: true}},
		"logs in again and again":              {{own: 1}, {own: 1, hidden: "1"}, {own: 1, hidden: "2"}, {own: 1, hidden: "3"}, {own: 1}, {own: 1, hidden: "4"}},
		"hides one after the other":            {{own: 1}, {own: 1, hidden: "1"}, {own: 1, hidden: "2"}, {own: 1, hidden: "3"}, {own: 1, hidden: "4"}, {own: 1, hidden: "5"}, {own: 1, hidden: "6", over: true}},
		"hid for a moment":                     {{own: 1, hidden: "dir"}, {own: 1}, {own: 1, hidden: "dir"}, {own: 1}},
		"writes where the disk is nearly full": {{own: 1}, {own: 5 * mib}, {own: 9 * mib, full: true, over: true}, {own: 9*mib + 100, full: true}},
	} {
		t.Run(name, func(t *testing.T) {
			var w usageWatch
			now := time.Unix(0, 0)
			for i, l := range looks {
				if now = now.Add(usageEvery); l.soon {
					now = now.Add(roomEvery - usageEvery)
				}
				got := w.over(map[string]broker.Usage{"alice": {Own: l.own, Mailbox: l.mailbox, Hidden: l.hidden}, "bob": {Own: 5}}, 100*mib, l.full, now)
				var want []string
				if l.over {
					want = []string{"alice"}
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("look %d: -want +got\n%s", i, d)
				}
			}
		})
	}
	var w usageWatch
	for range 2 {
		if got := w.over(map[string]broker.Usage{"alice": {Own: 1000 * mib}}, 0, false, time.Unix(0, 0)); len(got) > 0 {
			t.Errorf("without a limit: %q", got)
		}
	}
}

func TestRoom(t *testing.T) {
	const gib = 1 << 30
	full := room{bytes: 2 * gib, size: 100 * gib, files: 100_000}
	if full.low() || (room{}).low() {
		t.Error("2 GiB of 100 are little, or a file system that cannot be asked is full")
	}
	if !(room{bytes: gib - 1, size: 100 * gib}).low() || !(room{bytes: gib / 25, size: gib}).low() {
		t.Error("the last GiB, or the last of a small disk, is not little")
	}
	for less, want := range map[room]bool{
		full: false, {bytes: full.bytes - burst, files: full.files}: false,
		{bytes: full.bytes - burst - 1, files: full.files}: true, {bytes: full.bytes, files: full.files - burstOf - 1}: true,
		{bytes: full.bytes * 2, files: full.files * 2}: false,
	} {
		if got := less.shrank(full); got != want {
			t.Errorf("from %+v to %+v: shrank %v", full, less, got)
		}
	}
}
