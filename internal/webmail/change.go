package webmail

import (
	"context"
	"strconv"

	"github.com/emersion/go-imap/v2"
)

// maxChosen bounds how many messages are changed at once.
const maxChosen = 500

// do does something with the messages that were chosen.
func (m *Mail) do(v *Visit) {
	p := m.place(v.R)
	chosen := chosen(v.R.PostForm["uid"])
	told := ""
	m.with(v, p, func(_ context.Context, c *line) (err error) {
		if len(chosen) == 0 {
			return problem{key: "nothing"}
		}
		if _, err := c.enterFolder(p); err != nil {
			return err
		}
		switch v.R.PostFormValue("do") {
		case "seen":
			return c.mark(chosen, imap.StoreFlagsAdd, imap.FlagSeen)
		case "unseen":
			return c.mark(chosen, imap.StoreFlagsDel, imap.FlagSeen)
		case "delete":
			told, err = c.throwAway(p, chosen)
			return err
		case "move":
			told = "moved"
			_, err = c.Move(chosen, v.R.PostFormValue("into")).Wait()
			return err
		}
		return problem{key: "nothing"}
	}, func() {
		v.to(link("mail", place{Account: p.Account, Box: p.Box}, "page", v.R.PostFormValue("page"), "q", v.R.PostFormValue("q"), "told", told))
	})
}

// chosen are the messages that a form names.
func chosen(values []string) (uids imap.UIDSet) {
	for _, value := range values[:min(len(values), maxChosen)] {
		if n, err := strconv.ParseUint(value, 10, 32); err == nil && n > 0 {
			uids.AddNum(imap.UID(n))
		}
	}
	return uids
}

// mark sets or takes a flag.
func (c *line) mark(uids imap.UIDSet, how imap.StoreFlagsOp, flag imap.Flag) error {
	return c.Store(uids, &imap.StoreFlags{Op: how, Silent: true, Flags: []imap.Flag{flag}}, nil).Close()
}

// throwAway moves messages to the trash; those that lie there already are gone then. Only these: what somebody else has
// marked as deleted stays (RFC 4315 section 2.1).
func (c *line) throwAway(p place, uids imap.UIDSet) (told string, err error) {
	trash, err := c.specialFolder("trash", trashName)
	if err != nil {
		return "", err
	}
	if p.Box != trash {
		_, err = c.Move(uids, trash).Wait()
		return "deleted", err
	}
	if err := c.mark(uids, imap.StoreFlagsAdd, imap.FlagDeleted); err != nil {
		return "", err
	}
	return "destroyed", c.UIDExpunge(uids).Close()
}
