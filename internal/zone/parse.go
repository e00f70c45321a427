package zone

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"maillab/internal/lab/task"
)

// parser reads one file.
type parser struct {
	zone     Zone
	line     int
	owner    string // of the record before
	ttl      uint32
	first    map[string]int // by name: the line of its first record
	problems []Problem
}

// wrong tells what is wrong on the line, and what to do about it.
func (p *parser) wrong(what, mend task.Text) {
	p.problems = append(p.problems, Problem{Line: p.line, Message: what, Mend: mend})
}

// field is a word of a line, or a text in quotes.
type field struct {
	text   string
	quoted bool
}

// read takes one line.
func (p *parser) read(line string) {
	fields, what, mend := split(line)
	switch {
	case what != nil:
		p.wrong(what, mend)
	case len(fields) == 0:
	case strings.HasPrefix(fields[0].text, "$"):
		p.directive(fields)
	default:
		p.record(fields, line[0] == ' ' || line[0] == '\t')
	}
}

// split parts a line into fields, or says what is wrong. A comment begins with a semicolon.
func split(line string) (fields []field, what, mend task.Text) {
	for {
		line = strings.TrimLeft(line, " \t")
		switch {
		case line == "" || line[0] == ';':
			return fields, nil, nil
		case line[0] == '"':
			text, rest, closed := strings.Cut(line[1:], `"`)
			if !closed {
				return nil, said("a quote is not closed"), said(`close it on the same line: TXT "some text"`)
			}
			if !printable(text) || strings.Contains(text, `\`) {
				return nil, said("a text has a character that does not fit"), said("printable ASCII, without backslashes")
			}
			fields, line = append(fields, field{text, true}), rest
		default:
			end := strings.IndexAny(line, " \t;\"")
			if end < 0 {
				end = len(line)
			}
			word := line[:end]
			switch {
			case strings.ContainsAny(word, "()"):
				return nil, said("brackets continue a record on further lines"), said("write the record on one line")
			case !printable(word) || strings.Contains(word, `\`):
				return nil, said("%q has a character that does not fit", word), said(nameForm)
			}
			fields, line = append(fields, field{text: word}), line[end:]
		}
	}
}

func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

// directive takes a line that begins with $.
func (p *parser) directive(fields []field) {
	if !strings.EqualFold(fields[0].text, "$TTL") {
		p.wrong(said("%s is not read here", fields[0].text), said("names are completed with %s: take the line out", strings.TrimSuffix(p.zone.Origin, ".")))
		return
	}
	ttl, ok := uint32(0), false
	if len(fields) == 2 {
		ttl, ok = seconds(fields[1].text)
	}
	if !ok {
		p.wrong(said("$TTL takes one number of seconds"), typed("$TTL 300"))
		return
	}
	p.ttl = ttl
}

// seconds reads a TTL (RFC 2181 section 8 bounds it).
func seconds(text string) (uint32, bool) {
	n, err := strconv.ParseUint(text, 10, 31)
	return uint32(n), err == nil
}

// record takes one record.
func (p *parser) record(fields []field, sameOwner bool) {
	if sameOwner && p.owner == "" {
		p.wrong(said("a line that begins with a blank has the name of the one before, and there is none"), typed("@ MX 10 mx"))
		return
	}
	owner := p.owner
	if !sameOwner {
		name, ok := p.name(fields[0], "")
		if !ok {
			return
		}
		owner, p.owner, fields = name, name, fields[1:]
	}
	header := dns.RR_Header{Name: owner, Class: dns.ClassINET, Ttl: p.ttl}
	for ; len(fields) > 0; fields = fields[1:] {
		if ttl, ok := seconds(fields[0].text); ok {
			header.Ttl = ttl
		} else if !strings.EqualFold(fields[0].text, "IN") {
			break
		}
	}
	if !p.zone.Has(owner) {
		p.wrong(said("%s is not in your domain", owner), said("names here end in %s", p.zone.Origin))
		return
	}
	if len(fields) == 0 {
		p.wrong(said("the type is missing"), said("NAME TYPE DATA, such as: mx A 198.18.0.1"))
		return
	}
	if r := p.data(header, strings.ToUpper(fields[0].text), fields[1:]); r != nil {
		p.add(r)
	}
}

// data makes a record of its type and data; nil where those are wrong.
func (p *parser) data(h dns.RR_Header, kind string, data []field) dns.RR {
	switch kind {
	case "A":
		return p.address(h, data)
	case "MX":
		return p.exchanger(h, data)
	case "CNAME":
		h.Rrtype = dns.TypeCNAME
		if len(data) != 1 {
			p.wrong(said("a CNAME leads to one name"), typed("www CNAME mx"))
		} else if target, ok := p.name(data[0], "."); ok {
			return &dns.CNAME{Hdr: h, Target: target}
		}
	case "TXT":
		return p.text(h, data)
	case "SOA", "NS":
		p.wrong(said("the lab gives the %s of your domain", kind), said("take the line out"))
	default:
		p.wrong(said("%q is no type of record that is served here", kind), said("A, MX, CNAME and TXT"))
	}
	return nil
}

func (p *parser) address(h dns.RR_Header, data []field) dns.RR {
	h.Rrtype = dns.TypeA
	if len(data) == 1 {
		if a, err := netip.ParseAddr(data[0].text); err == nil && a.Is4() {
			return &dns.A{Hdr: h, A: net.IP(a.AsSlice())}
		}
	}
	p.wrong(said("an A record holds one IPv4 address"), typed("mx A 198.18.0.1"))
	return nil
}

func (p *parser) exchanger(h dns.RR_Header, data []field) dns.RR {
	h.Rrtype = dns.TypeMX
	if len(data) != 2 {
		p.wrong(said("an MX record holds a preference and a name"), typed("@ MX 10 mx"))
		return nil
	}
	preference, err := strconv.ParseUint(data[0].text, 10, 16)
	if err != nil {
		p.wrong(said("%q is no preference: a number, the lowest is tried first", data[0].text), typed("@ MX 10 mx"))
		return nil
	}
	if _, err := netip.ParseAddr(strings.TrimSuffix(data[1].text, ".")); err == nil {
		p.wrong(said("an MX record leads to a name, not to an address"), said("a name, which has an A record: mx A %s", data[1].text))
		return nil
	}
	target, ok := p.name(data[1], ".")
	if !ok {
		return nil
	}
	return &dns.MX{Hdr: h, Preference: uint16(preference), Mx: target}
}

// text makes a TXT record. Without quotes a text of several words would lose its blanks.
func (p *parser) text(h dns.RR_Header, data []field) dns.RR {
	h.Rrtype = dns.TypeTXT
	var words []string
	bare := 0
	for _, f := range data {
		words = append(words, f.text)
		if !f.quoted {
			bare++
		}
	}
	switch {
	case len(data) == 0:
		p.wrong(said("a TXT record holds a text"), typed(`@ TXT "v=spf1 mx -all"`))
		return nil
	case bare > 0 && len(data) > 1:
		p.wrong(said("a text of several words is written in quotes"), typed(`TXT "`+strings.Join(words, " ")+`"`))
		return nil
	}
	for _, word := range words {
		if len(word) > 255 {
			p.wrong(said("a text has %d characters: 255 at most in one pair of quotes", len(word)), said(`part it: TXT "first part" "second part"`))
			return nil
		}
	}
	return &dns.TXT{Hdr: h, Txt: words}
}

// name completes a name and looks at its form. also is one that may stand here besides: "." for no host at all.
func (p *parser) name(f field, also string) (string, bool) {
	text := strings.ToLower(f.text)
	full := text + "." + p.zone.Origin
	switch {
	case text == also && also != "":
		return text, true
	case text == "@":
		return p.zone.Origin, true
	case strings.HasSuffix(text, "."):
		full = text
	}
	if f.quoted || len(full) > 254 {
		p.wrong(said("%q is not a name", f.text), said(nameForm))
		return "", false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(full, "."), ".") {
		if !isLabel(label) {
			p.wrong(said("%q is not a name", f.text), said(nameForm))
			return "", false
		}
	}
	return full, true
}

// isLabel says whether text is a label that servers' and policies' names are made of (RFC 1123 section 2.1, RFC 8552).
func isLabel(text string) bool {
	return text != "" && len(text) <= 63 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-_") == "" &&
		text[0] != '-' && text[len(text)-1] != '-'
}

// add takes a record in. A CNAME stands alone (RFC 1034 section 3.6.2). Records of one name and type have one TTL, the first one's (RFC
// 2181 section 5.2).
func (p *parser) add(r dns.RR) {
	name := r.Header().Name
	_, alias := r.(*dns.CNAME)
	for _, other := range p.zone.Records {
		_, aliased := other.(*dns.CNAME)
		if h := other.Header(); h.Name == name && h.Rrtype == r.Header().Rrtype {
			r.Header().Ttl = h.Ttl
		}
		switch {
		case other.Header().Name != name || !alias && !aliased:
		case p.first[name] == 0:
			p.wrong(said("%s is your domain itself, which cannot be a CNAME", name), said("an A record of its own"))
			return
		default:
			p.wrong(said("a CNAME stands alone, and %s is on line %d already", name, p.first[name]), said("take one out"))
			return
		}
	}
	if p.first[name] == 0 {
		p.first[name] = p.line
	}
	p.zone.Records = append(p.zone.Records, r)
}
