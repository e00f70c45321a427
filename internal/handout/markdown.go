package handout

import (
	"fmt"
	"strings"
)

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
	fmt.Fprintf(b, "# %s\n\n%s **%s** (%s)\n\n%s%s `%s`  \n%s%s `%s`\n\n", escape(c.title(s.Lang)), w.sheet, escape(s.Titled()), escape(c.Instance),
		w.server, w.colon, s.Hostname, w.mail, w.colon, s.Domain)
	if steps := s.steps(); len(steps) > 0 {
		fmt.Fprintf(b, "## %s\n\n", w.first)
		for i, one := range steps {
			does := escape(one.Does)
			if one.Secret != "" {
				does += " " + code(one.Secret)
			}
			fmt.Fprintf(b, "%d. %s`%s`%s\n", i+1, one.Lead, one.Command, behind(does))
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(b, "## %s\n\n| %s | %s |\n|---|---|\n", w.services, w.service, w.typed)
	for _, service := range s.Services {
		fmt.Fprintf(b, "| %s | `%s` |\n", strings.ToUpper(service.Name), service.Command(s.Login()))
	}
	s.accounts(b, w)
	fmt.Fprintf(b, "\n%s%s\n", s.recorded(w), sentence(w, s.Until))
}

// accounts are a table, the student's own in bold; the others are a line for each password.
func (s Sheet) accounts(b *strings.Builder, w words) {
	fmt.Fprintf(b, "\n## %s\n\n", w.accounts)
	bold := ""
	if s.Marked() {
		bold = "**"
		fmt.Fprintf(b, "%s\n\n", w.own)
	}
	fmt.Fprintf(b, "| %s | %s | %s |\n|---|---|---|\n", w.account, w.password, w.address)
	for _, a := range s.Own() {
		fmt.Fprintf(b, "| %[1]s`%[2]s`%[1]s | %[3]s | `%[2]s@%[4]s` |\n", bold, a.Name, code(a.Password), s.Domain)
	}
	if others := s.Others(); len(others) > 0 {
		fmt.Fprintf(b, "\n%s%s\n\n", w.others, w.colon)
		for _, g := range others {
			fmt.Fprintf(b, "- `%s`%s\n", strings.Join(g.Names, "`, `"), behind(code(g.Password)))
		}
	}
}

// behind is what a command does, behind it.
func behind(text string) string {
	if text == "" {
		return ""
	}
	return " — " + text
}

// sentence says until when the server is planned.
func sentence(w words, until string) string {
	if until == "" {
		return ""
	}
	return " " + w.until + " " + until + "."
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
