package queue

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"maillab/internal/mail"
)

// session is an SMTP conversation after the greeting and HELO.
type session interface {
	mail(e *entry) error
	rcpt(r mail.Recipient) error
	// data sends a message with LF line ends and returns the server's last word.
	data(text io.Reader) (reply string, err error)
	quit()
}

// reply is a server's refusal.
type reply struct {
	code     int
	enhanced string // "" when there was none
	text     string // one line
}

func (r *reply) Error() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", r.code, join(r.enhanced, r.text)))
}

func join(a, b string) string { return strings.TrimSpace(a + " " + b) }

// library talks through go-smtp's client: to the relay and to the outside world.
type library struct{ c *smtp.Client }

// openLibrary greets, and encrypts when that is wanted and offered. again dials anew: go-smtp starts TLS only on a fresh
// connection, and a server that fails at TLS is then spoken to without (RFC 7435, Postfix's security level "may").
func openLibrary(conn net.Conn, hostname string, tlsConfig *tls.Config, again func() (net.Conn, error)) (session, error) {
	c := smtp.NewClient(conn)
	if err := c.Hello(hostname); err != nil {
		return nil, fromLibrary(err)
	}
	if offered, _ := c.Extension("STARTTLS"); !offered || tlsConfig == nil {
		return library{c}, nil
	}
	second, err := again()
	if err != nil {
		return library{c}, nil
	}
	secure, err := smtp.NewClientStartTLS(second, tlsConfig)
	if err == nil {
		err = secure.Hello(hostname)
	}
	if err != nil {
		_ = second.Close()
		return library{c}, nil
	}
	_ = c.Quit()
	return library{secure}, nil
}

func (l library) mail(e *entry) error {
	opts := &smtp.MailOptions{Size: e.size, UTF8: e.env.UTF8 && !isASCII(e.env), EnvelopeID: e.env.EnvID,
		Return: smtp.DSNReturn(e.env.Ret)}
	return fromLibrary(l.c.Mail(e.env.Sender.Full, opts))
}

func (l library) rcpt(r mail.Recipient) error {
	opts := &smtp.RcptOptions{}
	for _, n := range r.Notify {
		opts.Notify = append(opts.Notify, smtp.DSNNotify(strings.ToUpper(n)))
	}
	if kind, address, ok := strings.Cut(r.ORcpt, ";"); ok && strings.EqualFold(kind, "rfc822") {
		opts.OriginalRecipientType, opts.OriginalRecipient = smtp.DSNAddressTypeRFC822, address
	}
	return fromLibrary(l.c.Rcpt(r.Full, opts))
}

func (l library) data(text io.Reader) (string, error) {
	w, err := l.c.Data()
	if err != nil {
		return "", fromLibrary(err)
	}
	if _, err := io.Copy(&folder{w: w}, text); err != nil {
		return "", &cut{err, "sending message body"}
	}
	answer, err := w.CloseWithResponse()
	if err != nil {
		return "", fromLibrary(&cut{err, "sending end of data -- message may be sent more than once"})
	}
	return "250 " + strings.ReplaceAll(answer.StatusText, "\n", " "), nil
}

func (l library) quit() {
	if l.c.Quit() != nil {
		_ = l.c.Close()
	}
}

// fromLibrary turns go-smtp's errors into ours.
func fromLibrary(err error) error {
	var refused *smtp.SMTPError
	if !errors.As(err, &refused) {
		return err
	}
	r := &reply{code: refused.Code, text: strings.ReplaceAll(refused.Message, "\n", " ")}
	if e := refused.EnhancedCode; e[0] > 0 {
		r.enhanced = fmt.Sprintf("%d.%d.%d", e[0], e[1], e[2])
	}
	return r
}

// isASCII says whether an envelope needs no SMTPUTF8.
func isASCII(env *mail.Envelope) bool {
	ascii := func(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 }) }
	for _, r := range env.Recipients {
		if !ascii(r.Full) {
			return false
		}
	}
	return ascii(env.Sender.Full)
}

// plain is the least that can be said: for a student's own server, often a shell script around nc. It falls back to
// HELO on any refusal of EHLO, uses no extension, sends a command only after the answer to the last one, takes lines
// that end in LF, and judges an answer by its first digit.
type plain struct{ c *textproto.Conn }

