package handout

import (
	"bytes"
	"cmp"
	_ "embed"
	"html/template"
	"strings"
)

// page prints a student a page.
//
//go:embed page.html
var page string

type htmlRow struct{ Name, Command string }

type htmlSheet struct {
	Sheet
	Title, Instance string
	Words           map[string]string
	Rows            []htmlRow
	Steps           []step
	Ends            string
	QR              template.HTML
}

type htmlPage struct {
	Lang, Instance string
	Sheets         []htmlSheet
}

// HTML is all sheets as one page of a browser.
func (c Class) HTML() (string, error) {
	t, err := template.New("handout").Funcs(template.FuncMap{"join": strings.Join}).Parse(page)
	if err != nil {
		return "", err
	}
	p := htmlPage{Lang: "en", Instance: c.Instance}
	for _, s := range c.Sheets {
		p.Lang = cmp.Or(s.Lang, p.Lang)
		p.Sheets = append(p.Sheets, c.htmlOf(s))
	}
	var out bytes.Buffer
	err = t.Execute(&out, p)
	return out.String(), err
}

func (c Class) htmlOf(s Sheet) htmlSheet {
	w := wordsOf(s.Lang)
	one := htmlSheet{Sheet: s, Title: c.title(s.Lang), Instance: c.Instance, Steps: s.steps(), Ends: sentence(w, s.Until), Words: map[string]string{
		"sheet": w.sheet, "server": w.server + w.colon, "mail": w.mail + w.colon, "first": w.first, "services": w.services, "service": w.service, "typed": w.typed,
		"accounts": w.accounts, "account": w.account, "password": w.password, "address": w.address, "own": w.own, "others": w.others + w.colon,
		"recorded": s.recorded(w), "scan": w.scan,
	}}
	for _, service := range s.Services {
		one.Rows = append(one.Rows, htmlRow{strings.ToUpper(service.Name), service.Command(s.Login())})
	}
	if link := s.Link(); link != "" {
		one.QR = qrCode(link)
	}
	return one
}
