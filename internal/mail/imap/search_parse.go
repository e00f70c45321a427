package imap

import (
	"strings"
	"time"
	"unicode/utf8"

	"maillab/internal/mail"
	"maillab/internal/mail/imap/entity"
)

type searchOp uint8

const (
	searchAnd searchOp = iota // also ALL: of nothing
	searchOr
	searchNot
	searchSet      // numbers or UIDs
	searchFlag     // has the flag
	searchKeyword  // has the keyword
	searchRecent   // \Recent
	searchBefore   // INTERNALDATE
	searchOn       //
	searchSince    //
	searchSentBef  // Date field
	searchSentOn   //
	searchSentSin  //
	searchLarger   // RFC822.SIZE
	searchSmaller  //
	searchModSeq   // RFC 7162
	searchHeader   // a field has the text
	searchBodyText // the body has it
	searchText     // header or body have it
)

// searchKey is one key of SEARCH, a tree (RFC 3501, section 6.4.4).
type searchKey struct {
	op    searchOp
	sub   []*searchKey
	set   numSet
	uid   bool
	flag  mail.Flags
	field string
	text  string // folded, UTF-8
	date  time.Time
	n     uint64
}

// cost tells what has to be looked at: nothing, the header, the body.
func (k *searchKey) cost() int {
	most := 0
	switch {
	case k.op >= searchBodyText:
		most = 2
	case k.op == searchHeader || k.op >= searchSentBef && k.op <= searchSentSin:
		most = 1
	}
	for _, s := range k.sub {
		most = max(most, s.cost())
	}
	return most
}

// uses says whether a key of this kind is anywhere in the tree.
func (k *searchKey) uses(op searchOp) bool {
	if k.op == op {
		return true
	}
	for _, s := range k.sub {
		if s.uses(op) {
			return true
		}
	}
	return false
}

// maxKeys bounds one command.
const maxKeys = 5000

// searcher parses search keys.
type searchParser struct {
	*parser
	charset string // "" when none was given
	keys    int
}

// errCharset is answered with BADCHARSET.
const errCharset = errSyntax("Unknown charset")

// program takes keys up to the end, or up to a closing parenthesis.
func (p *searchParser) program(depth int) (*searchKey, error) {
	and := &searchKey{op: searchAnd}
	for {
		p.blanks()
		if p.pos >= len(p.buf) || p.peek() == ')' {
			break
		}
		k, err := p.key(depth)
		if err != nil {
			return nil, err
		}
		and.sub = append(and.sub, k)
	}
	if len(and.sub) == 0 {
		return nil, errSyntax("Missing search parameters")
	}
	return and, nil
}

func (p *searchParser) key(depth int) (*searchKey, error) {
	if p.keys++; depth > maxDepth || p.keys > maxKeys {
		return nil, errSyntax("Too many search keys")
	}
	switch c := p.peek(); {
	case c == '(':
		p.pos++
		k, err := p.program(depth + 1)
		if err == nil && !p.take(')') {
			err = errArguments
		}
		return k, err
	case c >= '0' && c <= '9' || c == '*':
		set, err := p.set()
		return &searchKey{op: searchSet, set: set}, err
	}
	word := p.keyword()
	if k := flagKey(word); k != nil {
		return k, nil
	}
	if p.peek() != 0 {
		if err := p.space(); err != nil {
			return nil, err
		}
	}
	return p.withArgument(word, depth)
}

// flagKey are the keys without an argument; nil for others.
func flagKey(word string) *searchKey {
	has := func(f mail.Flags) *searchKey { return &searchKey{op: searchFlag, flag: f} }
	recent := &searchKey{op: searchRecent}
	switch word {
	case "ALL":
		return &searchKey{op: searchAnd}
	case "NEW":
		return &searchKey{op: searchAnd, sub: []*searchKey{recent, not(has(mail.Seen))}}
	case "OLD":
		return not(recent)
	case "RECENT":
		return recent
	}
	word, negated := strings.CutPrefix(word, "UN")
	f, ok := mail.FlagNamed(word)
	switch {
	case !ok:
		return nil
	case negated:
		return not(has(f))
	}
	return has(f)
}

func not(k *searchKey) *searchKey { return &searchKey{op: searchNot, sub: []*searchKey{k}} }

