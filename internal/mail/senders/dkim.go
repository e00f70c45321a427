package senders

import (
	"context"
	"errors"
	"strings"

	"github.com/emersion/go-msgauth/dkim"
)

// Signature is one DKIM-Signature of a message.
type Signature struct {
	Result     Result
	Domain     string // d=, who answers for it
	Selector   string // s=, which of the domain's keys
	Algorithm  string // a=
	Identifier string // i=, "@domain" where there is none
	Signed     []string
	Value      string // b=, without blanks
	Asked      []Question
	Why        error // of the library; nil: it is good
}

// errHeader is of a message whose header is not looked at for signatures.
var errHeader = errors.New("the header is too large")

// signatures checks a message's signatures, the first ones.
func (j *Judge) signatures(ctx context.Context, text []byte) (all []Signature, tooMany bool) {
	header, end := fields(text)
	var found []Signature
	small := end <= longestHeader && len(header) < mostFields
	for _, value := range named(header, "dkim-signature") {
		if len(found) == mostSigned {
			tooMany = true
			break
		}
		small = small && len(value) <= longestSigned
		tags := tagsOf(value)
		found = append(found, Signature{Domain: strings.ToLower(tags["d"]), Selector: tags["s"], Algorithm: tags["a"], Value: tags["b"]})
	}
	if len(found) == 0 {
		return nil, false
	}
	if !small {
		for i := range found {
			found[i].Result, found[i].Why = PermError, errHeader
		}
		return found, true
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	q := &inquiry{names: j.Names}
	results, err := dkim.VerifyWithOptions(&crlf{text: text}, &dkim.VerifyOptions{MaxVerifications: mostSigned,
		LookupTXT: func(name string) ([]string, error) { return q.LookupTXT(ctx, name) }})
	if len(results) != len(found) { // a header without an end, or the like: nothing can be said for it
		for i := range found {
			found[i].Result, found[i].Why = PermError, err
		}
		return found, tooMany
	}
	asked := q.take()
	for i, r := range results {
		s := &found[i]
		s.Result, s.Why, s.Identifier, s.Signed = resultOf(r.Err), r.Err, r.Identifier, r.HeaderKeys
		for _, one := range asked {
			if strings.EqualFold(one.Name, s.KeyName()) {
				s.Asked = append(s.Asked, one)
				break
			}
		}
	}
	return found, tooMany
}

// KeyName is where a signature's key is published.
func (s Signature) KeyName() string { return s.Selector + "._domainkey." + s.Domain }

func resultOf(err error) Result {
	switch {
	case err == nil:
		return Pass
	case dkim.IsTempFail(err):
		return TempError
	case dkim.IsPermFail(err):
		return PermError
	}
	return Fail
}

// tagsOf reads a list of tags (RFC 6376 section 3.2), without the blanks in it.
func tagsOf(value string) map[string]string {
	tags := map[string]string{}
	for _, pair := range strings.Split(value, ";") {
		if name, v, ok := strings.Cut(pair, "="); ok {
			tags[strings.TrimSpace(name)] = strings.Join(strings.Fields(v), "")
		}
	}
	return tags
}
