package queue

import (
	"context"
	"strings"
	"testing"

	"maillab/internal/mail"
)

// nowhere is a Mailboxes that costs nothing.
type nowhere struct{}

func (nowhere) Deliver(_ context.Context, ds []mail.Delivery) []error { return make([]error, len(ds)) }

// BenchmarkAccept is what the queue itself adds to a delivery into one mailbox.
func BenchmarkAccept(b *testing.B) {
	for name, body := range map[string]string{
		"1k":   "Subject: x\r\n\r\n" + strings.Repeat("sixty-two bytes of text and a line end, sixteen times a kB..\r\n", 16),
		"100k": "Subject: x\r\n\r\n" + strings.Repeat("sixty-two bytes of text and a line end, sixteen times a kB..\r\n", 1600),
	} {
		b.Run(name, func(b *testing.B) {
			q, err := New(Config{Dir: b.TempDir(), Hostname: "h", Domain: "local.isri.fr", Mailboxes: nowhere{},
				Accounts: people{}, Log: silent{}})
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				env := &mail.Envelope{ID: q.NewID(), ClientAddr: "192.0.2.1", Sender: mail.Address{Full: "s@d"}, Recipients: []mail.Recipient{{Address: mail.Address{Typed: "util1"}}}}
				if err := q.Accept(b.Context(), env, strings.NewReader(body)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// silent is a Log that costs nothing.
type silent struct{}

func (silent) MessageID(string, string)            {}
func (silent) Active(string, string, int64, int)   {}
func (silent) Removed(string)                      {}
func (silent) Expired(string, string)              {}
func (silent) Status(string, string, mail.Status)  {}
func (silent) Notification(string, string, string) {}
func (silent) Pickup(string, int, string)          {}
func (silent) Note(string, string)                 {}
