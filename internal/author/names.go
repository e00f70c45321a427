package author

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"maillab/internal/lab/task"
)

// name is a text of one student's, with what stands for it in a lab and in a solution.
type name struct{ text, placeholder, variable string }

// names are all of them, the longest first: util11 is not util1 and a 1.
type names []name

func namesOf(r Record) names {
	var all names
	for i, account := range r.Accounts[:min(len(r.Accounts), 2)] {
		number := ""
		if i > 0 {
			number = fmt.Sprint(i + 1)
		}
		all = append(all, name{account, "{account" + number + "}", "$user" + number})
	}
	if r.Domain != "" {
		all = append(all, name{r.Domain, "{domain}", r.Domain})
	}
	slices.SortStableFunc(all, func(a, b name) int { return cmp.Compare(len(b.text), len(a.text)) })
	return all
}

// put replaces names that stand as words of their own; what lies between goes through other.
func (n names) put(text string, of func(name) string, other func(string) string) string {
	var words []string
	for _, one := range n {
		words = append(words, regexp.QuoteMeta(one.text))
	}
	if len(words) == 0 {
		return other(text)
	}
	re := regexp.MustCompile(`(?i)(?:` + strings.Join(words, "|") + `)`)
	var out strings.Builder
	from := 0
	for _, at := range re.FindAllStringIndex(text, -1) {
		if joined(text, at[0], at[1]) {
			continue
		}
		i := slices.IndexFunc(n, func(one name) bool { return strings.EqualFold(one.text, text[at[0]:at[1]]) })
		out.WriteString(other(text[from:at[0]]))
		out.WriteString(of(n[i]))
		from = at[1]
	}
	out.WriteString(other(text[from:]))
	return out.String()
}

// joined says whether what stands from one place to another in text is a part of a longer word.
func joined(text string, from, to int) bool {
	const word = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
	return from > 0 && strings.IndexByte(word+".", text[from-1]) >= 0 || to < len(text) && strings.IndexByte(word, text[to]) >= 0
}

// has says whether a student's account stands in text.
func (n names) has(text, account string) bool {
	found := false
	n.put(text, func(one name) string { found = found || strings.EqualFold(one.text, account); return "" }, func(string) string { return "" })
	return found
}

// pattern is text as a pattern, names as placeholders.
func (n names) pattern(text string) string {
	return n.put(text, func(one name) string { return one.placeholder }, literal)
}

// told is text for people, names as placeholders.
func (n names) told(text string) string {
	return n.put(text, func(one name) string { return one.placeholder }, func(text string) string { return strings.ReplaceAll(text, "{", "{{") })
}

// literal is text in a pattern of a lab, where a brace is written twice.
func literal(text string) string {
	return strings.ReplaceAll(regexp.QuoteMeta(text), "{", "{{")
}

// account is an account as a lab names it.
func (n names) account(account string) string {
	for _, one := range n {
		if one.text == account && one.placeholder != "{domain}" {
			return one.placeholder
		}
	}
	return account
}

// word is a pattern for one of the student's accounts among other text.
func (n names) word(account string) task.Pattern {
	return task.Pattern(`\b` + n.account(account) + `\b`)
}

// shell is text in a script between double quotes or in a here-document, names as variables.
func (n names) shell(text string) string {
	escape := strings.NewReplacer(`\`, `\\`, `$`, `\$`, "`", "\\`").Replace
	return n.put(text, func(one name) string {
		if variable, is := strings.CutPrefix(one.variable, "$"); is {
			return "${" + variable + "}"
		}
		return one.text
	}, escape)
}
