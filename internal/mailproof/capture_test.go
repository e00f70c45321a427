//go:build linux

package mailproof

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// capture types the lines of a stage to Postfix and writes the dialogues. Lines of a file whose name ends in -lf are typed
// as nc does.
func (o *oracle) capture(t *testing.T, s stage) {
	files, err := filepath.Glob(smtpData + s.lines + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c := &captor{conn: o.as(fmt.Sprintf("10.8.0.%d", i+1), s.port), kind: "C", end: "\r\n"}
		if strings.HasSuffix(file, "-lf") {
			c.kind, c.end = "L", "\n"
		}
		c.in = bufio.NewReader(c.conn)
		c.play(strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"))
		out := filepath.Join(smtpData, s.dir, filepath.Base(file)+".txt")
		if old, err := os.ReadFile(out); err == nil && settle(string(old)) == settle(c.dialogue.String()) {
			continue
		}
		if err := os.WriteFile(out, []byte(c.dialogue.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// captor is a client that waits for every answer before it types the next line, and writes both down.
type captor struct {
	conn      net.Conn
	in        *bufio.Reader
	kind, end string
	dialogue  strings.Builder
	closed    bool
	message   bool // up to the dot, nothing is answered
	chunk     int  // octets of a BDAT that are still to be typed
}

func (c *captor) play(lines []string) {
	defer c.conn.Close()
	_ = c.conn.SetDeadline(time.Now().Add(patience))
	c.answer()
	for _, line := range lines {
		if c.closed {
			return
		}
		c.say(line)
	}
}

func (c *captor) say(line string) {
	fmt.Fprintf(&c.dialogue, "%s: %s\n", c.kind, line)
	if _, err := c.conn.Write([]byte(line + c.end)); err != nil {
		c.close(err)
		return
	}
	switch {
	case c.message && line != ".":
		return
	case c.chunk > 0:
		if c.chunk -= len(line + c.end); c.chunk > 0 {
			return
		}
	case !c.message:
		_, _ = fmt.Sscanf(strings.ToLower(line), "bdat %d", &c.chunk)
		if c.chunk > 0 && c.chunk < 1<<20 {
			return
		}
		c.chunk = 0
	}
	c.message = false
	c.answer()
}

// answer reads a whole reply.
func (c *captor) answer() {
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			c.close(err)
			return
		}
		line = strings.TrimSuffix(line, "\r\n")
		fmt.Fprintf(&c.dialogue, "S: %s\n", line)
		if len(line) < 4 || line[3] != '-' {
			c.message = strings.HasPrefix(line, "354")
			break
		}
	}
	for _, last := range []string{"S: 221", "S: 421", "S: 521"} {
		if !c.closed && strings.Contains(c.dialogue.String(), last) {
			c.close(io.EOF)
		}
	}
}

// close ends the dialogue. When the server waits for more, as for a chunk that never comes, it just stops there.
func (c *captor) close(err error) {
	c.closed = true
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		c.dialogue.WriteString("# server closed\n")
	}
}
