package maild

import (
	"runtime"
	"testing"

	"maillab/internal/mail"
)

// TestListsAreShared: sessions on one mailbox share its list until something changes, and nothing is kept of a mailbox
// that nobody has open.
func TestListsAreShared(t *testing.T) {
	var l lists
	made := 0
	get := func(box string, of []mail.Message) *list {
		return l.get(box, of, func() *list { made++; return &list{from: of} })
	}
	one, other := []mail.Message{{UID: 1}}, []mail.Message{{UID: 1}}
	first := get("a/INBOX", one)
	if get("a/INBOX", one) != first || made != 1 {
		t.Error("the list is not shared")
	}
	if get("a/INBOX", other) == first || get("b/INBOX", one) == first || made != 3 {
		t.Error("another mailbox's or another state's list is given")
	}
	runtime.KeepAlive(first)
	for range 100 {
		runtime.GC()
		last := get("c/INBOX", nil)
		if len(l.last) == 1 {
			return
		}
		runtime.KeepAlive(last)
	}
	t.Errorf("%d lists are remembered that nobody has", len(l.last)-1)
}
