package entity

import (
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"testing"

	"maillab/internal/mail"
)

// TestFieldCache: a header is read once, for all fields that are remembered, and each time for others.
func TestFieldCache(t *testing.T) {
	const header = "Subject: one\r\n two\r\nDate: now\r\nsubject: three\r\nX-Other: four\r\nCC:\r\nno colon\r\n\r\n"
	c, read := &Remembered{}, 0
	look := func(d mail.Digest, name string) string {
		t.Helper()
		values, err := c.Values(d, name, func() ([]byte, error) { read++; return []byte(header), nil })
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%q", slices.Collect(values))
	}
	for _, test := range []struct {
		d          mail.Digest
		name, want string
		read       int
	}{
		{mail.Digest{1}, "SUBJECT", `["one two" "three"]`, 1},
		{mail.Digest{1}, "Subject", `["one two" "three"]`, 1},
		{mail.Digest{1}, "cc", `[""]`, 1},
		{mail.Digest{1}, "Bcc", `[]`, 1},
		{mail.Digest{1}, "X-Other", `["four"]`, 2},
		{mail.Digest{1}, "x-other", `["four"]`, 3},
		{mail.Digest{2}, "Date", `["now"]`, 4},
		{mail.Digest{}, "Date", `["now"]`, 5},
		{mail.Digest{}, "Date", `["now"]`, 6},
	} {
		if got := look(test.d, test.name); got != test.want || read != test.read {
			t.Errorf("%s of %d: %s, want %s; read %d times, want %d", test.name, test.d[0], got, test.want, read, test.read)
		}
	}
	if _, err := c.Values(mail.Digest{3}, "To", func() ([]byte, error) { return nil, mail.ErrGone }); !errors.Is(err, mail.ErrGone) {
		t.Errorf("a message that is gone: %v", err)
	}
}

// TestFieldCacheIsBounded: whatever comes, it takes no more than it says it does, by its own count and by the heap's.
func TestFieldCacheIsBounded(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for _, size := range []int{0, 20, 200, noteOctets - 3} {
		before, c := heap(), &Remembered{}
		for range 3 * cacheOctets / (size + noteOctets/20) {
			var d mail.Digest
			_, _ = rand.Read(d[:])
			c.put(d, noteFields([]byte("Subject: "+strings.Repeat("x", size)+"\r\n\r\n")))
			if _, ok := c.get(d); !ok {
				t.Fatalf("fields of %d octets are not remembered", size)
			}
		}
		sum := 0
		for _, n := range c.notes {
			sum += len(n) + entryOctets
		}
		if after := heap(); sum != c.octets || sum > cacheOctets || sum < cacheOctets*9/10 || after > before+cacheOctets*5/4 {
			t.Errorf("fields of %d octets: counted %d, are %d, heap %d", size, c.octets, sum, after-before)
		}
		runtime.KeepAlive(c)
	}
	c := &Remembered{}
	c.put(mail.Digest{1}, noteFields([]byte("Subject: "+strings.Repeat("x", noteOctets)+"\r\n\r\n")))
	if len(c.notes) != 0 {
		t.Error("a field without end is remembered")
	}
}

// FuzzFieldNotes: what is remembered of a header is what is in it.
func FuzzFieldNotes(f *testing.F) {
	f.Add([]byte("Subject: a\r\n b\r\nFROM : x\n\tTo: y\nbcc:\n\nSubject: no"))
	f.Add([]byte("Date:" + strings.Repeat(" x", 100) + "\nto:\x00\xff\n"))
	f.Fuzz(func(t *testing.T, header []byte) {
		collect := func(values iter.Seq[string]) string { return fmt.Sprintf("%q", slices.Collect(values)) }
		notes := noteFields(header)
		for place, name := range remembered() {
			var want []string
			for field := range Fields(header) {
				if field.Is(name) {
					want = append(want, field.Text())
				}
			}
			if got := collect(notes.values(byte(place))); got != fmt.Sprintf("%q", want) {
				t.Fatalf("%s: %s, want %q", name, got, want)
			}
		}
	})
}
