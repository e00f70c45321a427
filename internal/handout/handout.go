// Package handout makes what a teacher prints or mails to students: where to connect, with which accounts and passwords,
// and what to type first, in each student's language. It is pure: values in, text out.
//
// Forms: Markdown; HTML that prints one student a page, with no link to anywhere outside; CSV, one row an account; and an
// ssh_config to include, with a Host for each student.
package handout

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"html/template"
	"net"
	"slices"
	"strconv"
	"strings"
)

// Class is all sheets of an instance.
type Class struct {
	Instance string            `json:"instance"`
	Title    map[string]string `json:"title"` // of the lab, by language
	Sheets   []Sheet           `json:"sheets"`
}

// Sheet is one student's.
type Sheet struct {
	Student  string    `json:"student"`
	Name     string    `json:"name,omitempty"` // as the class list has it now; "" when it is what the student is called
	Seat     int       `json:"seat"`
	Lang     string    `json:"lang"` // fr or en
	Domain   string    `json:"domain"`
	Hostname string    `json:"hostname"`
	Services []Service `json:"services"`
	Accounts []Account `json:"accounts"`           // the login first
	HostKey  string    `json:"host_key,omitempty"` // "ssh-ed25519 AAAA…"; "" when it is not known
}

// Service is where one is reached.
type Service struct {
	Name    string `json:"name"`    // ssh, smtp, pop3, imap
	Address string `json:"address"` // host:port
}

// Account with its password in clear.
type Account struct {
	Name     string `json:"name"`
	Password string `json:"password"`
	Own      bool   `json:"own"` // one that the student's tasks are done with
}

// Titled is who the sheet says that it is for: a name that was corrected.
func (s Sheet) Titled() string { return cmp.Or(s.Name, s.Student) }

// Marked tells whether some of the accounts are the student's own to work with, and others only there.
func (s Sheet) Marked() bool {
	own := func(a Account) bool { return a.Own }
	return slices.ContainsFunc(s.Accounts, own) && slices.ContainsFunc(s.Accounts, func(a Account) bool { return !a.Own })
}

// words are what a sheet says.
type words struct {
	Sheet, Server, Mail, Accounts, Account, Password, Services, Service, Type, Address, Colon, Own string
}

func wordsOf(lang string) words {
	if lang == "fr" {
		return words{"Fiche de", "Votre serveur", "Domaine", "Comptes", "Compte", "Mot de passe", "Services", "Service", "À taper", "Adresse", "\u00a0:",
			"Vous travaillez avec les comptes en gras."}
	}
	return words{"Sheet of", "Your server", "Mail domain", "Accounts", "Account", "Password", "Services", "Service", "Type", "Address", ":",
		"You work with the accounts in bold."}
}

// title is the lab's in a language, or in any.
func (c Class) title(lang string) string {
	if t := c.Title[lang]; t != "" {
		return t
	}
	for _, key := range sortedKeys(c.Title) {
		return c.Title[key]
	}
	return c.Instance
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Command is what to type to reach a service.
func (s Service) Command(login string) string {
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		return s.Address
	}
	if s.Name != "ssh" {
		return "telnet " + host + " " + port
	}
	if port == "22" {
		return "ssh " + login + "@" + host
	}
	return "ssh -p " + port + " " + login + "@" + host
}

// Login is the account that a student logs in with.
func (s Sheet) Login() string {
	if len(s.Accounts) == 0 {
		return ""
	}
	return s.Accounts[0].Name
}

// Markdown is all sheets, one after the other.
func (c Class) Markdown() string {
	var b strings.Builder
	for i, s := range c.Sheets {
		if i > 0 {
			b.WriteString("\n---\n\n")
		}
		c.sheet(&b, s)
	}
	return b.String()
}

func (c Class) sheet(b *strings.Builder, s Sheet) {
	w := wordsOf(s.Lang)
	fmt.Fprintf(b, "# %s\n\n%s **%s** (%s)\n\n%s%s `%s`  \n%s%s `%s`\n\n", escape(c.title(s.Lang)), w.Sheet, escape(s.Titled()), escape(c.Instance),
		w.Server, w.Colon, s.Hostname, w.Mail, w.Colon, s.Domain)
	fmt.Fprintf(b, "## %s\n\n| %s | %s |\n|---|---|\n", w.Services, w.Service, w.Type)
	for _, service := range s.Services {
		fmt.Fprintf(b, "| %s | `%s` |\n", strings.ToUpper(service.Name), service.Command(s.Login()))
	}
	fmt.Fprintf(b, "\n## %s\n\n", w.Accounts)
	if s.Marked() {
		fmt.Fprintf(b, "%s\n\n", w.Own)
	}
	fmt.Fprintf(b, "| %s | %s | %s |\n|---|---|---|\n", w.Account, w.Password, w.Address)
	for _, a := range s.Accounts {
		bold := ""
		if a.Own && s.Marked() {
			bold = "**"
		}
		fmt.Fprintf(b, "| %[1]s`%[2]s`%[1]s | %[3]s | `%[2]s@%[4]s` |\n", bold, a.Name, code(a.Password), s.Domain)
	}
}

// escape keeps a name from being markup.
func escape(text string) string {
	return strings.NewReplacer("\\", "\\\\", "*", "\\*", "_", "\\_", "`", "\\`", "|", "\\|", "<", "&lt;", "&", "&amp;", "[", "\\[", "\n", " ").Replace(text)
}

// code is a code span that holds whatever a password holds (CommonMark section 6.1; a bar would end a table's cell).
func code(text string) string {
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return fence + strings.ReplaceAll(text, "|", "\\|") + fence
}

