package webmail

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// typed is a message as students type them in the exercises.
func typed(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n" }

// TestStrange: messages typed by hand, with all that goes wrong, are shown as a mail program would show them.
func TestStrange(t *testing.T) {
	r := newRoom(t, "amiens-smtp-pop-imap", "util1", "master2021")
	r.emptied("util1", "master2021")
	c := r.client("util1", "master2021")
	parts := func(head ...string) string {
		return typed(append(head, "", "Ceci est un message en plusieurs parties.", "-------0000000000", "", "Le texte du message.", "-------0000000000",
			`Content-Type: text/plain; charset=UTF-8; name="fichier.txt"`, "Content-Transfer-Encoding: 7bit", `Content-Disposition: attachment; filename="fichier.txt"`, "", "Le contenu du fichier.")...)
	}
	multipart := `Content-Type: multipart/mixed; boundary="-----0000000000"`
	for name, m := range map[string]struct {
		source  string
		has, no []string
	}{
		"nothing":             {"x", []string{"no text", "(no subject)", "(nobody)"}, nil},
		"no header":           {typed("", "only a body"), []string{"only a body"}, nil},
		"no empty line":       {typed("Subject: s", "this is text"), nil, nil},
		"no MIME-Version":     {parts("Subject: s", multipart), []string{"Le texte du message.", "fichier.txt"}, []string{"Le contenu du fichier", "Ceci est un message"}},
		"no closing boundary": {parts("Subject: s", "MIME-Version: 1.0", multipart), []string{"Le texte du message.", "fichier.txt"}, []string{"-------0000000000"}},
		"wrong boundary":      {parts("Subject: s", "MIME-Version: 1.0", `Content-Type: multipart/mixed; boundary="other"`), nil, nil},
		"no boundary":         {parts("Subject: s", "MIME-Version: 1.0", "Content-Type: multipart/mixed"), []string{"Le texte du message."}, nil},
		"Latin-1 unsaid":      {"Subject: \xe9t\xe9\r\n\r\nun caf\xe9\r\n", []string{"été", "un café"}, []string{"\ufffd"}},
		"Latin-1 said":        {"Subject: s\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nun caf=E9 =zz\r\n", []string{"un café =zz"}, nil},
		"unknown charset":     {"Subject: =?x-none?q?s=E9?=\r\nContent-Type: text/plain; charset=x-none\r\n\r\nun caf\xe9\r\n", []string{"un caf"}, nil},
		"UTF-16":              {"Content-Type: text/plain; charset=utf-16\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte("\xff\xfeh\x00i\x00!\x00")) + "\r\n", []string{"hi!"}, nil},
		"broken base64":       {"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!aGVs*bG8h=\r\n", []string{"hello!"}, nil},
		"unknown encoding":    {"Content-Type: text/plain\r\nContent-Transfer-Encoding: x-rot\r\n\r\nuryyb\r\n", []string{"uryyb"}, nil},
		"control characters":  {"Subject: a\x1b[31mb\x07\r\n\r\n\x1b]0;title\x07body\x08!\r\n", []string{"a [31mb", "body!"}, []string{"\x1b", "\x07"}},
		"turned around":       {"Subject: \u202egpj.exe\r\n\r\nx\u202ey\r\n", []string{"gpj.exe", "xy"}, []string{"\u202e"}},
		"two subjects":        {"Subject: first\r\nSubject: second\r\n\r\nx\r\n", []string{"first"}, []string{"second"}},
		"a long subject":      {"Subject: " + strings.Repeat("x", 100_000) + "\r\n\r\nend\r\n", []string{"end"}, nil},
		"a forwarded message": {typed("Subject: s", "MIME-Version: 1.0", `Content-Type: multipart/mixed; boundary=b`, "", "--b", "", "see", "--b", "Content-Type: message/rfc822", "", "Subject: inner", "", "inner text", "--b--"), []string{"see", ".eml"}, nil},
		"deeply nested":       {nested(200), nil, nil},
		"empty multipart":     {typed("Content-Type: multipart/mixed; boundary=b", "", "--b--"), []string{"no text"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r.t = t
			r.held(c, m.source)
			link := r.messages("mail")[0]
			status, page, _ := r.get(link)
			if status != http.StatusOK || !utf8.ValidString(page) {
				t.Fatalf("%d %q", status, page)
			}
			_, article, _ := strings.Cut(page, "<article")
			holds(t, "the page", article, m.has...)
			lacks(t, "the page", article, m.no...)
			for _, other := range []string{"mail-source", "mail-html", "mail-write"} {
				if status, page, _ := r.get(strings.Replace(link, "mail-message", other, 1)); status >= 500 || !utf8.ValidString(page) {
					t.Errorf("%s: %d", other, status)
				}
			}
		})
	}
}

func nested(depth int) string {
	return strings.Repeat("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", depth) + "\r\ntext\r\n"
}

// TestEveryKnownMessage: all messages that other tests of the mail side have, shown and answered to.
func TestEveryKnownMessage(t *testing.T) {
	r := newRoom(t, "amiens-smtp-pop-imap", "util1", "master2021")
	r.emptied("util1", "master2021")
	c := r.client("util1", "master2021")
	files, _ := filepath.Glob("../mail/imap/testdata/*/*.eml") // the pattern is right
	more, _ := filepath.Glob("../../labs/*/mail/*.eml")
	if files = append(files, more...); len(files) < 4 {
		t.Fatal("where are they? ", files)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		r.held(c, string(bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))))
		link := r.messages("mail")[0]
		for _, page := range []string{"mail-message", "mail-source", "mail-write", "mail-whole"} {
			if status, body, _ := r.get(strings.Replace(link, "mail-message", page, 1)); status != http.StatusOK {
				t.Errorf("%s of %s: %d %s", page, name, status, body)
			}
		}
	}
}

