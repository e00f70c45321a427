package senders

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
)

// What Postfix with policyd-spf 2.9, opendkim 2.11 and opendmarc 1.4 says, as testdata/debian has it of Debian's; where RFC 8601
// has a word for what they call something else, it is the RFC's.

// Line is one of the log.
type Line struct {
	Program string // policyd-spf, opendkim, opendmarc
	Text    string
}

// shown is what a stranger wrote, for a header or the log: printable, and not long.
func shown(text string) string {
	text = strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune(`"();\`, r) {
			return '?'
		}
		return r
	}, text)
	return text[:min(len(text), 255)]
}

// told is the identity that SPF is told of: HELO's, if nothing is known of MAIL FROM's domain.
func (m Judgement) told() SPF {
	if m.SPF.Result == None && m.HELO.Result != "" && m.HELO.Result != None {
		return m.HELO
	}
	return m.SPF
}

// Refused tells whether the domain of HELO or of MAIL FROM says that the client may not send for it, and what the client is
// answered, behind the code 550 and 5.7.23. receiver is the recipient's domain.
func (m Judgement) Refused(receiver string) (text string, refused bool) {
	for _, one := range []struct {
		SPF
		what string
	}{{m.HELO, "helo"}, {m.SPF, "mfrom"}} {
		if one.Result == Fail {
			return fmt.Sprintf("Message rejected due to: SPF fail - not authorized. Please see http://www.openspf.net/Why?s=%s;id=%s;ip=%s;r=%s",
				one.what, shown(one.Identity), m.Client.Address, receiver), true
		}
	}
	return "", false
}

// ReceivedSPF is the header of RFC 7208 section 9.1. Behind its last word policyd-spf leaves a blank.
func (m Judgement) ReceivedSPF(receiver string) string {
	s := m.told()
	comment, identity, from := "mailfrom", "mailfrom", shown(m.Client.Sender)
	if s.Helo {
		identity = "helo"
		comment = map[Result]string{Pass: "sender SPF authorized", None: "no SPF record", SoftFail: "domain owner discourages use of this host",
			Neutral: "access neither permitted nor denied", Fail: "SPF fail - not authorized", TempError: "temporary error", PermError: "permanent error"}[s.Result]
	}
	if from == "" {
		from = "<>"
	}
	word := strings.ToUpper(string(s.Result)[:1]) + string(s.Result)[1:]
	return fmt.Sprintf("Received-SPF: %s (%s) identity=%s; client-ip=%s; helo=%s; envelope-from=%s; receiver=%s ",
		word, comment, identity, m.Client.Address, shown(m.Client.Helo), from, receiver)
}

// Results are the Authentication-Results of a server (RFC 8601), one of each program, the last one's first.
func (m Judgement) Results(host string) (headers []string) {
	field := func(format string, args ...any) {
		headers = append(headers, "Authentication-Results: "+host+";"+fmt.Sprintf(format, args...))
	}
	switch d := m.DMARC; {
	case d.Domain == "":
	case d.Result == PermError || d.Result == TempError:
		field(" dmarc=%s header.from=%s", d.Result, shown(d.Domain))
	default:
		field(" dmarc=%s (p=%s dis=%s) header.from=%s", d.Result, d.Policy, d.Apply, shown(d.Domain))
	}
	if s := m.SPF; s.Helo {
		field(" spf=%s smtp.helo=%s", s.Result, shown(s.Identity))
	} else {
		field(" spf=%s smtp.mailfrom=%s", s.Result, shown(s.Domain))
	}
	var all []string
	for _, s := range m.DKIM {
		all = append(all, "\n\t"+s.told())
	}
	if len(all) > 0 {
		field("%s", strings.Join(all, ";"))
	}
	return headers
}

// told is a signature in Authentication-Results.
func (s Signature) told() string {
	word, verdict := s.verdict()
	if word != "" {
		verdict += fmt.Sprintf(" reason=%q", word)
	}
	if bits := s.bits(); bits > 0 && (s.Result == Pass || s.Result == Fail) {
		verdict += fmt.Sprintf(" (%d-bit key; unprotected)", bits)
	}
	agent := s.Identifier
	if agent == "" {
		agent = "@" + s.Domain
	}
	return fmt.Sprintf("dkim=%s header.d=%s header.i=%s header.a=%s header.s=%s header.b=%s", verdict,
		shown(s.Domain), shown(agent), shown(s.Algorithm), shown(s.Selector), s.short())
}

// short is the beginning of a signature, which tells several apart (RFC 6008).
func (s Signature) short() string { return shown(s.Value[:min(len(s.Value), 8)]) }

// verdict is the result as opendkim has it, with its reason where it gives one.
func (s Signature) verdict() (reason, result string) {
	switch said := s.said(); {
	case s.Result == Pass:
		return "", "pass"
	case s.Result == TempError:
		return said, "temperror"
	case s.Result == Fail || said == keyMissing || said == keyRevoked:
		return said, "fail"
	}
	return "", "permerror"
}

// Words of libopendkim's.
const (
	keyMissing  = "key not found in DNS"
	keyRevoked  = "key revoked"
	keyBroken   = "unable to apply public key"
	keyUnasked  = "key DNS query failed"
	badContent  = "signature verification failed"
	badNothing  = "no signature error"
	headerLarge = "header too large"
)

// said is what libopendkim calls what go-msgauth found: by its text, as it has no other way of telling.
func (s Signature) said() string {
	if s.Why == nil {
		return badNothing
	}
	text := s.Why.Error()
	for _, known := range []struct{ theirs, ours string }{
		{"no key for signature", keyMissing}, {"no valid key found", keyMissing}, {"key unavailable", keyUnasked}, {"key revoked", keyRevoked},
		{"key syntax error", keyBroken}, {"key record error", keyBroken}, {"body hash did not verify", badContent},
		{"signature did not verify", badContent}, {"signature has expired", "signature expired"},
		{"inappropriate hash algorithm", "signature-key hash mismatch"}, {errHeader.Error(), headerLarge},
	} {
		if strings.Contains(text, known.theirs) {
			return known.ours
		}
	}
	if s.Selector != "" && strings.Contains(text, "missing required tag") {
		return "body hash missing"
	}
	return shownText(text)
}

// shownText is a text of the library's, in which a stranger's words may be.
func shownText(text string) string {
	words := strings.Fields(strings.TrimPrefix(text, "dkim: "))
	for i := range words {
		words[i] = strings.ReplaceAll(shown(words[i]), "?", "")
	}
	return strings.Join(words, " ")
}

// bits is the size of the key, 0 where there is none to be read.
func (s Signature) bits() int {
	for _, q := range s.Asked {
		if len(q.Answers) != 1 {
			continue
		}
		tags := tagsOf(strings.Trim(q.Answers[0], `"`))
		der, err := base64.StdEncoding.DecodeString(tags["p"])
		if err != nil {
			return 0
		}
		if tags["k"] == "ed25519" {
			return 8 * len(der)
		}
		if key, err := x509.ParsePKIXPublicKey(der); err == nil {
			if public, is := key.(*rsa.PublicKey); is {
				return public.N.BitLen()
			}
		}
		if public, err := x509.ParsePKCS1PublicKey(der); err == nil {
			return public.N.BitLen()
		}
	}
	return 0
}

