package web

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// shown is a page as somebody comes to it.
type shown struct {
	template string // of web's or webmail's pages
	name     string
	teacher  bool
	path     string // where it is; or
	via      string // the page from which it is opened, by the first link that is like
	link     string
	ready    string // what is there when it is
}

// everyPage are all pages. TestAccess fails when a template has none.
func everyPage() []shown {
	return []shown{
		{template: "student", name: "statement", path: "", ready: "main.work .panel .screen"},
		{template: "happened", name: "happened", path: "happened", ready: "main.happened"},
		{template: "dialogue", name: "dialogue", via: "happened", link: `a[href^="dialogue?"]`, ready: "figure.drawn svg"},
		{template: "message", name: "message", via: "happened", link: `a[href^="message?"]`, ready: "ol.source"},
		{template: "log", name: "log", path: "log", ready: "#log"},
		{template: "mail list", name: "mail", path: "mail", ready: ".letters .rows"},
		{template: "mail message", name: "mail-message", via: "mail", link: `tbody tr:last-child a[href^="mail-message?"]`, ready: ".letter .text"},
		{template: "mail message", name: "mail-html", via: "mail", link: `tbody tr:first-child a[href^="mail-message?"]`, ready: "article.letter iframe"},
		{template: "mail source", name: "mail-source", via: "mail-message", link: `a[href^="mail-source?"]`, ready: "pre.source"},
		{template: "write", name: "mail-write", path: "mail-write", ready: "form.draft"},
		{template: "open", name: "mail-open", path: "mail?acct=util11", ready: ".letter .unlock"},
		{template: "fail", name: "mail-fail", path: "mail?acct=nobody&box=none", ready: "#mail"},
		{template: "board", name: "board", teacher: true, path: "board", ready: "table.grid"},
		{template: "board", name: "wall", teacher: true, path: "board?wall=1", ready: "body.wall table"},
		{template: "person", name: "person", teacher: true, path: "person?seat=1&student=alice", ready: "#lines"},
		{template: "lesson", name: "lesson", teacher: true, path: "lesson", ready: "main"},
		{template: "waiting", name: "waiting", teacher: true, path: "waiting", ready: "main"},
		{template: "grades", name: "grades", teacher: true, path: "grades", ready: "main"},
		{template: "reset", name: "reset", teacher: true, path: "reset?seat=1&student=alice", ready: "main"},
		{template: "replay", name: "replay", teacher: true, via: "person?seat=1&student=alice", link: `a[href^="replay?"]`, ready: "#replay"},
		{template: "teacher", name: "teacher-spent", teacher: true, path: "teacher?code=SPENT", ready: "[role=alert]"},
	}
}

// TestAccess holds every page, a student's and a teacher's, in French and English, against what can be told of WCAG 2.2 AA:
// through the browser's accessibility tree, by keyboard alone, in both colours, narrow, enlarged, and without motion.
func TestAccess(t *testing.T) {
	templates(t)
	c := newClass(t, "amiens-smtp-pop-imap", "alice", "bruno")
	c.sent(1, mixedUp()...)
	c.arrived(1, "util1", "Subject: HTML\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Plain <b>bold</b> <a href=\"https://x.example/\">a link</a></p>\r\n")
	w := c.newWindow()
	for _, lang := range []string{"fr", "en"} {
		w.Go("?lang=" + lang)
		w.do(chromedp.WaitReady("#name"))
		w.held("login-"+lang, lang)
		w.Go("?lang=" + lang)
		w.login("alice", "wrong")
		w.held("login-wrong-"+lang, lang)
	}
	w.do(chromedp.SendKeys("#password", "master2021\r"), chromedp.WaitReady("main.work"))
	for _, lang := range []string{"fr", "en"} {
		w.Go("?lang=" + lang)
		for _, p := range everyPage() {
			if !p.teacher {
				w.opened(p)
				w.held(p.name+"-"+lang, lang)
			}
		}
	}
	c.taught(w)
}

// taught holds the teacher's pages. A browser is one or the other.
func (c *class) taught(w *window) {
	w.Go("teacher?code=" + c.code())
	w.do(chromedp.WaitReady("table.grid"))
	for _, lang := range []string{"fr", "en"} {
		w.Go("board?lang=" + lang)
		for _, p := range everyPage() {
			if p.teacher {
				if p.template == "teacher" {
					p.path += "&lang=" + lang
				}
				w.opened(p)
				w.held(p.name+"-"+lang, lang)
			}
		}
	}
}

// opened comes to a page.
func (w *window) opened(p shown) {
	w.T.Helper()
	if p.via == "" {
		w.Go(p.path)
	} else {
		if at := slices.IndexFunc(everyPage(), func(one shown) bool { return one.name == p.via }); at >= 0 {
			w.opened(everyPage()[at])
		} else {
			w.Go(p.via)
		}
		w.do(chromedp.Click(p.link))
	}
	w.do(chromedp.WaitReady(p.ready))
	w.until(`document.readyState === "complete"`)
}

// held reports what of a page is wrong, as it stands.
func (w *window) held(name, lang string) {
	w.T.Helper()
	w.T.Run(name, func(t *testing.T) {
		own := *w.Window
		own.T = t
		at := &window{&own}
		at.looks(1280, "light")
		wrong := slices.Concat(at.Tabbed(), at.Accessible(lang), at.Still())
		at.shot("light")
		for _, width := range []int64{360, 640} { // the second is 1,280 at 200 %
			wrong = append(wrong, at.Fits(width, "dark")...)
			wrong = append(wrong, at.Accessible(lang)...)
			at.shot(map[int64]string{360: "360", 640: "640"}[width])
		}
		at.looks(1280, "light")
		slices.Sort(wrong)
		for _, one := range slices.Compact(wrong) {
			t.Error(one)
		}
	})
}

// templates fails for one that everyPage has no page of.
func templates(t *testing.T) {
	t.Helper()
	has := map[string]bool{"login": true, "frame": true, "mail": true, "parts": true, "desk": true} // held apart, or parts of others
	for _, p := range everyPage() {
		has[strings.TrimPrefix(p.template, "mail ")] = true
		has[p.template] = true
	}
	for dir, prefix := range map[string]string{"pages": "", "../webmail/pages": "mail "} {
		all, err := fs.Glob(os.DirFS(dir), "*.html")
		if err != nil || len(all) == 0 {
			t.Fatal(dir, err)
		}
		for _, file := range all {
			name := strings.TrimSuffix(filepath.Base(file), ".html")
			if !has[name] && !has[prefix+name] {
				t.Errorf("%s/%s is the template of no page that is looked at", dir, file)
			}
		}
	}
}
