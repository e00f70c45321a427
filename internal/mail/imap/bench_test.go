package imap_test

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"maillab/internal/mail/imap"
	"maillab/internal/mail/imap/imaptest"
)

// bigBox makes a mailbox like the one that Dovecot is measured with: 5,400 messages, 100 MB.
var bigBox = sync.OnceValue(func() *imaptest.Memory {
	backend := imaptest.New()
	backend.AddUser("u", "p", 0)
	body := strings.Repeat("The quick brown fox jumps over the lazy dog, again and again and again.\n", 255)
	for i := range 5400 {
		backend.Deliver("u", "INBOX", time.Unix(int64(i), 0), fmt.Sprintf("Return-Path: <a@b>\nReceived: from x\n\tby y; now\n"+
			"From: Somebody <a%d@example.org>\nTo: u@example.org\nSubject: message number %d\nDate: Fri, 26 Mar 2021 12:09:05 +0100\n"+
			"Message-ID: <%d@example.org>\nContent-Type: text/plain; charset=utf-8\n\n%s", i%50, i, i, body))
	}
	return backend
})

// throwAway is a script whose answers are counted only.
type throwAway struct {
	script
	n int64
}

func (t *throwAway) Write(b []byte) (int, error) { t.n += int64(len(b)); return len(b), nil }

func benchmark(b *testing.B, command string) {
	server := imap.New(imap.Config{}, bigBox())
	var _ net.Conn = &throwAway{}
	for b.Loop() {
		conn := &throwAway{script: script{Reader: bytes.NewReader([]byte("1 LOGIN u p\n2 EXAMINE INBOX\n" + command + "\n"))}}
		server.ServeConn(b.Context(), conn)
		b.ReportMetric(float64(conn.n), "octets")
	}
}

func BenchmarkSelect(b *testing.B)       { benchmark(b, "3 NOOP") }
func BenchmarkFetchFlags(b *testing.B)   { benchmark(b, "3 FETCH 1:* (UID FLAGS)") }
func BenchmarkFetchHeaders(b *testing.B) { benchmark(b, "3 FETCH 1:* BODY.PEEK[HEADER]") }
func BenchmarkFetchFields(b *testing.B) {
	benchmark(b, "3 FETCH 1:* BODY.PEEK[HEADER.FIELDS (Subject From Date)]")
}
func BenchmarkFetchEnvelope(b *testing.B)   { benchmark(b, "3 FETCH 1:* ENVELOPE") }
func BenchmarkFetchAll(b *testing.B)        { benchmark(b, "3 FETCH 1:* BODY.PEEK[]") }
func BenchmarkFetchStructure(b *testing.B)  { benchmark(b, "3 FETCH 1:* BODYSTRUCTURE") }
func BenchmarkSearchSubject(b *testing.B)   { benchmark(b, "3 SEARCH SUBJECT absent") }
func BenchmarkSearchBody(b *testing.B)      { benchmark(b, "3 SEARCH BODY absent") }
func BenchmarkSearchBodyFound(b *testing.B) { benchmark(b, "3 SEARCH BODY lazy") }
func BenchmarkSort(b *testing.B)            { benchmark(b, "3 SORT (SUBJECT DATE) UTF-8 ALL") }
func BenchmarkThread(b *testing.B)          { benchmark(b, "3 THREAD REFERENCES UTF-8 ALL") }
