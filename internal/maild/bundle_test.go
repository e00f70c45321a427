package maild

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestBundleStreams: a bundle of a mailbox of 59 MB, and of a log of many megabytes, holds neither: the sandbox has less.
func TestBundleStreams(t *testing.T) {
	b := start(t, 1, func(c *Config) { class(c); asks(c, sheets()[0]) })
	message := "From x Thu Mar 26 11:00:00 2026\nSubject: large\n\n" + strings.Repeat(strings.Repeat("x", 70)+"\n", 14_000) + "\n"
	grow(t, filepath.Join(b.dir, "users", "spool", "util1"), message, 59)
	grow(t, filepath.Join(b.dir, "mail.log"), strings.Repeat("Mar 26 11:00:00 h postfix/smtpd[1]: connect from x[192.0.2.9]\n", 16_000), 6)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	out, in := io.Pipe()
	go func() { in.CloseWithError(b.grading.Records().Bundle(context.WithoutCancel(t.Context()), "alice", in)) }()
	sizes := map[string]int64{}
	for entries := tar.NewReader(out); ; {
		h, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, entries)
		if err != nil {
			t.Fatal(err)
		}
		sizes[h.Name] = n
	}
	runtime.ReadMemStats(&after)
	if sizes["mail/util1/INBOX"] < 58_000_000 || sizes["mail.log"] < 5<<20 || sizes["results.json"] == 0 {
		t.Errorf("%v", sizes)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 && !underRace {
		t.Errorf("%d octets were allocated for it", used)
	}
}

// grow appends a text to a file, many times.
func grow(t *testing.T, file, text string, times int) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	defer f.Close()
	for range times {
		if _, err := io.WriteString(f, text); err != nil {
			t.Fatal(err)
		}
	}
}
