package webmail

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/emersion/go-imap/v2"
)

// inbox is the folder that every account has (RFC 3501 section 5.1).
const inbox = "INBOX"

// place is what a page is about, as its address says: an account, a folder, a message.
type place struct {
	Account  string
	Box      string // as IMAP names it
	Validity uint32 // of the UIDs (RFC 3501 section 2.3.1.1); 0: not said
	UID      imap.UID
}

// place reads a request's address or form. Whether there is such a thing the server says.
func (m *Mail) place(r *http.Request) place {
	p := place{Account: m.account(r), Box: r.FormValue("box"), UID: imap.UID(number(r, "uid")), Validity: number(r, "v")}
	if p.Box == "" {
		p.Box = inbox
	}
	return p
}

// number is a field of a request; 0 when it is none.
func number(r *http.Request, field string) uint32 {
	n, err := strconv.ParseUint(r.FormValue(field), 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// link is the address of a page about a place, with more fields: name, value, name, value…
func link(page string, p place, more ...string) string {
	q := url.Values{}
	set := func(name, value string) {
		if value != "" && value != "0" {
			q.Set(name, value)
		}
	}
	set("acct", p.Account)
	set("box", p.Box)
	set("v", strconv.FormatUint(uint64(p.Validity), 10))
	set("uid", strconv.FormatUint(uint64(p.UID), 10))
	for i := 0; i+1 < len(more); i += 2 {
		set(more[i], more[i+1])
	}
	if len(q) == 0 {
		return page
	}
	return page + "?" + q.Encode()
}

// at is the same place with a message.
func (p place) at(uid imap.UID) place {
	p.UID = uid
	return p
}