func (p *searchParser) withArgument(word string, depth int) (k *searchKey, err error) {
	switch word {
	case "NOT":
		k, err = p.key(depth + 1)
		return not(k), err
	case "OR":
		a, err := p.key(depth + 1)
		if err != nil {
			return nil, err
		}
		if err := p.space(); err != nil {
			return nil, err
		}
		b, err := p.key(depth + 1)
		return &searchKey{op: searchOr, sub: []*searchKey{a, b}}, err
	case "UID":
		k = &searchKey{op: searchSet, uid: true}
		k.set, err = p.set()
	case "KEYWORD", "UNKEYWORD":
		k = &searchKey{op: searchKeyword}
		if k.text, err = p.atom(); word == "UNKEYWORD" {
			k = not(k)
		}
	case "BEFORE", "ON", "SINCE", "SENTBEFORE", "SENTON", "SENTSINCE":
		k = &searchKey{op: map[string]searchOp{"BEFORE": searchBefore, "ON": searchOn, "SINCE": searchSince,
			"SENTBEFORE": searchSentBef, "SENTON": searchSentOn, "SENTSINCE": searchSentSin}[word]}
		k.date, err = p.date()
	case "LARGER", "SMALLER":
		k = &searchKey{op: searchLarger}
		if k.n, err = p.number64(); word == "SMALLER" {
			k.op = searchSmaller
		}
	case "FROM", "TO", "CC", "BCC", "SUBJECT":
		k = &searchKey{op: searchHeader, field: word}
		k.text, err = p.needle()
	case "HEADER":
		k = &searchKey{op: searchHeader}
		if k.field, err = p.astring(); err == nil {
			err = p.space()
		}
		if err == nil {
			k.text, err = p.needle()
		}
	case "BODY":
		k = &searchKey{op: searchBodyText}
		k.text, err = p.needle()
	case "TEXT":
		k = &searchKey{op: searchText}
		k.text, err = p.needle()
	case "MODSEQ":
		k, err = p.modSeq()
	default:
		return nil, errSyntax("Unknown argument " + word)
	}
	return k, err
}

// modSeq takes ["/flags/\\name" priv|shared|all] n; there is one mod-sequence for all of a message's metadata.
func (p *searchParser) modSeq() (*searchKey, error) {
	if p.peek() == '"' {
		if _, err := p.quoted(); err != nil {
			return nil, err
		}
		p.blanks()
		switch p.keyword() {
		case "PRIV", "SHARED", "ALL":
		default:
			return nil, errArguments
		}
		p.blanks()
	}
	n, err := p.number64()
	return &searchKey{op: searchModSeq, n: n}, err
}

// needle takes a text to look for, out of the command's character set.
func (p *searchParser) needle() (string, error) {
	s, err := p.astring()
	if err != nil {
		return "", err
	}
	charset := p.charset
	if charset == "" && !utf8.ValidString(s) {
		charset = "windows-1252" // typed into a terminal of the old kind
	}
	if e, _ := entity.Charset(charset); e != nil {
		if s, err = e.NewDecoder().String(s); err != nil {
			return "", errCharset
		}
	}
	return fold(s), nil
}

// fold makes upper and lower case alike.
func fold(s string) string { return strings.ToLower(s) }

// searchRequest is SEARCH with its options.
type searchRequest struct {
	key      *searchKey
	extended bool // RETURN was given (RFC 4731)
	min, max bool
	all      bool
	count    bool
}

// search takes SEARCH's arguments. utf8Only: RFC 6855 forbids CHARSET after ENABLE UTF8=ACCEPT.
func (p *parser) search(utf8Only bool) (*searchRequest, error) {
	r := &searchRequest{}
	if q := *p; q.keyword() == "RETURN" {
		*p = q
		r.extended = true
		p.blanks()
		if err := p.list(func() error { return p.searchReturn(r) }); err != nil {
			return nil, err
		}
		p.blanks()
	}
	if !r.min && !r.max && !r.count {
		r.all = true
	}
	charset := ""
	if q := *p; q.keyword() == "CHARSET" && !utf8Only {
		*p = q
		p.blanks()
		var err error
		if charset, err = p.charset(); err != nil {
			return nil, err
		}
	}
	var err error
	r.key, err = p.searchKeys(charset)
	return r, err
}

func (p *parser) searchReturn(r *searchRequest) error {
	switch word := p.keyword(); word {
	case "MIN":
		r.min = true
	case "MAX":
		r.max = true
	case "ALL":
		r.all = true
	case "COUNT":
		r.count = true
	default:
		return errSyntax("Unknown SEARCH return option " + word)
	}
	return nil
}

// charset takes the name of a character set that is known.
func (p *parser) charset() (string, error) {
	name, err := p.astring()
	if err != nil {
		return "", err
	}
	if _, ok := entity.Charset(name); !ok {
		return "", errCharset
	}
	return name, nil
}

func (p *parser) searchKeys(charset string) (*searchKey, error) {
	s := &searchParser{parser: p, charset: charset}
	k, err := s.program(0)
	if err == nil {
		err = p.end()
	}
	return k, err
}
