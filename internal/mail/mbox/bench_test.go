package mbox

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"maillab/internal/mail"
)

// BenchmarkDeliver is one message of 1 kB an operation, from several senders at once, into one mailbox or many.
func BenchmarkDeliver(b *testing.B) {
	raw := []byte("Return-Path: <a@x>\nSubject: bench\n\n" + strings.Repeat("0123456789abcdef0123456789abcde\n", 32))
	for _, senders := range []int{1, 10, 50} {
		for _, boxes := range []int{1, 19} {
			b.Run(fmt.Sprintf("senders=%d/boxes=%d", senders, boxes), func(b *testing.B) {
				s, _ := newSpool(b)
				var n atomic.Int64
				var wg sync.WaitGroup
				b.ResetTimer()
				for range senders {
					wg.Go(func() {
						for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
							user := fmt.Sprintf("u%d", i%int64(boxes))
							if err := s.Deliver(context.Background(), []mail.Delivery{{User: user, Body: raw}})[0]; err != nil {
								b.Error(err)
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
			})
		}
	}
}

// bigSpool writes a mailbox of 100 MB and 5400 messages.
func bigSpool(b *testing.B, dir string) {
	path := filepath.Join(dir, "spool", "u")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		b.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriter(f)
	body := strings.Repeat("This is a line of an ordinary message, of ordinary length.\n", 310)
	for i := range 5400 {
		raw := fmt.Sprintf("Return-Path: <a@x>\nFrom: a@x\nTo: b@x\nSubject: number %d\nMessage-Id: <%d@x>\n\n%s", i, i, body)
		compose(w, &mail.Delivery{Sender: "a@x", At: time.Unix(1e9, 0), Body: []byte(raw)}, time.UTC)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkBig is what a session does with a mailbox of 100 MB.
func BenchmarkBig(b *testing.B) {
	s, dir := newSpool(b)
	bigSpool(b, dir)
	b.Run("first open", func(b *testing.B) {
		for i := range b.N {
			s2, err := New(Config{Files: PlainFiles(dir), StateDir: filepath.Join(dir, fmt.Sprint("state", i)), Zone: time.UTC})
			if err != nil {
				b.Fatal(err)
			}
			m := openClosed(b, s2)
			m.Close()
			s2.Close()
		}
	})
	openClosed(b, s).Close()
	b.Run("open", func(b *testing.B) {
		for range b.N {
			openClosed(b, s).Close()
		}
	})
	m := openClosed(b, s)
	defer m.Close()
	msgs := m.Snapshot().Messages
	b.Run("all headers", func(b *testing.B) {
		for range b.N {
			readAll(b, m, msgs, func(c mail.Raw) int64 { return c.(*Content).Header() })
		}
	})
	b.Run("all messages", func(b *testing.B) {
		b.SetBytes(100 << 20)
		for range b.N {
			readAll(b, m, msgs, func(c mail.Raw) int64 { return c.Size() })
		}
	})
}

func openClosed(b *testing.B, s *Spool) *Mailbox {
	m, err := s.Mailbox(context.Background(), "u", Inbox)
	if err != nil {
		b.Fatal(err)
	}
	if n := len(m.Snapshot().Messages); n != 5400 {
		b.Fatalf("%d messages", n)
	}
	return m
}

func readAll(b *testing.B, m *Mailbox, msgs []mail.Message, length func(mail.Raw) int64) {
	buf := make([]byte, 32<<10)
	for _, msg := range msgs {
		c, err := m.Open(msg.UID)
		if err != nil {
			b.Fatal(err)
		}
		for off := int64(0); off < length(c); {
			n, err := c.ReadAt(buf[:min(int64(len(buf)), length(c)-off)], off)
			if err != nil {
				b.Fatal(err)
			}
			off += int64(n)
		}
		c.Close()
	}
}