// Policy is what policyd-spf logs of a recipient, refused or not.
func (m Judgement) Policy(receiver string, refused bool) Line {
	if text, _ := m.Refused(receiver); refused {
		return Line{"policyd-spf", ": 550 5.7.23 " + text}
	}
	return Line{"policyd-spf", ": prepend " + m.ReceivedSPF(receiver)}
}

// Log is what opendkim and opendmarc log of a message, id in front. own is the server's domain.
func (m Judgement) Log(id, own string) (lines []Line) {
	say := func(program, format string, args ...any) {
		lines = append(lines, Line{program, id + ": " + fmt.Sprintf(format, args...)})
	}
	if len(m.From) > 0 && domainOf(m.From[0]) == own {
		name := m.Client.Name
		if name == "" {
			name = m.Client.Address.String()
		}
		say("opendkim", "external host %s attempted to send as %s", name, own)
	}
	m.logSignatures(func(format string, args ...any) { say("opendkim", format, args...) })
	switch s, d := m.SPF, m.DMARC; {
	case len(m.From) > 1 && d.Domain == "":
		say("opendmarc", "multi-valued From field detected")
	case d.Domain == "":
		say("opendmarc", "unable to parse From header field")
	default:
		identity, domain := "mailfrom", s.Domain
		if s.Helo {
			identity, domain = "helo", s.Identity
		}
		say("opendmarc", "SPF(%s): %s %s", identity, shown(domain), s.Result)
		if d.Result == PermError {
			say("opendmarc", "opendmarc_policy_query_dmarc(%s) returned status 4", shown(d.Domain))
			break
		}
		say("opendmarc", "%s %s", shown(d.Domain), d.Result)
	}
	return lines
}

// logSignatures is what opendkim logs.
func (m Judgement) logSignatures(say func(format string, args ...any)) {
	if len(m.DKIM) == 0 {
		return
	}
	var domains, results []string
	best := m.DKIM[0]
	for i := len(m.DKIM) - 1; i >= 0; i-- {
		if m.DKIM[i].Result == Pass {
			best = m.DKIM[i]
		}
	}
	for _, s := range m.DKIM {
		domains = append(domains, shown(s.Domain))
		results = append(results, fmt.Sprintf("signature=%s domain=%s selector=%s result=%q", s.short(), shown(s.Domain), shown(s.Selector), s.said()))
	}
	if len(domains) > 1 {
		say("message has signatures from %s", strings.Join(domains, ", "))
	}
	say("%s", strings.Join(results, "; "))
	who := fmt.Sprintf("s=%s d=%s a=%s SSL ", shown(best.Selector), shown(best.Domain), shown(best.Algorithm))
	switch best.said() {
	case badNothing:
		say("DKIM verification successful")
		say("%s", who)
	case badContent:
		if strings.Contains(best.Why.Error(), "signature did not verify") {
			who += "error:02000068:rsa routines::bad signature"
		}
		say("%s", who)
		say("bad signature data")
	case keyBroken:
		say("%serror:068000A8:asn1 encoding routines::wrong tag; error:0688010A:asn1 encoding routines::nested asn1 error", who)
	case keyRevoked:
		say("key revoked (s=%s, d=%s, a=%s)", shown(best.Selector), shown(best.Domain), shown(best.Algorithm))
	case keyMissing:
		say("key retrieval failed (s=%s, d=%s): '%s' record not found", shown(best.Selector), shown(best.Domain), shown(best.KeyName()))
	case keyUnasked:
		say("key retrieval failed (s=%s, d=%s): '%s' query failed", shown(best.Selector), shown(best.Domain), shown(best.KeyName()))
	}
}

// Rejection is the answer to the end of the data, behind the code 550 and 5.7.1; "" where the message is taken.
func (m Judgement) Rejection() string {
	if m.DMARC.Apply != PolicyReject {
		return ""
	}
	return "rejected by DMARC policy for " + shown(m.DMARC.Domain)
}
