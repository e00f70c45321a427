package imap

import (
	"context"
	"slices"
	"strings"

	"maillab/internal/mail"
)

// listRequest is LIST, with RFC 5258's options, and LSUB.
type listRequest struct {
	ref      string
	patterns []string
	extended bool // options, or several patterns

	onlySubscribed, onlySpecial, recursive      bool // selection
	subscribed, children, special, returnStatus bool // return
	items                                       statusItems
}

// listArgs takes [(selection)] reference patterns [RETURN (…)].
func (p *parser) listArgs() (*listRequest, error) {
	r := &listRequest{}
	if p.peek() == '(' {
		r.extended = true
		if err := p.list(func() error { return p.selectionOption(r) }); err != nil {
			return nil, err
		}
		p.blanks()
	}
	if r.recursive && !r.onlySubscribed {
		return nil, errArguments
	}
	var err error
	if r.ref, err = p.astring(); err != nil {
		return nil, err
	}
	if err := p.space(); err != nil {
		return nil, err
	}
	if p.peek() == '(' {
		r.extended = true
		err = p.list(func() error { return p.pattern(r) })
	} else {
		err = p.pattern(r)
	}
	if err != nil {
		return nil, err
	}
	if !p.atEnd() {
		r.extended = true
		if p.keyword() != "RETURN" {
			return nil, errArguments
		}
		p.blanks()
		if err := p.list(func() error { return p.returnOption(r) }); err != nil {
			return nil, err
		}
	}
	return r, p.end()
}

func (p *parser) selectionOption(r *listRequest) error {
	switch word := p.keyword(); word {
	case "SUBSCRIBED":
		r.onlySubscribed, r.subscribed = true, true
	case "SPECIAL-USE":
		r.onlySpecial, r.special = true, true
	case "RECURSIVEMATCH":
		r.recursive = true
	case "REMOTE":
	default:
		return errSyntax("Unknown LIST selection option " + word)
	}
	return nil
}

func (p *parser) returnOption(r *listRequest) (err error) {
	switch word := p.keyword(); word {
	case "SUBSCRIBED":
		r.subscribed = true
	case "CHILDREN":
		r.children = true
	case "SPECIAL-USE":
		r.special = true
	case "STATUS":
		r.returnStatus = true
		p.blanks()
		r.items, err = p.statusItems()
	default:
		return errSyntax("Unknown LIST return option " + word)
	}
	return err
}

// pattern takes a list-mailbox, in which wildcards count as characters.
func (p *parser) pattern(r *listRequest) error {
	if len(r.patterns) >= 100 {
		return errArguments
	}
	if c := p.peek(); c == '"' || c == '{' {
		s, err := p.string()
		r.patterns = append(r.patterns, s)
		return err
	}
	s := p.run(func(c byte) bool { return isAtom(c) || c == ']' || c == '%' || c == '*' })
	if s == "" {
		return errArguments
	}
	r.patterns = append(r.patterns, s)
	return nil
}

func (c *conn) list(ctx context.Context, cmd *command) reply {
	r, err := cmd.p.listArgs()
	if err != nil {
		return c.failed(ctx, cmd, "", err)
	}
	if !r.extended && r.patterns[0] == "" { // asks for the separator (RFC 3501, section 6.3.8)
		c.out.str(`* LIST (\Noselect) "` + c.w.sep + `" ""` + "\r\n")
		return c.w.completed(cmd.name)
	}
	l, err := c.lister(ctx, r)
	if err != nil {
		return c.failed(ctx, cmd, "", err)
	}
	for _, f := range l.folders {
		if matchAny(r.patterns, r.ref, f.wire, c.w.sep) {
			l.tell(ctx, f)
		}
	}
	return c.w.completed(cmd.name)
}

// listed is a folder with its name on the wire.
type listed struct {
	Folder
	wire string
}

// lister answers one LIST.
type lister struct {
	*conn
	*listRequest
	folders []listed // sorted by name on the wire
}

func (c *conn) lister(ctx context.Context, r *listRequest) (*lister, error) {
	all, err := c.user.Folders().List(ctx)
	if err != nil {
		return nil, err
	}
	l := &lister{conn: c, listRequest: r}
	for _, f := range all {
		if wire, ok := c.toWire(f.Name); ok {
			l.folders = append(l.folders, listed{f, wire})
		}
	}
	slices.SortFunc(l.folders, func(a, b listed) int { return strings.Compare(a.wire, b.wire) })
	return l, nil
}

