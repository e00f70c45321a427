package senders

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"maillab/internal/lab/problem"
	"maillab/internal/lab/task"

	"github.com/emersion/go-msgauth/dkim"
)

// A domain's own mail is signed as opendkim does it: with ~/opendkim.conf, of which these keys are read, and a key below ~/dkim,
// as opendkim-genkey makes it.
//
//	Domain            alice.lab
//	Selector          s1
//	KeyFile           dkim/s1.private
//	Canonicalization  relaxed/simple

// Files of a domain's owner, as boxes.
const (
	ConfBox = "~/opendkim.conf"
	KeyBox  = "~/dkim/" // and the name of a file
)

// Bounds of them, in octets.
const (
	MaxConf = 16 << 10
	MaxKey  = 16 << 10
)

// Problem is what is wrong with signing, in English and French.
type Problem struct {
	File    string    `json:"file"` // "~/opendkim.conf", "~/dkim/s1.private", "~/zone"
	Line    int       `json:"line"` // 0 is the file as a whole
	Message task.Text `json:"message"`
	Mend    task.Text `json:"mend"`
}

// Signing is who signs, and how.
type Signing struct {
	Domain   string
	Selector string
	KeyFile  string // below ~/dkim
	header   dkim.Canonicalization
	body     dkim.Canonicalization
}

// ParseSigning reads a configuration. With problems it is not to be used.
func ParseSigning(text []byte) (s Signing, problems []Problem) {
	s.header, s.body = dkim.CanonicalizationRelaxed, dkim.CanonicalizationSimple
	wrong := func(line int, message, mend task.Text) {
		problems = append(problems, Problem{File: ConfBox, Line: line, Message: message, Mend: mend})
	}
	if len(text) > MaxConf {
		wrong(0, said("%d octets are too many: %d at most", len(text), MaxConf), said("three lines are enough: Domain, Selector, KeyFile"))
		return s, problems
	}
	seen := map[string]int{}
	for i, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		key := strings.ToLower(words[0])
		switch other, again := seen[key]; {
		case len(words) != 2:
			wrong(i+1, said("a line is a key and a value"), typed("Selector s1"))
			continue
		case again:
			wrong(i+1, said("%s is on line %d already", words[0], other), said("take one out"))
			continue
		}
		seen[key] = i + 1
		if message, mend := s.set(key, words[1]); message != nil {
			wrong(i+1, message, mend)
		}
	}
	for _, key := range []string{"Domain", "Selector", "KeyFile"} {
		if seen[strings.ToLower(key)] == 0 {
			example := map[string]string{"Domain": "alice.lab", "Selector": "s1", "KeyFile": "dkim/s1.private"}[key]
			wrong(0, said("%s is missing", key), typed(key+" "+example))
		}
	}
	return s, problems
}

// set takes one key's value, or says what is wrong with it.
func (s *Signing) set(key, value string) (message, mend task.Text) {
	switch key {
	case "domain":
		if s.Domain = strings.ToLower(value); !isName(value) {
			return said("%q is not a domain", value), typed("Domain alice.lab")
		}
	case "selector":
		if s.Selector = value; !isName(value) {
			return said("%q is not a selector", value), said("letters, digits, dashes and dots")
		}
	case "keyfile":
		dir, name := path.Split(value)
		if s.KeyFile = name; path.Base(path.Clean(dir)) != "dkim" || !isName(name) {
			return said("%q is not below ~/dkim", value), typed("KeyFile dkim/s1.private")
		}
	case "canonicalization":
		header, body, both := strings.Cut(strings.ToLower(value), "/")
		if !both {
			body = "simple"
		}
		s.header, s.body = dkim.Canonicalization(header), dkim.Canonicalization(body)
		for _, c := range []string{header, body} {
			if c != "simple" && c != "relaxed" {
				return said("%q is not a canonicalization", value), said("simple or relaxed, of header and body: relaxed/simple")
			}
		}
	default:
		return said("%q is not read here", key), said("Domain, Selector, KeyFile and Canonicalization")
	}
	return nil, nil
}

