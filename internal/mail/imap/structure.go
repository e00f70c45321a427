package imap

import (
	"strings"

	"maillab/internal/mail/imap/entity"
)

// writeEnvelope writes ENVELOPE (RFC 3501, section 7.4.2) from a header.
func (c viewer) writeEnvelope(header []byte) {
	text := map[string]*string{"date": nil, "subject": nil, "in-reply-to": nil, "message-id": nil}
	lists := map[string][]entity.Address{}
	for f := range entity.Fields(header) {
		name := strings.ToLower(f.Name)
		if have, ok := text[name]; ok && have == nil {
			value := f.Text()
			text[name] = &value
			continue
		}
		switch name {
		case "from", "sender", "reply-to", "to", "cc", "bcc":
			lists[name] = append(lists[name], entity.Addresses(f.Text())...)
		}
	}
	for _, name := range []string{"sender", "reply-to"} {
		if len(lists[name]) == 0 {
			lists[name] = lists["from"]
		}
	}
	c.out.byte('(')
	c.writeOptional(text["date"])
	c.out.byte(' ')
	c.writeOptional(text["subject"])
	for _, name := range []string{"from", "sender", "reply-to", "to", "cc", "bcc"} {
		c.out.byte(' ')
		c.writeAddresses(lists[name])
	}
	c.out.byte(' ')
	c.writeOptional(text["in-reply-to"])
	c.out.byte(' ')
	c.writeOptional(text["message-id"])
	c.out.byte(')')
}

func (c viewer) writeOptional(s *string) {
	if s == nil {
		c.out.str("NIL")
		return
	}
	c.writeString(*s)
}

func (c viewer) writeAddresses(list []entity.Address) {
	if len(list) == 0 {
		c.out.str("NIL")
		return
	}
	c.out.byte('(')
	for _, a := range list {
		c.out.byte('(')
		c.writeNString(a.Name)
		c.out.byte(' ')
		c.writeNString(a.Route)
		c.out.byte(' ')
		switch { // a NIL host is the group syntax, and there alone may the mailbox be NIL
		case a.Group:
			c.writeNString(a.Mailbox)
		case a.Mailbox == "":
			c.writeString(c.w.missingMailbox)
		default:
			c.writeString(a.Mailbox)
		}
		c.out.byte(' ')
		switch {
		case a.Group:
			c.out.str("NIL")
		case a.Host == "":
			c.writeString(c.w.missingHost)
		default:
			c.writeString(a.Host)
		}
		c.out.byte(')')
	}
	c.out.byte(')')
}

// writeStructure writes BODY, or BODYSTRUCTURE with its extension data. It recurses as deep as entity.Parse goes.
func (c viewer) writeStructure(p *entity.Part, extended bool) {
	c.out.byte('(')
	if len(p.Parts) > 0 {
		for _, part := range p.Parts {
			c.writeStructure(part, extended)
		}
		c.out.byte(' ')
		c.writeString(p.Subtype)
		if extended {
			c.out.byte(' ')
			c.writeParams(p.Params)
			c.writeExtension(p)
		}
	} else {
		c.writeLeaf(p, extended)
	}
	c.out.byte(')')
}

func (c viewer) writeLeaf(p *entity.Part, extended bool) {
	c.writeString(p.Type)
	c.out.byte(' ')
	c.writeString(p.Subtype)
	c.out.byte(' ')
	params := p.Params
	if c.w.defaultParams && p.Is("text", "") && p.Param("charset") == "" {
		params = append(params[:len(params):len(params)], entity.Param{Name: "charset", Value: "us-ascii"})
	}
	c.writeParams(params)
	c.out.byte(' ')
	c.writeNString(p.ID)
	c.out.byte(' ')
	c.writeNString(p.Description)
	c.out.byte(' ')
	enc := p.Encoding
	if enc == "" {
		enc = c.w.encoding
	}
	c.writeString(enc)
	c.out.byte(' ')
	c.out.num(uint64(p.Size()))
	switch {
	case p.Message != nil:
		c.out.byte(' ')
		c.writeEnvelope(p.Message.Header)
		c.out.byte(' ')
		c.writeStructure(p.Message, extended)
		c.out.byte(' ')
		c.out.num(uint64(p.Lines))
	case p.Is("text", ""):
		c.out.byte(' ')
		c.out.num(uint64(p.Lines))
	}
	if extended {
		c.out.byte(' ')
		c.writeNString(p.MD5)
		c.writeExtension(p)
	}
}

func (c viewer) writeParams(params []entity.Param) {
	if len(params) == 0 {
		c.out.str("NIL")
		return
	}
	for i, p := range params {
		c.out.byte("( "[min(i, 1)])
		c.writeString(p.Name)
		c.out.byte(' ')
		c.writeString(p.Value)
	}
	c.out.byte(')')
}

// writeExtension writes disposition, language and location.
func (c viewer) writeExtension(p *entity.Part) {
	c.out.byte(' ')
	if p.Disposition == "" {
		c.out.str("NIL")
	} else {
		c.out.byte('(')
		c.writeString(p.Disposition)
		c.out.byte(' ')
		c.writeParams(p.DispositionParams)
		c.out.byte(')')
	}
	c.out.byte(' ')
	if len(p.Language) < 2 {
		c.writeNString(strings.Join(p.Language, ""))
	} else {
		for i, tag := range p.Language {
			c.out.byte("( "[min(i, 1)])
			c.writeString(tag)
		}
		c.out.byte(')')
	}
	if c.w.location {
		c.out.byte(' ')
		c.writeNString(p.Location)
	}
}
