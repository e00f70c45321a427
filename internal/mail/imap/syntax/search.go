package syntax

import (
	"strings"
	"time"
	"unicode/utf8"

	"maillab/internal/mail"
	"maillab/internal/mail/imap/entity"
)

// SearchOp is the kind of a key.
type SearchOp uint8

// The kinds.
const (
	SearchAnd SearchOp = iota // also ALL: of nothing
	SearchOr
	SearchNot
	SearchSet        // numbers or UIDs
	SearchFlag       // has the flag
	SearchKeyword    // has the keyword
	SearchRecent     // \Recent
	SearchBefore     // INTERNALDATE
	SearchOn         //
	SearchSince      //
	SearchSentBefore // Date field
	SearchSentOn     //
	SearchSentSince  //
	SearchLarger     // RFC822.SIZE
	SearchSmaller    //
	SearchModSeq     // RFC 7162
	SearchHeader     // a field has the text
	SearchBodyText   // the body has it
	SearchText       // header or body have it
)

// SearchKey is one key of SEARCH, a tree (RFC 3501, section 6.4.4).
type SearchKey struct {
	Op    SearchOp
	Sub   []*SearchKey
	Set   Set
	UID   bool // the set is of UIDs
	Flag  mail.Flags
	Field string
	Text  string // folded, UTF-8
	Date  time.Time
	N     uint64
}

// Cost tells what has to be looked at: nothing, the header, the body.
func (k *SearchKey) Cost() int {
	most := 0
	switch {
	case k.Op >= SearchBodyText:
		most = 2
	case k.Op == SearchHeader || k.Op >= SearchSentBefore && k.Op <= SearchSentSince:
		most = 1
	}
	for _, s := range k.Sub {
		most = max(most, s.Cost())
	}
	return most
}

// Uses says whether a key of this kind is anywhere in the tree.
func (k *SearchKey) Uses(op SearchOp) bool {
	if k.Op == op {
		return true
	}
	for _, s := range k.Sub {
		if s.Uses(op) {
			return true
		}
	}
	return false
}

// maxKeys bounds one command.
const maxKeys = 5000

// searcher parses search keys.
type searchParser struct {
	*Parser
	charset string // "" when none was given
	keys    int
}

// ErrCharset is answered with BADCHARSET.
const ErrCharset = Error("Unknown charset")

// program takes keys up to the end, or up to a closing parenthesis.
func (p *searchParser) program(depth int) (*SearchKey, error) {
	and := &SearchKey{Op: SearchAnd}
	for {
		p.Blanks()
		if p.pos >= len(p.buf) || p.Peek() == ')' {
			break
		}
		k, err := p.key(depth)
		if err != nil {
			return nil, err
		}
		and.Sub = append(and.Sub, k)
	}
	switch {
	case depth == 0 && p.Peek() == ')':
		return nil, Error("Unexpected ')'")
	case len(and.Sub) == 0 && depth > 0:
		return nil, Error("No search parameters inside list")
	case len(and.Sub) == 0:
		return nil, Error("Missing search parameters")
	}
	return and, nil
}

func (p *searchParser) key(depth int) (*SearchKey, error) {
	if p.keys++; depth > maxDepth || p.keys > maxKeys {
		return nil, Error("Too many search keys")
	}
	switch c := p.Peek(); {
	case c == 0 && p.pos >= len(p.buf):
		return nil, Error("Missing argument")
	case c == '(':
		p.pos++
		k, err := p.program(depth + 1)
		if err == nil && !p.Take(')') {
			err = errClose
		}
		return k, err
	case c >= '0' && c <= '9' || c == '*':
		set, err := p.Set()
		return &SearchKey{Op: SearchSet, Set: set}, err
	}
	word := p.Keyword()
	if k := flagKey(word); k != nil {
		return k, nil
	}
	if !p.Blanks() && p.pos < len(p.buf) && p.Peek() != ')' {
		return nil, misplaced(p.Parser)
	}
	k, err := p.withArgument(word, depth)
	if word != "OR" && word != "NOT" && (err == errMissing || err == ErrArguments && p.Peek() == '(') {
		text := "Missing parameter for search key"
		if p.Peek() == '(' {
			text = "Unexpected ("
		}
		err = Error(text + " (for search key: " + word + ")")
	}
	return k, err
}

