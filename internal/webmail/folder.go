package webmail

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
)

// Bounds of what is listed.
const (
	maxFolders = 100
	maxCounted = 20 // whose unread messages are counted
)

// folder is one of an account's.
type folder struct {
	Name    string // as IMAP names it
	Label   string // without the prefix that all have
	Special string // inbox, sent, trash, or ""
	Unread  uint32
	Here    bool
}

// Folders with a purpose of their own, by the name that they get where there is none yet.
const (
	sentName  = "Sent"
	trashName = "Trash"
)

// folders lists an account's folders: those with a purpose first.
func (c *line) folders(here string) ([]folder, error) {
	listed, err := c.List("", "*", nil).Collect()
	if err != nil {
		return nil, err
	}
	var all []folder
	for _, f := range listed {
		if slices.Contains(f.Attrs, imap.MailboxAttrNoSelect) || slices.Contains(f.Attrs, imap.MailboxAttrNonExistent) {
			continue
		}
		all = append(all, folder{Name: f.Mailbox, Label: c.label(f.Mailbox), Special: c.special(f), Here: f.Mailbox == here})
	}
	slices.SortFunc(all, func(a, b folder) int {
		return cmp.Or(cmp.Compare(rank(a.Special), rank(b.Special)), cmp.Compare(a.Label, b.Label))
	})
	all = all[:min(len(all), maxFolders)]
	for i := range all[:min(len(all), maxCounted)] {
		n, err := c.Status(all[i].Name, &imap.StatusOptions{NumUnseen: true}).Wait()
		var refused *imap.Error
		if err != nil && !errors.As(err, &refused) { // one that cannot be read is listed all the same
			return nil, err
		}
		if err == nil && n.NumUnseen != nil {
			all[i].Unread = *n.NumUnseen
		}
	}
	return all, nil
}

// label is a folder's name for people.
func (c *line) label(name string) string {
	if short, under := strings.CutPrefix(name, c.prefix); under && short != "" {
		return short
	}
	return name
}

// special is a folder's purpose: what the server says (RFC 6154), else what its name says.
func (c *line) special(f *imap.ListData) string {
	switch label := c.label(f.Mailbox); {
	case strings.EqualFold(f.Mailbox, inbox):
		return "inbox"
	case slices.Contains(f.Attrs, imap.MailboxAttrSent), strings.EqualFold(label, sentName):
		return "sent"
	case slices.Contains(f.Attrs, imap.MailboxAttrTrash), strings.EqualFold(label, trashName):
		return "trash"
	}
	return ""
}

// rank is where folders with a purpose stand.
func rank(special string) int {
	if i := slices.Index([]string{"inbox", "sent", "trash"}, special); i >= 0 {
		return i
	}
	return 3
}

// specialFolder is the folder with a purpose, which is made where there is none.
func (c *line) specialFolder(special, name string) (string, error) {
	listed, err := c.List("", "*", nil).Collect()
	if err != nil {
		return "", err
	}
	for _, f := range listed {
		if c.special(f) == special {
			return f.Mailbox, nil
		}
	}
	name = c.prefix + name
	return name, c.Create(name, nil).Wait()
}

// enterFolder selects a place's folder, and refuses one whose messages are not those of the address any more.
func (c *line) enterFolder(p place) (*imap.SelectData, error) {
	box, err := c.Select(p.Box, nil).Wait()
	var refused *imap.Error
	switch {
	case errors.As(err, &refused):
		return nil, problem{key: "nofolder"}
	case err != nil:
		return nil, err
	case p.Validity != 0 && p.Validity != box.UIDValidity:
		return nil, problem{key: "gone"}
	}
	return box, nil
}
