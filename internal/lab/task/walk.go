package task

import (
	"fmt"
	"iter"
)

// Walk goes over c and all checks within it, with their paths as in the lab file, path being c's own.
func (c *Check) Walk(path string) iter.Seq2[string, *Check] {
	return func(yield func(string, *Check) bool) { c.walk(path, yield) }
}

func (c *Check) walk(path string, yield func(string, *Check) bool) bool {
	if !yield(path, c) {
		return false
	}
	for i := range c.All {
		if !c.All[i].walk(fmt.Sprintf("%s.all[%d]", path, i), yield) {
			return false
		}
	}
	for i := range c.Any {
		if !c.Any[i].walk(fmt.Sprintf("%s.any[%d]", path, i), yield) {
			return false
		}
	}
	for i := range c.Message {
		if !c.Message[i].walk(fmt.Sprintf("%s.message[%d]", path, i), yield) {
			return false
		}
	}
	if c.Not != nil && !c.Not.walk(path+".not", yield) {
		return false
	}
	return c.Run == nil || c.Run.After == nil || c.Run.After.walk(path+".run.after", yield)
}

// Accounts lists the accounts that a check itself, not those within it, names, by their paths below it.
func (c *Check) Accounts() map[string]string {
	named := map[string]string{}
	switch {
	case c.Mail != nil:
		named["mail.to"] = c.Mail.To
	case c.Mailbox != nil:
		named["mailbox.of"] = c.Mailbox.Of
	case c.Dialogue != nil:
		named["dialogue.account"] = c.Dialogue.Account
	}
	for path, name := range named {
		if name == "" {
			delete(named, path)
		}
	}
	return named
}
