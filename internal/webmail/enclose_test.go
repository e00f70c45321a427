package webmail

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
)

// enclosing is a form with files, as a browser sends it.
func (r *room) enclosing(fields map[string]string, files ...enclosure) (status int, body string) {
	r.t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for name, value := range fields {
		if err := w.WriteField(name, value); err != nil {
			r.t.Fatal(err)
		}
	}
	for _, f := range files {
		part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="files"; filename="` + f.Name + `"`}, "Content-Type": {f.Type}})
		if err == nil {
			_, err = part.Write(f.Content)
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
	_ = w.Close() // it writes to memory
	c := *r.server.Client()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	status, body, _ = r.answer(c.Post(r.server.URL+"/mail-send", w.FormDataContentType(), &form))
	return status, body
}

// TestEnclosing: files arrive octet for octet, under safe names; a text can be read in the source; too much is refused with the
// letter kept.
func TestEnclosing(t *testing.T) {
	r := newRoom(t, "amiens-smtp-pop-imap", "util1", "master2021")
	r.emptied("util1", "master2021")
	octets := bytes.Repeat([]byte{0, 255, '\r', '\n', '.', '\n'}, 50_000)
	status, body := r.enclosing(map[string]string{"to": "util1", "subject": "files", "text": "see\r\n.\r\nthese"},
		enclosure{"fichier.txt", "text/plain", []byte("Le contenu\n.\ndu fichier")}, enclosure{"été.jpg", "image/jpeg", octets}, enclosure{"../x y.html", "text/html; charset=utf-8", []byte("<b>")},
		enclosure{"odd", "not a type", []byte("?")}, enclosure{"", "application/octet-stream", nil})
	if status != http.StatusSeeOther {
		t.Fatal(status, body)
	}
	link := r.messages("mail")[0]
	_, page, _ := r.get(link)
	holds(t, "the message", page, "see\n.\nthese", "fichier.txt", "été.jpg", "image/jpeg", ">x y.html<", ">odd<")
	_, source, _ := r.get(strings.Replace(link, "mail-message", "mail-source", 1))
	holds(t, "the source", source, "Content-Type: multipart/mixed;\n boundary=", "Le contenu\n.\ndu fichier\n--", "Content-Disposition: attachment; filename=fichier.txt")
	for part, want := range map[string]string{"2": "Le contenu\r\n.\r\ndu fichier", "3": string(octets), "4": "<b>", "5": "?"} {
		if _, got, _ := r.get(strings.Replace(link, "mail-message", "mail-part", 1) + "&part=" + part); got != want {
			t.Errorf("part %s: %d octets, want %d: %.60q", part, len(got), len(want), got)
		}
	}
	for name, files := range map[string][]enclosure{"large": {{"a", "", make([]byte, maxEnclosed+1)}}, "many": make([]enclosure, maxEnclosures+1)} {
		for i := range files {
			files[i].Name = "a"
		}
		status, body := r.enclosing(map[string]string{"to": "util1", "text": "my text"}, files...)
		if status != http.StatusUnprocessableEntity || !strings.Contains(body, "Too many files") || !strings.Contains(body, "my text") {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if got := r.messages("mail"); len(got) != 1 {
		t.Errorf("%d letters have arrived", len(got))
	}
}
