package classroom

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"strings"

	"maillab/internal/control"
	"maillab/internal/instance"
	"maillab/internal/lab/placeholder"
	"maillab/internal/roster"
)

// Reached counts the students of those sandboxes in which it went well.
func Reached(chosen instance.Chosen, failed map[int]error) int {
	n := 0
	for _, s := range chosen.Sandboxes {
		if failed[s.Seat] == nil {
			n += len(chosen.Students(s))
		}
	}
	return n
}

// aWord is what may be meant as a placeholder; other things in braces are the text's own.
var aWord = regexp.MustCompile(`^\pL[\pL\pN_-]*$`)

// Fillable refuses a message with words in braces that nothing fills in: they would go out to the class as they are.
func Fillable(file string, letter Letter, class roster.Class) error {
	var wrong []error
	seen := map[string]bool{"student": true, "account": true, "seat": true}
	for _, name := range placeholder.Names(letter.Text()) {
		if !seen[name] && aWord.MatchString(name) && !class.HasColumn(strings.ToLower(name)) {
			wrong = append(wrong, fmt.Errorf("%s: nothing fills in {%s}: there are student, account, seat and the columns of the class list (%s); {{%[2]s} is the word itself",
				file, name, strings.Join(class.ColumnNames(), ", ")))
		}
		seen[name] = true
	}
	return errors.Join(wrong...)
}

// Send sends to these students of a sandbox.
func Send(ctx context.Context, client *control.Client, s instance.Sandbox, letter Letter, class roster.Class, to instance.People) error {
	status, err := client.Seat(s.Seat).Status(ctx)
	if err != nil {
		return err
	}
	seats := map[string]int{}
	for _, p := range to {
		seats[p.Key] = p.Seat
	}
	for _, account := range status.Accounts {
		seat, wanted := seats[account.Student]
		if !wanted {
			continue
		}
		delete(seats, account.Student) // the first is the login
		raw, err := letter.For(mailbox(account), func(text string) string { return merged(text, class, account, seat) })
		if err == nil {
			err = client.Seat(s.Seat).Send(ctx, control.Send{From: senderOf(raw), To: []string{account.Name}, Raw: raw})
		}
		if err != nil {
			return fmt.Errorf("%s: %w", account.Name, err)
		}
	}
	return nil
}

// mailbox is an account with its student's name, as a To field has it. The student's server completes the address.
func mailbox(account control.Account) string {
	if account.Student == account.Name {
		return account.Name
	}
	named := mail.Address{Name: account.Student, Address: "a@b"}
	return strings.TrimSuffix(named.String(), "<a@b>") + "<" + account.Name + ">"
}

// merged fills in a student's own words.
func merged(text string, class roster.Class, account control.Account, seat int) string {
	student, _ := class.Find(account.Student)
	return placeholder.Expand(text, func(name string) (string, bool) {
		switch name {
		case "student":
			return account.Student, true
		case "account":
			return account.Name, true
		case "seat":
			return fmt.Sprint(seat), true
		}
		name = strings.ToLower(name) // as the list's own header may be written
		value, ok := student.Fields[name]
		return value, ok || class.HasColumn(name) // a row may be short
	})
}

// senderOf is the address in a message's From, "" when there is none.
func senderOf(raw []byte) string {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return ""
	}
	from, err := mail.ParseAddress(m.Header.Get("From"))
	if err != nil {
		return ""
	}
	return from.Address
}
