package imap

import (
	"context"
	"errors"
	"slices"
	"strings"

	"maillab/internal/mail"
	"maillab/internal/mail/imap/syntax"
)

func (c account) list(ctx context.Context, cmd *command) reply {
	r, err := cmd.p.ListArguments()
	if err != nil {
		return c.failed(ctx, cmd, "", err)
	}
	if !r.Extended && r.Patterns[0] == "" { // asks for the separator (RFC 3501, section 6.3.8)
		c.out.str(`* LIST (\Noselect) "` + c.w.sep + `" ""` + "\r\n")
		return c.w.completed(cmd.name)
	}
	l, err := c.lister(ctx, r)
	if errors.Is(err, mail.ErrTooBig) {
		return no("LIMIT", "Too many folders.")
	}
	if err != nil {
		return c.failed(ctx, cmd, "", err)
	}
	for _, f := range l.folders {
		if syntax.MatchAny(r.Patterns, r.Ref, f.wire, c.w.sep) {
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
	account
	*syntax.List
	folders []listed // sorted by name on the wire
	marks   int      // mailboxes that were opened to see what is in them
}

func (c account) lister(ctx context.Context, r *syntax.List) (*lister, error) {
	all, err := c.user.Folders().List(ctx)
	if err != nil {
		return nil, err
	}
	l := &lister{account: c, List: r}
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
	selected := (f.Exists || l.OnlySubscribed) && (!l.OnlySubscribed || f.Subscribed) && (!l.OnlySpecial || special != "")
	childInfo := l.Recursive && l.hasBelow(f, func(b listed) bool {
		return b.Subscribed && !syntax.MatchAny(l.Patterns, l.Ref, b.wire, l.w.sep)
	})
	if !selected && !childInfo {
		return
	}
	attrs := l.attributes(ctx, f)
	if l.Subscribed && f.Subscribed {
		attrs = append(attrs, `\Subscribed`)
	}
	if l.Special && special != "" {
		attrs = append(attrs, special)
	}
	l.out.str("* LIST (" + strings.Join(attrs, " ") + `) "` + l.w.sep + `" `)
	l.writeName(f.wire)
	if childInfo {
		l.out.str(` (CHILDINFO ("SUBSCRIBED"))`)
	}
	l.out.crlf()
	if l.ReturnStatus && f.Selectable {
		_ = l.tellStatus(ctx, f.Name, f.wire, l.Items)
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

// maxMarks bounds how many mailboxes one LIST opens: of what is behind nothing is told (RFC 3501, section 7.2.2).
const maxMarks = 200

// mark is \Marked when there is something to read: messages that nobody was told of, or that are not seen.
func (l *lister) mark(ctx context.Context, name string) []string {
	if l.marks++; l.marks > maxMarks {
		return nil
	}
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
func (c account) lsub(ctx context.Context, cmd *command) reply {
	r, err := cmd.p.ListArguments()
	if err == nil && r.Extended {
		err = syntax.ErrArguments
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
		if told[wire] || !syntax.MatchAny(r.Patterns, r.Ref, wire, c.w.sep) {
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
		if syntax.MatchAny(r.Patterns, r.Ref, f.wire, c.w.sep) {
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
