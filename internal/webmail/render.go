package webmail

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed pages
var files embed.FS

// frame is what all our pages know.
type frame struct {
	Lang, Token string
	Place       place
	Accounts    []account
	More        []string // accounts that a person may mean, too
	IMAP, SMTP  bool
}

func (m *Mail) frame(v *Visit, p place) frame {
	f := frame{Lang: v.Lang, Token: v.Token, Place: p, IMAP: m.serves("imap"), SMTP: m.serves("smtp")}
	f.Accounts, f.More = m.offered(p.Account)
	return f
}

// framed is any of our pages.
type framed interface{ own() frame }

func (f frame) own() frame { return f }

// unlockForm opens an account.
type unlockForm struct {
	frame
	Name string
}

// changeForm does something with messages.
type changeForm struct {
	frame
	Special string // purpose of the folder that they are in
	Folders []folder
}

// folderLabel is a folder's name for people.
func folderLabel(lang string, f folder) string {
	if f.Special != "" {
		return say(lang, "folder."+f.Special)
	}
	return f.Label
}

// pages are the templates. What they write is HTML; where text goes into it, it is escaped.
var pages = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"t":      say,
		"link":   link,
		"listed": listed,
		"date":   writeDate,
		"octets": writeOctets,
		"label":  folderLabel,
		"inc":    func(n, by int) string { return strconv.Itoa(n + by) },
		"part":   func(number int) string { return strconv.Itoa(number + 1) },
		"under":  func(account string) place { return place{Account: account} },
		"in":     func(p place, box string) place { return place{Account: p.Account, Box: box} },
		"unlock": func(f framed, name string) unlockForm { return unlockForm{f.own(), name} },
		"change": func(f framed, here folder, all []folder) changeForm { return changeForm{f.own(), here.Special, all} },
		"current": func(all []folder) (here folder) {
			if i := slices.IndexFunc(all, func(f folder) bool { return f.Here }); i >= 0 {
				here = all[i]
			}
			return here
		},
	}).ParseFS(files, "pages/*.html"))
})

// show answers with one of the templates.
func (v *Visit) show(status int, title, name string, data any) {
	var out bytes.Buffer
	if err := pages().ExecuteTemplate(&out, name+".html", data); err != nil {
		http.Error(v.W, "the page could not be made", http.StatusInternalServerError)
		return
	}
	v.Show(status, title, template.HTML(out.String())) //nolint:gosec // a template's
}

// with lends a visit a connection to its account, and shows a page when all went well; else what to do.
func (m *Mail) with(v *Visit, p place, use func(ctx context.Context, c *line) error, show func()) {
	if !m.serves("imap") {
		m.fail(v, p, problem{key: "noimap"})
		return
	}
	l := m.opened(p.Account)
	if l == nil {
		m.askPassword(v, p.Account, nil)
		return
	}
	ctx, cancel := context.WithTimeout(v.R.Context(), patience)
	defer cancel()
	if err := l.do(ctx, func(c *line) error { return use(ctx, c) }); err != nil {
		if ctx.Err() != nil {
			err = cmp.Or(asProblem(err), ctx.Err())
		}
		if errors.Is(err, problem{key: "password"}) { // it has been changed
			m.askPassword(v, p.Account, err)
			return
		}
		m.fail(v, p, err)
		return
	}
	show()
}

// failPage says what went wrong.
type failPage struct {
	frame
	Problem string
}

func (m *Mail) fail(v *Visit, p place, err error) {
	v.show(status(err), say(v.Lang, "mail"), "fail", failPage{frame: m.frame(v, place{Account: p.Account}), Problem: explain(v.Lang, err)})
}

// outcome is what became of what was done on the page before.
type outcome struct {
	Told string
	Sent string // the draft's ID: the browser need not keep it any more
}

// outcome is in a page's address: a key of words, and the draft.
func (v *Visit) outcome() outcome {
	switch key := v.R.FormValue("told"); key {
	case "sent", "unkept", "deleted", "destroyed", "moved":
		return outcome{say(v.Lang, "told."+key), clean(v.R.FormValue("once"))}
	}
	return outcome{}
}

func writeDate(lang string, t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case lang == "fr":
		return t.Format("02/01/2006 15:04")
	}
	return t.Format("2 Jan 2006 15:04")
}

// writeOctets is a size for people.
func writeOctets(lang string, n int64) string {
	unit := []string{"o", "Ko", "Mo"}
	if lang != "fr" {
		unit = []string{"B", "KB", "MB"}
	}
	switch {
	case n < 1000:
		return fmt.Sprintf("%d %s", n, unit[0])
	case n < 1_000_000:
		return fmt.Sprintf("%d %s", (n+500)/1000, unit[1])
	}
	text := fmt.Sprintf("%.1f %s", float64(n)/1e6, unit[2])
	if lang == "fr" {
		text = strings.Replace(text, ".", ",", 1)
	}
	return text
}