// isName tells whether a text can be a domain, a selector or a file.
func isName(text string) bool {
	return text != "" && len(text) <= 200 && text[0] != '.' && text[0] != '-' && !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_'
	})
}

// ParseKey reads a private key, PEM as opendkim-genkey and openssl write it.
func ParseKey(file string, text []byte) (crypto.Signer, *Problem) {
	wrong := func(message task.Text) (crypto.Signer, *Problem) {
		return nil, &Problem{File: file, Message: message, Mend: typed("lab dkim genkey")}
	}
	block, _ := pem.Decode(text)
	if block == nil || len(text) > MaxKey {
		return wrong(said("this is no private key: it does not begin with -----BEGIN PRIVATE KEY-----"))
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return checked(key, wrong)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return wrong(said("the key is damaged: it cannot be read"))
	}
	return checked(key, wrong)
}

// checked is a key that can sign mail.
func checked(key any, wrong func(task.Text) (crypto.Signer, *Problem)) (crypto.Signer, *Problem) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if bits := k.N.BitLen(); bits < 1024 || bits > 8192 { // RFC 8301 section 3.2; more is slow and fits nowhere
			return wrong(said("the key has %d bits: 1024 at least, 8192 at most", bits))
		}
		return k, nil
	case ed25519.PrivateKey:
		return k, nil
	}
	return wrong(said("the key is neither RSA nor Ed25519"))
}

// signedFields are those that a signature covers where a message has them (RFC 6376 section 5.4.1), in small letters, as opendkim.
func signedFields() []string {
	return []string{"from", "reply-to", "subject", "date", "to", "cc", "resent-date", "resent-from", "resent-to", "resent-cc",
		"in-reply-to", "references", "list-id", "list-help", "list-unsubscribe", "list-subscribe", "list-post", "list-owner", "list-archive"}
}

// Signs tells whether a message is this domain's: by the domain of its From.
func (s Signing) Signs(text []byte) bool {
	header, _ := fields(text)
	from := named(header, "from")
	if len(from) == 0 {
		return false
	}
	all := authors(from[0])
	return len(all) > 0 && domainOf(all[0]) == s.Domain
}

// Sign is the DKIM-Signature of a message with LF line ends, ending in LF. From is signed once more than it is there, so that none can be added.
func (s Signing) Sign(text []byte, key crypto.Signer) (string, error) {
	header, _ := fields(text)
	keys, signed := []string(nil), signedFields()
	for _, f := range header {
		if slices.ContainsFunc(signed, f.Is) {
			keys = append(keys, f.Name)
		}
	}
	signer, err := dkim.NewSigner(&dkim.SignOptions{Domain: s.Domain, Selector: s.Selector, Signer: key, HeaderKeys: append(keys, "From"),
		HeaderCanonicalization: s.header, BodyCanonicalization: s.body})
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(signer, &crlf{text: text}); err != nil {
		_ = signer.Close() // that it failed is known
		return "", fmt.Errorf("signing: %w", err)
	}
	if err := signer.Close(); err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	return strings.ReplaceAll(signer.Signature(), "\r\n", "\n"), nil
}

// said words something in both languages, with what it quotes cut to a length that a terminal can show.
func said(format string, args ...any) task.Text {
	return task.Text{"en": problem.New("", 0, "", format, args...).Message, "fr": problem.New("", 0, "", french()[format], args...).Message}
}

// typed is what is to be typed: the same in every language.
func typed(line string) task.Text {
	line = problem.New("", 0, line, "").Mend
	return task.Text{"en": line, "fr": line}
}

// Unread is the problem with a file that cannot be read.
func Unread(file string, err error) Problem {
	if errors.Is(err, fs.ErrNotExist) {
		return Problem{File: file, Message: said("there is no such file"), Mend: typed("lab dkim genkey")}
	}
	return Problem{File: file, Message: said("the file cannot be read: %v", err), Mend: typed("ls -l " + file)}
}
