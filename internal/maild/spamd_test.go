package maild

import (
	"context"
	"io"
	"net"
	"net/smtp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"maillab/internal/spec"
)

// TestSpamdRests: a SpamAssassin that does not answer is left alone for a while, in which the rules on board judge and the log says so; then one
// message asks it again, and once it has answered all do.
func TestSpamdRests(t *testing.T) {
	var dialled, later atomic.Int64
	var back atomic.Bool
	began := time.Now()
	b := start(t, 2, func(c *Config) {
		c.Spec.Services.SMTP.Filter = &spec.Filter{Tagged: -999, Required: 6.31, Spamd: true}
		c.Now = func() time.Time { return began.Add(time.Duration(later.Load())) }
		c.Spamd = func(context.Context) (net.Conn, error) {
			dialled.Add(1)
			if !back.Load() {
				return nil, syscall.ECONNREFUSED
			}
			here, there := net.Pipe()
			go func() {
				_, _ = there.Read(make([]byte, 1<<16))
				_, _ = io.WriteString(there, "SPAMD/1.1 0 EX_OK\r\n\r\nVERSION x\nTESTS DEAR_FRIEND=2.6\n")
				there.Close()
			}()
			return here, nil
		}
	})
	for i, step := range []struct {
		after   time.Duration
		back    bool
		dialled int64
		header  string // of the message; "" is no X-Spam at all
		log     string
	}{
		{0, false, 1, "", "(!)SpamdClient client failed: can't connect to spamd: connection refused"},
		{0, false, 1, "tests=[ALL_TRUSTED=-1, MISSING_DATE=", "SpamdClient: spamd does not answer: the rules on board judge, and it is asked again at "},
		{rest / 2, true, 1, "tests=[ALL_TRUSTED=-1, MISSING_DATE=", "SpamdClient: spamd does not answer: "},
		{rest, false, 2, "", "(!)SpamdClient client failed: "},
		{rest / 2, true, 2, "tests=[ALL_TRUSTED=-1, MISSING_DATE=", "SpamdClient: spamd does not answer: "},
		{rest, true, 3, "DEAR_FRIEND=2.6", "Passed"},
		{0, true, 4, "DEAR_FRIEND=2.6", "Passed"},
	} {
		later.Add(int64(step.after))
		back.Store(step.back)
		box, log := len(b.box("util1")), len(b.log(t))
		if err := smtp.SendMail(b.addresses["smtp"], nil, "util2@test", []string{"util1@test"}, []byte("Subject: test\r\n\r\nbonjour\r\n")); err != nil {
			t.Fatal(err)
		}
		came, said := b.box("util1")[box:], b.log(t)[log:]
		if dialled.Load() != step.dialled || !strings.Contains(came, step.header) || step.header == "" && strings.Contains(came, "X-Spam") || !strings.Contains(said, step.log) {
			t.Errorf("%d. asked %d times, want %d\n%s\n%s", i, dialled.Load(), step.dialled, came, said)
		}
	}
}