const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// TestHTML: what a hostile author writes is neither run nor loaded; what came with the message is shown.
func TestHTML(t *testing.T) {
	r := newRoom(t, "amiens-smtp-pop-imap", "util1", "master2021")
	r.emptied("util1", "master2021")
	c := r.client("util1", "master2021")
	body := `<html><head><title>t</title><style>@import "http://evil.example/x.css";</style><base href="http://evil.example/"><meta http-equiv="refresh" content="0;url=http://evil.example"></head>` +
		`<body onload="alert(1)" background="http://evil.example/bg.png"><script>alert(1)</script><p style="color:red;background:url(http://evil.example/a.png)">Hello <b>there</b></p>` +
		`<img src="cid:pix@x" alt="a pixel"><img src="http://evil.example/track.gif" alt="spy"><img src="x" onerror="alert(1)"><a href="javascript:alert(1)">run</a> <a href="https://real.example/?a=1&amp;b=2">bank</a>` +
		`<form action="http://evil.example"><input name="password"><button>go</button></form><iframe src="http://evil.example"></iframe><svg onload="alert(1)"><script>alert(2)</script></svg>` +
		`<object data="http://evil.example"></object><link rel="stylesheet" href="http://evil.example/y.css"><math><mtext></p><style><img src=x onerror=alert(3)></style></math><img src="data:image/svg+xml,<svg onload=alert(1)>">`
	r.held(c, typed("Subject: html", "MIME-Version: 1.0", `Content-Type: multipart/related; boundary="b"`, "", "--b", "Content-Type: text/html; charset=utf-8", "", body, "--b",
		"Content-Type: image/png; name=pix.png", "Content-ID: <pix@x>", "Content-Transfer-Encoding: base64", "", pixel, "--b--"))
	link := r.messages("mail")[0]
	_, page, _ := r.get(link)
	holds(t, "the page", page, `<iframe class="html" sandbox title=`, `src="mail-html?`)
	status, html, header := r.get(strings.Replace(link, "mail-message", "mail-html", 1))
	if status != http.StatusOK {
		t.Fatal(status, html)
	}
	holds(t, "the document", html, "Hello <b>there</b>", "data:image/png;base64,"+pixel, "picture not loaded: http://evil.example/track.gif spy", "https://real.example/?a=1&amp;b=2", "color: red")
	lacks(t, "the document", html, "alert", "<script", "<form", "<input", "<iframe", "<svg", "<object", "<link", "<base", "http-equiv", "href", "url(", "onload", "onerror", `src="http`, "background=")
	policy := header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'") || !strings.HasSuffix(policy, "; sandbox") || strings.Contains(policy, "http") || strings.Contains(policy, "'self'; img") {
		t.Error(policy)
	}
}

