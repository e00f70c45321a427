package web

import (
	"context"
	"html/template"
	"net"
	"net/http"

	"maillab/internal/control"
	"maillab/internal/webmail"
)

// mailPage is one of the mailbox's, in the frame that all pages have.
type mailPage struct {
	frame
	Me      control.Me
	Where   string // title of the lab
	Content template.HTML
}

// newMail is a session's mail: the sandbox's IMAP and SMTP, with the student's password.
func (p *Page) newMail(s *session) *webmail.Mail {
	return webmail.New(webmail.Config{
		Domain: s.me.Domain, Accounts: s.me.Accounts, Password: s.password, Services: s.me.Services, Now: p.cfg.Now,
		Dial: func(ctx context.Context, service string) (net.Conn, error) {
			what := s.reach
			what.Service = service
			return p.cfg.Reach(ctx, what)
		}})
}

// mail mounts one of the mailbox's pages. Who comes to read it without a session is sent to the login.
func (p *Page) mail(page webmail.Page) http.HandlerFunc {
	known := p.mine(func(w http.ResponseWriter, r *http.Request, s *session) {
		if lang := r.URL.Query().Get("lang"); lang == "fr" || lang == "en" {
			s.speak(lang)
		}
		lang := s.language()
		page(s.mail, &webmail.Visit{W: w, R: r, Lang: lang, Token: s.token, Show: func(status int, title string, content template.HTML) {
			shown := mailPage{frame: p.frame(r, lang, s), Me: s.me, Where: inLang(s.me.Title, lang), Content: content}
			shown.Title = title
			render(w, status, "mail", shown)
		}})
	})
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && p.sessions.of(r) == nil {
			to(w, "./")
			return
		}
		known(w, r)
	}
}

// formLimit bounds a request's body, in octets: a letter is longer than an answer, and a class list than a mark.
func formLimit(r *http.Request) int64 {
	switch r.URL.Path {
	case "/mail-send":
		return webmail.MaxForm
	case "/grades-list", "/grades-filled":
		return maxList
	}
	return maxForm
}
