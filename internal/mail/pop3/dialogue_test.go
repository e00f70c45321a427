package pop3

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"maillab/internal/mail/dialoguetest"
)

// TestReference plays what was captured from Courier and Dovecot (testdata), word for word: nothing is normalised, the
// mailbox and its UIDLs are those of the capture.
func TestReference(t *testing.T) {
	for _, c := range []struct {
		cfg   Config
		uidl  string
		start []string
	}{
		{Config{Wording: Courier}, "UID%d-1795292803", []string{"courier/start.eml", "courier/start.eml"}},
		{Config{Wording: Dovecot, Banner: "Dovecot (Debian) ready."}, "%08x6b01fe83", []string{"dovecot/start1.eml", "dovecot/start2.eml"}},
	} {
		files, err := filepath.Glob(filepath.Join("testdata", c.cfg.Wording, "*.txt"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no dialogues for %s: %v", c.cfg.Wording, err)
		}
		for _, file := range files {
			t.Run(filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file), func(t *testing.T) {
				b := newMemory(t, func(i int) string { return fmt.Sprintf(c.uidl, i) }, c.start...)
				dialoguetest.Play(t, file, start(t, c.cfg, b), asIs)
			})
		}
	}
}

// TestOwn plays dialogues of our own, against the mailbox of the Courier capture.
func TestOwn(t *testing.T) {
	files, err := filepath.Glob("testdata/own/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no dialogues", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			wording, _, _ := strings.Cut(filepath.Base(file), "-")
			b := newMemory(t, func(i int) string { return fmt.Sprintf("uid-%d", i) }, "courier/start.eml", "courier/start.eml")
			dialoguetest.Play(t, file, start(t, Config{Wording: wording}, b), asIs)
		})
	}
}

func asIs(s string) string { return s }