// TestFiles: attachments come as files and nothing else, under safe names; pictures are shown as pictures.
func TestFiles(t *testing.T) {
	r := newRoom(t, "amiens-smtp-pop-imap", "util1", "master2021")
	r.emptied("util1", "master2021")
	c := r.client("util1", "master2021")
	lines := []string{"Subject: files", "MIME-Version: 1.0", `Content-Type: multipart/mixed; boundary="b"`, "", "--b", "", "text"}
	for _, head := range []string{
		"Content-Type: text/html; name=page.html\r\nContent-Disposition: attachment",
		"Content-Type: image/svg+xml; name=\"../../etc/<script>.svg\"",
		"Content-Type: image/png\r\nContent-Disposition: attachment; filename*=utf-8''%E2%82%AC%0D%0AX-Evil:%20yes.png",
		"Content-Type: application/x-msdownload; name=\"=?utf-8?q?=E2=80=AEfdp.exe?=\"",
		"Content-Type: application/octet-stream; name=\"C:\\\\temp\\\\.hidden\"",
		"Content-Type: text/html\r\nContent-Disposition: inline",
		"Content-Type: text/html\r\nContent-Disposition: inline",
	} {
		lines = append(lines, "--b", head, "Content-Transfer-Encoding: base64", "", pixel)
	}
	r.held(c, typed(append(lines, "--b--")...))
	link := r.messages("mail")[0]
	_, page, _ := r.get(link)
	holds(t, "the page", page, "page.html", "_script_.svg", "€ X-Evil_ yes.png", ">fdp.exe", ">hidden", `<img src="mail-part?`)
	png, _ := base64.StdEncoding.DecodeString(pixel)
	for number, want := range map[string]string{"2": "attachment; filename=page.html", "3": "attachment; filename=_script_.svg", "4": "attachment; filename*=utf-8''%E2%82%AC%20X-Evil_%20yes.png", "8": "attachment; filename=part-8.html"} {
		for _, show := range []string{"", "&show=1"} {
			status, content, header := r.get(strings.Replace(link, "mail-message", "mail-part", 1) + "&part=" + number + show)
			kind := "application/octet-stream"
			if show != "" && number == "4" {
				kind, want = "image/png", strings.Replace(want, "attachment", "inline", 1)
			}
			if status != http.StatusOK || content != string(png) || header.Get("Content-Type") != kind || header.Get("Content-Disposition") != want || header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: %d %v %q", number, status, header, content)
			}
		}
	}
}

// TestLarge: a message of ten megabytes is read and kept without being held.
func TestLarge(t *testing.T) {
	r := newRoom(t, "amiens-smtp-pop-imap", "util1", "master2021")
	r.emptied("util1", "master2021")
	c := r.client("util1", "master2021")
	content := bytes.Repeat([]byte("0123456789abcdef"), 450_000)
	coded := base64.StdEncoding.EncodeToString(content)
	var wrapped strings.Builder
	for ; len(coded) > 0; coded = coded[min(76, len(coded)):] {
		wrapped.WriteString(coded[:min(76, len(coded))] + "\r\n")
	}
	r.held(c, typed("Subject: large", "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b", "", "--b", "", strings.Repeat("text ", maxShown/5+100), "--b",
		"Content-Type: application/zip; name=a.zip", "Content-Transfer-Encoding: base64", "", wrapped.String(), "--b", "", "the end", "--b--"))
	link := r.messages("mail")[0]
	status, page, _ := r.get(link)
	if status != http.StatusOK || len(page) > 2*maxShown {
		t.Fatal(status, len(page))
	}
	holds(t, "the page", page, "a.zip", "7.2 MB", "The rest is not shown")
	if _, got, _ := r.get(strings.Replace(link, "mail-message", "mail-part", 1) + "&part=2"); got != string(content) {
		t.Errorf("%d octets of %d", len(got), len(content))
	}
	if _, got, _ := r.get(strings.Replace(link, "mail-message", "mail-whole", 1)); !strings.HasSuffix(got, "the end\r\n--b--\r\n") {
		t.Errorf("%d octets", len(got))
	}
	if _, source, _ := r.get(strings.Replace(link, "mail-message", "mail-source", 1)); len(source) > 2*maxSource {
		t.Error(len(source))
	}
}