// flagKey are the keys without an argument; nil for others.
func flagKey(word string) *SearchKey {
	has := func(f mail.Flags) *SearchKey { return &SearchKey{Op: SearchFlag, Flag: f} }
	recent := &SearchKey{Op: SearchRecent}
	switch word {
	case "ALL":
		return &SearchKey{Op: SearchAnd}
	case "NEW":
		return &SearchKey{Op: SearchAnd, Sub: []*SearchKey{recent, not(has(mail.Seen))}}
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

func not(k *SearchKey) *SearchKey { return &SearchKey{Op: SearchNot, Sub: []*SearchKey{k}} }

func (p *searchParser) withArgument(word string, depth int) (k *SearchKey, err error) {
	switch word {
	case "NOT":
		k, err = p.key(depth + 1)
		return not(k), err
	case "OR":
		a, err := p.key(depth + 1)
		if err != nil {
			return nil, err
		}
		p.Blanks()
		b, err := p.key(depth + 1)
		return &SearchKey{Op: SearchOr, Sub: []*SearchKey{a, b}}, err
	case "UID":
		k = &SearchKey{Op: SearchSet, UID: true}
		if k.Set, err = p.Set(); err == ErrSet {
			err = Error("Invalid UID messageset")
		}
	case "KEYWORD", "UNKEYWORD":
		k = &SearchKey{Op: SearchKeyword}
		if k.Text, err = p.Atom(); word == "UNKEYWORD" {
			k = not(k)
		}
	case "BEFORE", "ON", "SINCE", "SENTBEFORE", "SENTON", "SENTSINCE":
		k = &SearchKey{Op: map[string]SearchOp{"BEFORE": SearchBefore, "ON": SearchOn, "SINCE": SearchSince,
			"SENTBEFORE": SearchSentBefore, "SENTON": SearchSentOn, "SENTSINCE": SearchSentSince}[word]}
		if k.Date, err = p.Date(); err != nil && err != errMissing {
			err = Error("Invalid search date parameter")
		}
	case "LARGER", "SMALLER":
		k = &SearchKey{Op: SearchLarger}
		if k.N, err = p.count("Invalid search size parameter"); word == "SMALLER" {
			k.Op = SearchSmaller
		}
	case "FROM", "TO", "CC", "BCC", "SUBJECT":
		k = &SearchKey{Op: SearchHeader, Field: word}
		k.Text, err = p.needle()
	case "HEADER":
		k = &SearchKey{Op: SearchHeader}
		if k.Field, err = p.AString(); err == nil {
			err = p.Space()
		}
		if err == nil {
			k.Text, err = p.needle()
		}
	case "BODY":
		k = &SearchKey{Op: SearchBodyText}
		k.Text, err = p.needle()
	case "TEXT":
		k = &SearchKey{Op: SearchText}
		k.Text, err = p.needle()
	case "MODSEQ":
		k, err = p.modSeq()
	default:
		return nil, Error("Unknown argument " + word)
	}
	return k, err
}

// modSeq takes ["/flags/\\name" priv|shared|all] n; there is one mod-sequence for all of a message's metadata.
func (p *searchParser) modSeq() (*SearchKey, error) {
	if p.Peek() == '"' {
		if _, err := p.Quoted(); err != nil {
			return nil, err
		}
		p.Blanks()
		switch p.Keyword() {
		case "PRIV", "SHARED", "ALL":
		default:
			return nil, ErrArguments
		}
		p.Blanks()
	}
	n, err := p.count("Invalid MODSEQ value")
	return &SearchKey{Op: SearchModSeq, N: n}, err
}

// count takes a number; wrong is said of what is none.
func (p *searchParser) count(wrong string) (uint64, error) {
	if p.pos >= len(p.buf) {
		return 0, errMissing
	}
	n, err := p.Number64()
	if err != nil {
		err = Error(wrong)
	}
	return n, err
}

// needle takes a text to look for, out of the command's character set.
func (p *searchParser) needle() (string, error) {
	s, err := p.AString()
	if err != nil {
		return "", err
	}
	charset := p.charset
	if charset == "" && !utf8.ValidString(s) {
		charset = "windows-1252" // typed into a terminal of the old kind
	}
	if e, _ := entity.Charset(charset); e != nil {
		if s, err = e.NewDecoder().String(s); err != nil {
			return "", ErrCharset
		}
	}
	return Fold(s), nil
}

// Fold makes upper and lower case alike.
func Fold(s string) string { return strings.ToLower(s) }

// Search is SEARCH with its options.
type Search struct {
	Key      *SearchKey
	Extended bool // RETURN was given (RFC 4731)
	Min, Max bool
	All      bool
	Count    bool
}

const errCharsetArgument = Error("Invalid charset argument")

// Search takes SEARCH's arguments. utf8Only: RFC 6855 forbids CHARSET after ENABLE UTF8=ACCEPT.
func (p *Parser) Search(utf8Only bool) (*Search, error) {
	r := &Search{}
	if q := *p; q.Keyword() == "RETURN" {
		if q.Blanks(); q.Peek() == '(' {
			*p = q
			r.Extended = true
			if err := p.List(func() error { return r.returns(p) }); err != nil {
				return nil, err
			}
			p.Blanks()
		}
	}
	if !r.Min && !r.Max && !r.Count {
		r.All = true
	}
	charset := ""
	if q := *p; q.Keyword() == "CHARSET" && !utf8Only {
		*p = q
		p.Blanks()
		var err error
		if charset, err = charsetName(p); err != nil {
			return nil, err
		}
	}
	var err error
	r.Key, err = searchKeys(p, charset)
	return r, err
}

func (r *Search) returns(p *Parser) error {
	switch p.Keyword() {
	case "MIN":
		r.Min = true
	case "MAX":
		r.Max = true
	case "ALL":
		r.All = true
	case "COUNT":
		r.Count = true
	default:
		return Error("Unknown SEARCH return option")
	}
	return nil
}

// charsetName takes the name of a character set that is known.
func charsetName(p *Parser) (string, error) {
	name, err := p.AString()
	if err != nil {
		return "", errCharsetArgument
	}
	if _, ok := entity.Charset(name); !ok {
		return "", ErrCharset
	}
	return name, nil
}

func searchKeys(p *Parser, charset string) (*SearchKey, error) {
	s := &searchParser{Parser: p, charset: charset}
	k, err := s.program(0)
	if err == nil {
		err = p.End()
	}
	return k, err
}