// tell writes one folder, if it is what was asked for.
func (l *lister) tell(ctx context.Context, f listed) {
	special := specialUse(f.Name)
	selected := (f.Exists || l.onlySubscribed) && (!l.onlySubscribed || f.Subscribed) && (!l.onlySpecial || special != "")
	childInfo := l.recursive && l.hasBelow(f, func(b listed) bool {
		return b.Subscribed && !matchAny(l.patterns, l.ref, b.wire, l.w.sep)
	})
	if !selected && !childInfo {
		return
	}
	attrs := l.attributes(ctx, f)
	if l.subscribed && f.Subscribed {
		attrs = append(attrs, `\Subscribed`)
	}
	if l.special && special != "" {
		attrs = append(attrs, special)
	}
	l.out.str("* LIST (" + strings.Join(attrs, " ") + `) "` + l.w.sep + `" `)
	l.writeName(f.wire)
	if childInfo {
		l.out.str(` (CHILDINFO ("SUBSCRIBED"))`)
	}
	l.out.crlf()
	if l.returnStatus && f.Selectable {
		_ = l.tellStatus(ctx, f.Name, f.wire, l.items)
	}
}

// attributes are RFC 3501's and RFC 3348's.
func (l *lister) attributes(ctx context.Context, f listed) []string {
	var attrs []string
	if !f.Exists {
		return []string{`\NonExistent`}
	}
	if !f.Selectable {
		attrs = append(attrs, `\Noselect`)
	}
	if f.Selectable && (f.Name != inbox || l.w.inboxMark) {
		attrs = append(attrs, l.mark(ctx, f.Name)...)
	}
	if l.hasBelow(f, func(b listed) bool { return b.Exists }) {
		return append(attrs, `\HasChildren`)
	}
	return append(attrs, `\HasNoChildren`)
}

// mark is \Marked when there is something to read: messages that nobody was told of, or that are not seen.
func (l *lister) mark(ctx context.Context, name string) []string {
	s, _, err := l.snapshot(ctx, name)
	if err != nil {
		return nil
	}
	if slices.ContainsFunc(s.Messages, func(m mail.Message) bool { return m.Recent || m.Flags&mail.Seen == 0 }) {
		return []string{`\Marked`}
	}
	return nil
}

// hasBelow says whether a folder has one below it that fits.
func (l *lister) hasBelow(f listed, fits func(listed) bool) bool {
	prefix := f.wire + l.w.sep
	at, _ := slices.BinarySearchFunc(l.folders, prefix, func(x listed, p string) int { return strings.Compare(x.wire, p) })
	for _, b := range l.folders[at:] {
		if !strings.HasPrefix(b.wire, prefix) {
			return false
		}
		if fits(b) {
			return true
		}
	}
	return false
}

// specialUse guesses what a folder is for from its name, as clients name them (RFC 6154).
func specialUse(name string) string {
	switch strings.ToLower(name) {
	case "sent", "sent messages":
		return `\Sent`
	case "drafts":
		return `\Drafts`
	case "trash":
		return `\Trash`
	case "junk", "spam":
		return `\Junk`
	case "archive", "archives":
		return `\Archive`
	}
	return ""
}

// lsub is LSUB: a folder that is not subscribed to, but has one below it that a % hides, is told too (RFC 3501, 6.3.9).
func (c *conn) lsub(ctx context.Context, cmd *command) reply {
	r, err := cmd.p.listArgs()
	if err == nil && r.extended {
		err = errArguments
	}
	var l *lister
	if err == nil {
		l, err = c.lister(ctx, r)
	}
	if err != nil {
		return c.failed(ctx, cmd, "", err)
	}
	told := map[string]bool{}
	tell := func(attr, wire string) {
		if told[wire] || !matchAny(r.patterns, r.ref, wire, c.w.sep) {
			return
		}
		told[wire] = true
		c.out.str("* LSUB (" + attr + `) "` + c.w.sep + `" `)
		c.writeName(wire)
		c.out.crlf()
	}
	for _, f := range l.folders {
		if !f.Subscribed {
			continue
		}
		if matchAny(r.patterns, r.ref, f.wire, c.w.sep) {
			tell("", f.wire)
			continue
		}
		for i := range f.wire {
			if strings.HasPrefix(f.wire[i:], c.w.sep) && !l.isSubscribed(f.wire[:i]) {
				tell(`\Noselect`, f.wire[:i])
			}
		}
	}
	return c.w.completed(cmd.name)
}

func (l *lister) isSubscribed(wire string) bool {
	return slices.ContainsFunc(l.folders, func(f listed) bool { return f.wire == wire && f.Subscribed })
}
