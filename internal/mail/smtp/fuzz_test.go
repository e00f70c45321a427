package smtp

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"strings"
	"testing"

	"maillab/internal/mail"
	"maillab/internal/mail/addrspec"
)

// failing is a log handler for bugs: any record of it fails the test.
type failing struct{ t *testing.T }

func (h failing) Enabled(context.Context, slog.Level) bool { return true }
func (h failing) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h failing) WithGroup(string) slog.Handler            { return h }
func (h failing) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool { text += fmt.Sprintf(" %s", a); return true })
	h.t.Error(text)
	return nil
}

// FuzzSession types anything to a server: no panic, nothing that the session does not do as it must, every reply a
// whole line, every log line one line, an end.
func FuzzSession(f *testing.F) {
	for _, seed := range []string{
		"helo x\r\n" + opening + "x\r\n.\r\nquit\r\n",
		"ehlo x\r\nmail from:<util1> SIZE=1 BODY=7BIT RET=FULL ENVID=x SMTPUTF8\r\nrcpt to:<util1> NOTIFY=NEVER ORCPT=rfc822;x\r\nbdat 3\r\nab\nrset\r\n",
		"mail from:<util1>\r\nrcpt to:<util1>\r\nbdat 1\r\nxehlo y\r\nbdat 1 last\r\nxquit\r\n",
		"mail from:<util1>\r\nbdat 2 last\r\nab" + "mail from:<util1>\r\nrcpt to:<util1>\r\nbdat 1\r\nxbdat 0\r\nbdat 0 last\r\n",
		"auth login\r\ndXRpbDE=\r\nbWFzdGVyMjAyMQ==\r\nauth plain\r\n",
		"auth plain AHV0aWwxAG1hc3RlcjIwMjE=\r\nvrfy util1\r\netrn queued.example\r\nnoop\r\nrset\r\n",
		"auth login =\r\n*\r\nauth plain\r\n=\r\nauth plain\r\n\r\nauth login\r\n\r\n\r\n",
		"rcpt to:<\"a\\\"b\"@c> (x\r\nmail from:<((a)>\r\nmail from:<a\\\r\nmail from:[x\r\n",
		"\xff\xfb\x01\xff\xfa\xff\xff\xf0x\r\nSubject: x\r\n",
		strings.Repeat("foo\r\n", 25),
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	reply := regexp.MustCompile(`^[2-5][0-9][0-9][ -][^\x00-\x1f\x7f]*$`)
	f.Fuzz(func(t *testing.T, input string, strict bool) {
		log := &lineLog{}
		cfg := config()
		cfg.Auth, cfg.Errors = AuthOptional, slog.New(failing{t})
		cfg.Connected = connected(mail.Discard{}, log)
		cfg.SizeLimit = 10_000
		if strict {
			cfg.BareLF = BareLFReject
		}
		got := strings.ReplaceAll(run(t, cfg, &memory{}, input), "\xff\xfc\x06", "")
		for _, line := range strings.Split(strings.TrimSuffix(got, "\n"), "\n") {
			if !reply.MatchString(line) {
				t.Errorf("%q: reply %q", input, line)
			}
		}
		for _, line := range log.lines {
			if strings.ContainsAny(line, "\r\n") {
				t.Errorf("%q: log %q", input, line)
			}
		}
	})
}

// FuzzAddress parses any address: it ends, and completing twice changes nothing.
func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"<util1>", "util1@local.isri.fr", "<@a,@b:c@d>", `"a b"@c`, "a!b", "a%b@c", "(x(y)z)<a>", "a;b", "<a@[IPv6:::1]>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		address, one := parseAddress(typed)
		if !one {
			return
		}
		full := addrspec.Complete(address, "local.isri.fr")
		if again := addrspec.Complete(full, "other.example"); again != full && !strings.HasSuffix(full, ".") {
			t.Errorf("%q: %q, again %q", typed, full, again)
		}
		if full != "" && !strings.Contains(full, "@") {
			t.Errorf("%q: %q has no domain", typed, full)
		}
		_ = validDomain(full, true)
		_ = tokenize(typed)
	})
}

// BenchmarkMessage is a message on a connection of its own transaction, without any disk.
func BenchmarkMessage(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			text := opening + strings.Repeat(strings.Repeat("x", 62)+"\r\n", size/64) + ".\r\n"
			pieces := make([]any, b.N)
			for i := range pieces {
				pieces[i] = text
			}
			conn := &script{pieces: pieces, peer: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			b.ResetTimer()
			New(config(), &memory{}).ServeConn(context.Background(), conn)
		})
	}
}
