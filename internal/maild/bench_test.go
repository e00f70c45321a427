package maild

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// BenchmarkSMTP is mail over loopback into a mailbox of a real file system, fsync included, a connection a message.
func BenchmarkSMTP(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10} {
		for _, sessions := range []int{1, 10, 50} {
			b.Run(fmt.Sprintf("%dkB/%d", size>>10, sessions), func(b *testing.B) { benchmarkSMTP(b, size, sessions) })
		}
	}
}

func benchmarkSMTP(b *testing.B, size, sessions int) {
	d := start(b, 19)
	body := strings.Repeat(strings.Repeat("x", 62)+"\r\n", size/64)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	var next atomic.Int64
	var all sync.WaitGroup
	for range sessions {
		all.Go(func() {
			for next.Add(1) <= int64(b.N) {
				if err := d.post(body); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// post sends one message on a connection of its own.
func (b *sandboxed) post(body string) error {
	conn, err := net.Dial("tcp", b.addresses["smtp"])
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for _, turn := range [][2]string{{"", "220"}, {"HELO bench\r\n", "250"}, {"MAIL FROM:<util2@test>\r\n", "250"}, {"RCPT TO:<util1@test>\r\n", "250"},
		{"DATA\r\n", "354"}, {"From: util2@test\r\nSubject: test\r\n\r\n" + body + ".\r\n", "250"}, {"QUIT\r\n", "221"}} {
		if _, err := io.WriteString(conn, turn[0]); err != nil {
			return err
		}
		if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, turn[1]) {
			return fmt.Errorf("%.20q: %q, %w", turn[0], line, err)
		}
	}
	return nil
}