// page prints a student a page.
const page = `<!DOCTYPE html>
<html lang="{{.Lang}}"><head><meta charset="utf-8"><title>{{.Instance}}</title><style>
body{font:11pt/1.5 sans-serif;margin:2em auto;max-width:45em;color:#111}
h1{font-size:1.4em}h2{font-size:1.1em;margin:1.2em 0 .3em}
table{border-collapse:collapse}td,th{border:1px solid #999;padding:.2em .7em;text-align:left}
code{font:1em monospace;white-space:pre}
.accounts{columns:2}.sheet+.sheet{border-top:2px solid #999;margin-top:3em}
@media print{body{margin:0;max-width:none}.sheet{break-after:page;border:0!important;margin:0!important}tr{break-inside:avoid}}
</style></head><body>
{{range $sheet := .Sheets}}<section class="sheet" lang="{{.Lang}}">
<h1>{{.Title}}</h1>
<p>{{.Words.Sheet}} <strong>{{.Titled}}</strong> ({{.Instance}})</p>
<p>{{.Words.Server}}{{.Words.Colon}} <code>{{.Hostname}}</code><br>{{.Words.Mail}}{{.Words.Colon}} <code>{{.Domain}}</code></p>
<h2>{{.Words.Services}}</h2>
<table><tr><th>{{.Words.Service}}</th><th>{{.Words.Type}}</th></tr>
{{range .Rows}}<tr><td>{{.Name}}</td><td><code>{{.Command}}</code></td></tr>
{{end}}</table>
<h2>{{.Words.Accounts}}</h2>
{{if .Marked}}<p>{{.Words.Own}}</p>
{{end}}<table><tr><th>{{.Words.Account}}</th><th>{{.Words.Password}}</th><th>{{.Words.Address}}</th></tr>
{{range .Accounts}}<tr><td>{{if and .Own $sheet.Marked}}<strong><code>{{.Name}}</code></strong>{{else}}<code>{{.Name}}</code>{{end}}</td><td><code>{{.Password}}</code></td><td><code>{{.Name}}@{{$sheet.Domain}}</code></td></tr>
{{end}}</table>
</section>
{{end}}</body></html>
`

type htmlRow struct{ Name, Command string }

type htmlSheet struct {
	Sheet
	Title, Instance string
	Words           words
	Rows            []htmlRow
}

type htmlPage struct {
	Lang, Instance string
	Sheets         []htmlSheet
}

// HTML is all sheets as one page of a browser.
func (c Class) HTML() (string, error) {
	t, err := template.New("handout").Parse(page)
	if err != nil {
		return "", err
	}
	p := htmlPage{Lang: "en", Instance: c.Instance}
	for _, s := range c.Sheets {
		p.Lang = cmp.Or(s.Lang, p.Lang)
		one := htmlSheet{Sheet: s, Title: c.title(s.Lang), Instance: c.Instance, Words: wordsOf(s.Lang)}
		for _, service := range s.Services {
			one.Rows = append(one.Rows, htmlRow{strings.ToUpper(service.Name), service.Command(s.Login())})
		}
		p.Sheets = append(p.Sheets, one)
	}
	var out bytes.Buffer
	err = t.Execute(&out, p)
	return out.String(), err
}

// CSV is one row an account.
func (c Class) CSV() (string, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	names := []string{"ssh", "smtp", "pop3", "imap"}
	_ = w.Write(append([]string{"seat", "student", "account", "password", "address"}, append(names, "own")...))
	for _, s := range c.Sheets {
		at := map[string]string{}
		for _, service := range s.Services {
			at[service.Name] = service.Address
		}
		for _, a := range s.Accounts {
			row := []string{strconv.Itoa(s.Seat), harmless(s.Student), harmless(a.Name), a.Password, a.Name + "@" + s.Domain}
			for _, name := range names {
				row = append(row, at[name])
			}
			row = append(row, map[bool]string{true: "yes"}[a.Own])
			_ = w.Write(row)
		}
	}
	w.Flush()
	return out.String(), w.Error()
}

// harmless keeps a spreadsheet from taking a name for a formula.
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t", rune(text[0])) {
		return "'" + text
	}
	return text
}

// SSHConfig is a Host INSTANCE-STUDENT for each student with SSH. Its host key goes into a file of its own: see
// KnownHosts.
func (c Class) SSHConfig(knownHosts string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: Include this file from ~/.ssh/config, or use it with ssh -F.\n", c.Instance)
	for _, s := range c.Sheets {
		host, port, ok := s.ssh()
		if !ok {
			continue
		}
		fmt.Fprintf(&b, "\nHost %s-%s\n  HostName %s\n  Port %s\n  User %s\n", alias(c.Instance), alias(s.Student), host, port, s.Login())
		if knownHosts != "" && s.HostKey != "" {
			fmt.Fprintf(&b, "  UserKnownHostsFile \"%s\"\n", knownHosts)
		}
	}
	return b.String()
}

// KnownHosts are the host keys in the form of known_hosts (sshd(8)).
func (c Class) KnownHosts() string {
	var b strings.Builder
	for _, s := range c.Sheets {
		if host, port, ok := s.ssh(); ok && s.HostKey != "" {
			if port == "22" {
				fmt.Fprintf(&b, "%s %s\n", host, s.HostKey)
			} else {
				fmt.Fprintf(&b, "[%s]:%s %s\n", host, port, s.HostKey)
			}
		}
	}
	return b.String()
}

func (s Sheet) ssh() (host, port string, ok bool) {
	for _, service := range s.Services {
		if service.Name == "ssh" {
			host, port, err := net.SplitHostPort(service.Address)
			return host, port, err == nil
		}
	}
	return "", "", false
}

// alias is a name as ssh_config can hold it: no blanks, and none of its patterns' characters.
func alias(name string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || strings.ContainsRune(`*?!,"'#\`, r) {
			return '-'
		}
		return r
	}, name)
}
