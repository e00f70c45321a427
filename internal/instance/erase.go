package instance

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Erase removes a student, who had these accounts, from the folder: the seat, the line of the class list, accounts and passwords, certificates, results
// and marks. What sandboxes were to be is kept anew by the next up. Snapshots are package snapshot's.
func (h *Held) Erase(p Person, accounts []string) error {
	seats, err1 := h.Seats()
	class, err2 := h.Class()
	passwords, err3 := h.Passwords()
	issued, err4 := h.Certificates()
	register, err5 := h.Register()
	sheet, err6 := h.Sheet()
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		return err
	}
	changed, certified := len(passwords) > 0, len(issued.Issued) > 0 // before
	delete(seats, p.Key)
	kept := []error{h.KeepSeats(seats), h.forget(outlinesFile), h.disown(p.Key)}
	if _, listed := class.Find(p.Key); listed {
		kept = append(kept, h.KeepRoster(class.Without(p.Key).CSV()))
	}
	if sheet != nil {
		sheet.without(p)
		kept = append(kept, h.keep(accountsFile, sheet))
	}
	for _, account := range accounts {
		delete(passwords[p.sandbox], account)
	}
	if p.sandbox != 0 {
		delete(passwords, p.sandbox)
		delete(issued.Issued, strconv.Itoa(p.sandbox))
	}
	if changed {
		kept = append(kept, h.keep(passwordsFile, passwords))
	}
	if certified {
		kept = append(kept, h.KeepCertificates(issued))
	}
	if len(register) > 0 {
		kept = append(kept, h.keep(registerFile, register.Without(p.Key)))
	}
	return errors.Join(kept...)
}

// without takes a student's accounts out.
func (s *Sheet) without(p Person) {
	for n, one := range s.Sandboxes {
		s.Sandboxes[n].Accounts = slices.DeleteFunc(one.Accounts, func(a SheetAccount) bool { return a.Student == p.Key })
	}
	s.Sandboxes = slices.DeleteFunc(s.Sandboxes, func(one SheetSandbox) bool { return one.Seat == p.sandbox && len(one.Accounts) == 0 })
}

// Names are what a student is known by, of those that can be looked for: short ones are in many words, and what is in another's
// name is there for the other, too.
func (p Person) Names(everybody People) (names []string) {
	for _, name := range p.known() {
		others := slices.ContainsFunc(everybody, func(other Person) bool {
			return other.Key != p.Key && slices.ContainsFunc(other.known(), func(has string) bool { return strings.Contains(has, name) })
		})
		if len(name) >= 4 && !others && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func (p Person) known() []string { return []string{p.Key, p.Name, p.Number, p.EMail} }
