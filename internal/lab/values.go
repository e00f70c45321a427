package lab

import (
	"slices"
	"strconv"
	"strings"

	"maillab/internal/lab/placeholder"
	"maillab/internal/roster"
)

// firstPort is what {port} counts from: a port of a student's own on a server that many share.
const firstPort = 2500

// values is what placeholders stand for at one place: on the server as a whole, or, with a student, for that one.
type values struct {
	lab      *Lab
	student  *roster.Student // nil: the server as a whole
	seat     int
	accounts []string          // the student's, the login first
	password string            // of the first account
	words    map[string]string // the passwords that the student may know, by account
	task     string            // whose {token} it is; "" the lab's
	n        int               // 0: no range here
	secrets  Secrets
}

// lookup finds a placeholder's value: the built-in names first, then the roster's columns, then the built-in
// password and port.
func (v values) lookup(name string) (string, bool) {
	switch name {
	case "domain":
		return v.domain(), true
	case "n":
		return strconv.Itoa(v.n), v.n > 0
	case "lang":
		return v.lang(), true
	}
	if v.student == nil {
		return "", false
	}
	switch name {
	case "seat":
		return strconv.Itoa(v.seat), true
	case "student":
		return v.student.Key, true
	case "account":
		return v.account(0)
	case "account2":
		return v.account(1)
	case "token":
		if v.secrets == nil {
			return "", false
		}
		return v.secrets("token/" + v.student.Key + "/" + v.task), true
	}
	if field, ok := v.student.Fields[strings.ToLower(name)]; ok {
		return field, true
	}
	if name == "password" {
		return v.password, v.password != ""
	}
	if name == "password2" {
		second, _ := v.account(1)
		return v.words[second], v.words[second] != ""
	}
	if account, ok := strings.CutPrefix(name, passwordOf); ok {
		word, known := v.words[account]
		return word, known
	}
	return strconv.Itoa(firstPort + v.seat), name == "port"
}

// domain is the server's own: in a lab between servers the student's, whose part of it is made a label.
func (v values) domain() string {
	if v.lab.Between == nil {
		return v.lab.Domain
	}
	return strings.ToLower(placeholder.Expand(v.lab.Between.Domain, func(name string) (string, bool) {
		if name == "domain" {
			return "", false
		}
		value, known := v.lookup(name)
		return dnsLabel(value), known
	}))
}

func (v values) account(i int) (string, bool) {
	if i >= len(v.accounts) {
		return "", false
	}
	return v.accounts[i], true
}

// passwordOf begins the placeholder for another account's password: {password:tech}.
const passwordOf = "password:"

// lang is the student's own language, or the lab's.
func (v values) lang() string {
	if v.student != nil && v.student.Lang != "" {
		return v.student.Lang
	}
	return v.lab.Lang
}

// expand fills in text.
func (v values) expand(text string) string { return placeholder.Expand(text, v.lookup) }

// ofServer lists the placeholders that mean something for a server as a whole.
func ofServer() []string { return []string{"domain", "lang", "n"} }

// ofStudent lists those that mean something for a student only; roster columns are further ones.
func ofStudent() []string {
	return []string{"seat", "student", "account", "account2", "password", "password2", "token", "port"}
}

// perStudent says whether text differs from student to student: it names something that is not the server's own.
func perStudent(text string) bool {
	return slices.ContainsFunc(placeholder.Names(text), func(name string) bool { return !slices.Contains(ofServer(), name) && isName(name) })
}

// isName tells a placeholder from a regular expression's {3} and from a set of words of a shell.
func isName(name string) bool {
	return !strings.ContainsAny(name, `,"'$`) && strings.ContainsFunc(name, func(c rune) bool { return c < '0' || c > '9' })
}

// sample is text as it could look for some student, for judging its form before there is a class.
func sample(text string) string {
	return placeholder.Expand(text, func(name string) (string, bool) {
		if name == "domain" {
			return "example.org", true
		}
		return "1", isName(name)
	})
}

// nobody stands for a student before there is a class.
func nobody() *roster.Student { return &roster.Student{Key: "nobody"} }