func openPlain(conn net.Conn, hostname string) (session, error) {
	p := plain{textproto.NewConn(conn)}
	if err := p.answer(2); err != nil {
		return nil, err
	}
	err := p.command(2, "EHLO "+hostname)
	var refused *reply
	if errors.As(err, &refused) {
		err = p.command(2, "HELO "+hostname)
	}
	return p, err
}

// command says a line and wants an answer that begins with a digit.
func (p plain) command(want int, line string) error {
	if strings.ContainsAny(line, "\r\n") {
		return &reply{code: 501, enhanced: "5.1.3", text: "address holds a line end"}
	}
	if err := p.c.PrintfLine("%s", line); err != nil {
		return err
	}
	return p.answer(want)
}

func (p plain) answer(want int) error {
	_, err := p.read(want)
	return err
}

// read reads an answer. What does not look like one is taken for a refusal for now: the script is being worked on.
func (p plain) read(want int) (string, error) {
	code, text, err := p.c.ReadResponse(want)
	text = strings.ReplaceAll(text, "\n", " ")
	var protocol *textproto.Error
	var garbled textproto.ProtocolError
	switch {
	case err == nil:
		return fmt.Sprintf("%d %s", code, text), nil
	case errors.As(err, &protocol):
		return "", &reply{code: code, text: text}
	case errors.As(err, &garbled):
		return "", &reply{code: 450, text: oneLine(string(garbled))}
	default:
		return "", err
	}
}

func (p plain) mail(e *entry) error { return p.command(2, "MAIL FROM:<"+e.env.Sender.Full+">") }

func (p plain) rcpt(r mail.Recipient) error { return p.command(2, "RCPT TO:<"+r.Full+">") }

func (p plain) data(text io.Reader) (string, error) {
	if err := p.command(3, "DATA"); err != nil {
		return "", err
	}
	w := p.c.DotWriter()
	_, err := io.Copy(&folder{w: w}, text)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return "", &cut{err, "sending message body"}
	}
	answer, err := p.read(2)
	if err != nil {
		return "", &cut{err, "sending end of data -- message may be sent more than once"}
	}
	return answer, nil
}

func (p plain) quit() {
	_ = p.command(2, "QUIT")
	_ = p.c.Close()
}

// cut is an error with the moment at which it came, when that is not the command's own name.
type cut struct {
	err   error
	while string
}

func (c *cut) Error() string { return c.err.Error() }
func (c *cut) Unwrap() error { return c.err }

// patient bounds every single read and write of a connection, so that neither a silent nor a deaf server holds an
// attempt for long, and what a server may say to one command, so that a talkative one takes no memory: the readers behind
// it keep a whole line, and all lines of an answer. Other people's deadlines are ignored.
type patient struct {
	net.Conn
	limit time.Duration
	heard int // octets since something was said to the server
}

// answerLimit is room for a certificate chain, and far more than any answer (RFC 5321 section 4.5.3.1.5: 512 octets a line).
const answerLimit = 64 << 10

var errTalkative = fmt.Errorf("more than %d octets were said", answerLimit)

func (p *patient) Read(b []byte) (int, error) {
	if p.heard >= answerLimit {
		return 0, errTalkative
	}
	if err := p.Conn.SetReadDeadline(time.Now().Add(p.limit)); err != nil {
		return 0, err
	}
	n, err := p.Conn.Read(b[:min(len(b), answerLimit-p.heard)])
	p.heard += n
	return n, err
}

func (p *patient) Write(b []byte) (int, error) {
	p.heard = 0
	if err := p.Conn.SetWriteDeadline(time.Now().Add(p.limit)); err != nil {
		return 0, err
	}
	return p.Conn.Write(b)
}

func (p *patient) SetDeadline(time.Time) error      { return nil }
func (p *patient) SetReadDeadline(time.Time) error  { return nil }
func (p *patient) SetWriteDeadline(time.Time) error { return nil }

// dial connects with a queue's patience; the connection ends with ctx.
func (c Config) dial(ctx context.Context, address string) (net.Conn, error) {
	within, cancel := context.WithTimeout(ctx, c.Times.Connect)
	defer cancel()
	conn, err := c.Dial(within, "tcp", address)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	return &patient{Conn: conn, limit: c.Times.Command}, nil
}
