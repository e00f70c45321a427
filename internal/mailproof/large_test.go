//go:build linux

package mailproof

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// most is the most that the daemon has held since it started, in MiB.
func (d *daemon) most() (mib float64) {
	d.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))
	if err != nil {
		d.t.Skip("no /proc here")
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	if _, err := fmt.Sscan(rest, &mib); err != nil {
		d.t.Fatal(err)
	}
	return mib / 1024
}

// TestLargeAppends: large messages that come at the same time are not held in memory, nor are those that are copied, and
// they arrive as they were sent. One account cannot send as many at a time as it likes.
func TestLargeAppends(t *testing.T) {
	d := startDaemon(t, settings{})
	line := strings.Repeat("x", 70) + "\r\n"
	body := "Subject: large\r\n\r\n" + strings.Repeat(line, 10_000_000/len(line)) + "From me\r\n.\r\n"
	login := func(user string) *typist {
		c := d.from("10.9.0.4", "imap")
		if _, err := c.say("t LOGIN "+user+" "+password, "t OK"); err != nil {
			t.Error(err)
		}
		return c
	}
	const users, each = 4, 3
	var wg sync.WaitGroup
	for n := range users * each {
		c := login(fmt.Sprintf("util%d", n%users+1))
		wg.Go(func() {
			if _, err := c.say(fmt.Sprintf("t APPEND INBOX (\\Seen) {%d}", len(body)), "+"); err != nil {
				t.Error(err)
			} else if _, err := c.say(body, "t OK [APPENDUID"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	c := login("util1")
	for _, text := range []string{"t SELECT INBOX", "t CREATE copies", "t COPY 1:* copies", "t COPY 1:* INBOX", "t SELECT copies"} {
		if _, err := c.say(text, "t OK"); err != nil {
			t.Fatal(text, err)
		}
	}
	if _, err := c.say("t SEARCH LARGER 9999000 SMALLER 10001000 SEEN", "* SEARCH 1 2 3"); err != nil {
		t.Error(err)
	}
	file, err := os.ReadFile(d.settings.Users + "/home/util1/mail/copies")
	want := strings.ReplaceAll(strings.ReplaceAll(body[len("Subject: large\r\n"):], "\r", ""), "\nFrom", "\n>From")
	if n := bytes.Count(file, []byte(want)); n != 3 {
		t.Errorf("%d whole messages were copied, want 3: %v", n, err)
	}
	t.Logf("at most %.1f MiB", d.most())
	if m := d.most(); m > 64 && !underRace {
		t.Errorf("the daemon held %.1f MiB", m)
	}
}

// TestTooManyLarge: an account that keeps many large messages waiting is told so; others, and it after those, are served.
func TestTooManyLarge(t *testing.T) {
	d := startDaemon(t, settings{})
	var waiting []*typist
	begin := func(user, want string) {
		t.Helper()
		c := d.from("10.9.0.4", "imap")
		for _, turn := range [][2]string{{"t LOGIN " + user + " " + password, "t OK"}, {"t APPEND INBOX {1000000}", want}} {
			if _, err := c.say(turn[0], turn[1]); err != nil {
				t.Fatal(err)
			}
		}
		waiting = append(waiting, c)
	}
	for range 8 {
		begin("util1", "+")
	}
	begin("util1", "t NO [LIMIT]")
	begin("util2", "+")
	for _, c := range waiting {
		c.Close()
	}
	within(t, "there is room again", func() bool {
		c := d.from("10.9.0.4", "imap")
		defer c.Close()
		_, err := c.say("t LOGIN util1 "+password, "t OK")
		if err == nil {
			_, err = c.say("t APPEND INBOX {1000000}", "+")
		}
		return err == nil
	})
}
