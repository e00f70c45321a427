package senders

import (
	"context"
	"crypto"
	"strings"
)

// Report is how a domain's owner signs, as the owner is told of it.
type Report struct {
	Given    bool      `json:"given"` // there is a configuration
	Domain   string    `json:"domain"`
	Selector string    `json:"selector"`
	Record   string    `json:"record"` // what is to be published, a line of a zone file
	Problems []Problem `json:"problems"`
}

// Report looks at what signs, and whether the key that belongs to it is found. key may be nil, with problems.
func (j *Judge) Report(ctx context.Context, s Signing, key crypto.Signer, problems []Problem) Report {
	r := Report{Given: key != nil || len(problems) > 0, Domain: s.Domain, Selector: s.Selector, Problems: problems}
	if key == nil {
		return r
	}
	var err error
	if r.Record, err = Record(s.Selector, key); err != nil {
		r.Problems = append(r.Problems, Unread(KeyBox+s.KeyFile, err))
		return r
	}
	name := s.Selector + "._domainkey." + s.Domain
	texts, err := j.Names.LookupTXT(ctx, name)
	switch {
	case err != nil || len(texts) == 0:
		r.Problems = append(r.Problems, Problem{File: "~/zone", Message: said("%s has no TXT record: nobody finds the key", name), Mend: typed("cat ~/dkim/" + strings.TrimSuffix(s.KeyFile, ".private") + ".txt >> ~/zone")})
	case !Publishes(texts[0], key):
		r.Problems = append(r.Problems, Problem{File: "~/zone", Message: said("%s has the record of another key", name), Mend: typed("cat ~/dkim/" + strings.TrimSuffix(s.KeyFile, ".private") + ".txt >> ~/zone")})
	}
	return r
}
