package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"maillab/internal/drawing"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
	"maillab/internal/worksheet"
)

//go:embed pages static
var files embed.FS

// frame is what all pages have.
type frame struct {
	Lang, Name, Title string
	Token             string // "": nobody has logged in
	Boot              string
	Script            string         // version of what is static
	Here              string         // which of the places it belongs to
	Zone              *time.Location // where the class is; a teacher's page that shows times asks for it (session.where)
}

func (p *Page) frame(_ *http.Request, lang string, s *session) frame {
	f := frame{Lang: lang, Name: p.cfg.Name, Title: "maillab", Boot: p.boot, Script: staticVersion()}
	if s != nil {
		f.Token = s.token
		f.Zone, _ = time.LoadLocation(s.me.Timezone)
	}
	return f
}

// card is a task as a page shows it.
type card struct {
	worksheet.Task
	Lang, Token string
	Level       int // of its heading
}

// pages are the templates.
var pages = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"t":      func(lang, key string, args ...any) string { return say(lang, key, args...) },
		"other":  func(lang string) string { return map[string]string{"fr": "en", "en": "fr"}[lang] },
		"card":   func(t worksheet.Task, lang, token string, level int) card { return card{t, lang, token, level} },
		"state":  stateName,
		"text":   inText,
		"query":  func(pairs ...string) template.URL { return template.URL(query(pairs...)) }, //nolint:gosec // it is escaped as a query
		"sum":    sumIn,
		"clock":  clock,
		"at":     at,
		"desk":   deskAt,
		"took":   drawing.Period,
		"period": func(from, to time.Time) string { return drawing.Period(to.Sub(from)) },
		"octets": octets,
		"inc":    func(n int) int { return n + 1 },
		"upper":  strings.ToUpper,
		"in":     func(t task.Text, lang string) string { return t.In(lang) },
		"asks":   func(t worksheet.Task) bool { return t.Ask != "" },
	}).ParseFS(files, "pages/*.html"))
})

// render writes a page, whole or not at all.
func render(w http.ResponseWriter, status int, name string, data any) {
	var out bytes.Buffer
	if err := pages().ExecuteTemplate(&out, name+".html", data); err != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = out.WriteTo(w) // the browser went away
}

// fragment is a part of a page.
func fragment(name string, data any) string {
	var out strings.Builder
	if err := pages().ExecuteTemplate(&out, name, data); err != nil {
		return ""
	}
	return out.String()
}

// stateName is a state as a class and as a key of words.
func stateName(s progress.State) string {
	if s == "" {
		return "todo"
	}
	return string(s)
}

func sumIn(lang string, s sum) string {
	return say(lang, "sum", s.Passed, s.Total, strconv.FormatFloat(s.Points, 'f', -1, 64), s.Of)
}

// octets is a size as short as it is told.
func octets(n int64) string {
	if n < 1<<20 {
		return strconv.FormatInt((n+1023)/1024, 10) + " KiB"
	}
	return strconv.FormatInt((n+1<<19)/(1<<20), 10) + " MiB"
}

// staticVersion changes with what is static, which browsers may keep.
var staticVersion = sync.OnceValue(func() string {
	sum := sha256.New()
	_ = fs.WalkDir(files, "static", func(name string, d fs.DirEntry, err error) error { // what is embedded can be read
		if err == nil && !d.IsDir() {
			text, _ := files.ReadFile(name)
			sum.Write(text)
		}
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)[:8])
})

// static serves what never changes while the program runs.
func static() http.Handler {
	serve := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == staticVersion() {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		serve.ServeHTTP(w, r)
	})
}

// spoken is the language that a browser without a session is spoken to in: as asked, else as it prefers.
func spoken(r *http.Request) string {
	langs := []string{r.URL.Query().Get("lang"), r.PostFormValue("lang")}
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		langs = append(langs, strings.ToLower(strings.TrimSpace(part))[:min(2, len(strings.TrimSpace(part)))])
	}
	if i := slices.IndexFunc(langs, func(l string) bool { return l == "fr" || l == "en" }); i >= 0 {
		return langs[i]
	}
	return "en"
}

// inLang is a text in a language, else in the other.
func inLang(text map[string]string, lang string) string {
	if text[lang] != "" {
		return text[lang]
	}
	return text["en"] + text["fr"]
}
