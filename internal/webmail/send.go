package webmail

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// refusal is what the server said to a recipient, or to the letter.
type refusal struct {
	Address string // "": the letter
	Reply   string
}

// refusals are why a letter was not sent, to anybody.
type refusals []refusal

func (r refusals) Error() string { return "webmail: the server refuses the letter" }

func asRefusals(err error, r *refusals) bool { return errors.As(err, r) }

// send sends a draft. The form comes back, with all that was written, when it could not be.
func (m *Mail) send(v *Visit) {
	p := m.place(v.R)
	d, err := draftOf(v.R)
	if err != nil {
		m.form(v, status(err), p, d, err)
		return
	}
	opened := m.opened(p.Account)
	if opened == nil {
		m.form(v, http.StatusUnauthorized, p, d, problem{key: "closed"})
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.R.Context()), patience) // a line that is lost is no reason to send half
	defer cancel()
	told := "sent"
	err = m.outbox.once(d.id(p.Account), func() error {
		letter, err := d.compose(m.address(p.Account), m.cfg.Domain, m.cfg.Now())
		if err != nil {
			return err
		}
		if err := m.submit(ctx, p.Account, opened.password, letter); err != nil {
			return err
		}
		if m.serves("imap") && opened.do(ctx, func(c *line) error { return c.keepSent(d, letter, m.cfg.Now()) }) != nil {
			told = "unkept"
		}
		return nil
	})
	switch {
	case err != nil:
		m.form(v, sendStatus(err), p, d, err)
	case m.serves("imap"):
		v.to(link("mail", place{Account: p.Account, Box: d.Answers.Box}, "told", told, "once", d.Once))
	default:
		v.to(link("mail-write", place{Account: p.Account}, "told", "sent", "once", d.Once))
	}
}

func sendStatus(err error) int {
	if refused := (refusals)(nil); asRefusals(err, &refused) {
		return http.StatusUnprocessableEntity
	}
	return status(err)
}

// id is what a draft is known by: what it says, too, for who changes it after it was sent means another letter.
func (d draft) id(account string) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%q", []string{d.Once, account, d.To, d.Cc, d.Bcc, d.Subject, d.Text})
	for _, f := range d.Files {
		fmt.Fprintf(sum, "%q %d ", f.Name, len(f.Content))
		sum.Write(f.Content)
	}
	return string(sum.Sum(nil))
}

// draftOf is the form that was sent. An error says what is wrong with its files; the rest is there.
func draftOf(r *http.Request) (draft, error) {
	value := func(field string) string { return strings.TrimSpace(r.PostFormValue(field)) }
	d := draft{
		Once: cmp.Or(value("once"), rand.Text()), To: value("to"), Cc: value("cc"), Bcc: value("bcc"), Subject: value("subject"),
		Text:       strings.ReplaceAll(r.PostFormValue("text"), "\r\n", "\n"), // as forms send lines
		Answers:    place{Account: value("acct"), Box: value("abox"), Validity: number(r, "av"), UID: imap.UID(number(r, "auid"))},
		References: messageIDs(r.PostFormValue("references")),
	}
	var err error
	d.Files, err = enclosed(r)
	return d, err
}

// submit hands a letter to the sandbox's SMTP server, to all its recipients or to none.
func (m *Mail) submit(ctx context.Context, account, password string, letter outgoing) error {
	if !m.serves("smtp") {
		return problem{key: "nosmtp"}
	}
	conn, err := m.cfg.Dial(ctx, "smtp")
	if err != nil {
		return err
	}
	c := smtp.NewClient(conn)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer c.Close()
	if err := c.Hello(Name); err != nil {
		return err
	}
	if offered, _ := c.Extension("AUTH"); offered {
		if err := c.Auth(sasl.NewPlainClient("", account, password)); err != nil {
			return replied("", err)
		}
	}
	return deliver(c, letter)
}

// deliver is a transaction.
func deliver(c *smtp.Client, letter outgoing) error {
	if err := c.Mail(letter.From, nil); err != nil {
		return replied("", err)
	}
	var refused refusals
	for _, r := range letter.Recipients {
		err := replied(r, c.Rcpt(r, nil))
		if one := (refusals)(nil); asRefusals(err, &one) {
			refused = append(refused, one...)
		} else if err != nil {
			return err
		}
	}
	if len(refused) > 0 {
		_ = c.Quit() // nothing is under way
		return refused
	}
	data, err := c.Data()
	if err != nil {
		return replied("", err)
	}
	if _, err := data.Write(letter.Message); err != nil {
		return err
	}
	if err := data.Close(); err != nil {
		return replied("", err)
	}
	_ = c.Quit() // it is the server's already
	return nil
}

// replied is an error with the server's words, where it is the server's.
func replied(address string, err error) error {
	var reply *smtp.SMTPError
	if errors.As(err, &reply) {
		return refusals{{address, reply.Error()}}
	}
	return err
}

// keepSent puts a copy of what was sent among the sent letters, and notes on the message that it is answered.
func (c *line) keepSent(d draft, letter outgoing, now time.Time) error {
	box, err := c.specialFolder("sent", sentName)
	if err != nil {
		return err
	}
	put := c.Append(box, int64(len(letter.Message)), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagSeen}, Time: now})
	_, err = put.Write(letter.Message)
	if err = errors.Join(err, put.Close()); err != nil {
		return err
	}
	if _, err = put.Wait(); err != nil || d.Answers.UID == 0 {
		return err
	}
	if _, err := c.enterFolder(d.Answers); err == nil { // else it has gone meanwhile, and there is nothing to note it on
		return c.mark(imap.UIDSetNum(d.Answers.UID), imap.StoreFlagsAdd, imap.FlagAnswered)
	}
	return nil
}

// outbox knows which drafts were sent, so that a form that is sent twice is one letter.
type outbox struct {
	mu     sync.Mutex
	drafts map[string]*posting
	order  []string
}

type posting struct {
	mu   sync.Mutex
	sent bool
}

// maxPostings bounds how many drafts are remembered, the newest.
const maxPostings = 200

// once sends a draft that has not been sent; while it is, others wait who would send it, too.
func (o *outbox) once(id string, send func() error) error {
	p := o.posting(id)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sent {
		return nil
	}
	err := send()
	p.sent = err == nil
	return err
}

func (o *outbox) posting(id string) *posting {
	o.mu.Lock()
	defer o.mu.Unlock()
	if p := o.drafts[id]; p != nil {
		return p
	}
	if o.drafts == nil {
		o.drafts = map[string]*posting{}
	}
	if len(o.order) >= maxPostings {
		delete(o.drafts, o.order[0])
		o.order = o.order[1:]
	}
	o.drafts[id] = &posting{}
	o.order = append(o.order, id)
	return o.drafts[id]
}
