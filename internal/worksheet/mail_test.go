package worksheet

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"maillab/internal/lab/task"
	"maillab/internal/mail/senders"
)

// Signing implements Desk: as what lies in the student's home says.
func (d *desk) Signing(context.Context) (senders.Report, error) {
	conf, err := os.ReadFile(filepath.Join(d.home, "opendkim.conf"))
	if err != nil {
		return senders.Report{}, nil
	}
	s, problems := senders.ParseSigning(conf)
	r := senders.Report{Given: true, Domain: s.Domain, Selector: s.Selector, Problems: problems}
	key, err := os.ReadFile(filepath.Join(d.home, "dkim", s.KeyFile))
	if err != nil {
		r.Problems = append(r.Problems, senders.Unread(senders.KeyBox+s.KeyFile, err))
	} else if _, wrong := senders.ParseKey(s.KeyFile, key); wrong != nil {
		r.Problems = append(r.Problems, *wrong)
	}
	return r, nil
}

// Explain implements Desk.
func (d *desk) Explain(_ context.Context, _ string, message []byte, number int) ([]senders.Step, error) {
	if message == nil && number != 1 {
		return nil, ErrNoMessage
	}
	return []senders.Step{{Title: task.Text{"en": "title", "fr": "titre"}, Lines: []task.Text{{"en": "seen: " + string(message), "fr": "vu : " + string(message)}}}}, nil
}

// TestMail: a key is made, looked at and broken; messages are explained by number, from a file, from standard input.
func TestMail(t *testing.T) {
	home := t.TempDir()
	socket := serve(t, &desk{who: Student{"alice", "fr"}, home: home})
	lab := func(in string, args ...string) (int, string) {
		var out bytes.Buffer
		env := Env{In: strings.NewReader(in), Out: &out, Err: &out, Getenv: func(name string) string {
			return map[string]string{"MAILLAB_SOCKET": socket, "LANG": "fr_FR.UTF-8", "HOME": home}[name]
		}}
		return Main(t.Context(), args, env), out.String()
	}
	file := filepath.Join(home, "message")
	large := filepath.Join(home, "large")
	if err := errors.Join(os.WriteFile(file, []byte("of the file"), 0o600), os.WriteFile(large, make([]byte, maxMessage+1), 0o600)); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(home, "opendkim.conf")
	for _, c := range []struct {
		args, in string
		code     int
		want     string
	}{
		{"mail explain 1", "", 0, "1. titre\n   vu : \n"},
		{"mail explain 2", "", 1, "aucun message n'a ce numéro"},
		{"mail explain " + file, "", 0, "   vu : of the file\n"},
		{"mail explain -", "typed", 0, "   vu : typed\n"},
		{"mail explain " + large, "", 1, "le message est trop long"},
		{"mail explain " + file + "x", "", 1, "no such file"},
		{"mail", "", 2, "lab mail explain prend un fichier"},
		{"dkim", "", 1, "Rien n'est signé"},
		{"dkim genkey ../x", "", 2, `"../x" n'est pas un sélecteur`},
		{"dkim genkey s1", "", 0, "cat ~/dkim/s1.txt >> ~/zone"},
		{"dkim genkey s1", "", 1, "s1.private: file exists"},
		{"dkim", "", 0, "Le courrier de alice.lab est signé avec la clé « s1 »"},
	} {
		if code, out := lab(c.in, strings.Fields(c.args)...); code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("lab %s: %d\n%s", c.args, code, out)
		}
	}
	if text, err := os.ReadFile(conf); err != nil || string(text) != "Domain    alice.lab\nSelector  s1\nKeyFile   dkim/s1.private\n" {
		t.Errorf("%q, %v", text, err)
	}
	if err := os.WriteFile(conf, []byte("Domain alice.lab\nSelektor s1\nKeyFile dkim/s2.private\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := lab("", "dkim"); code != 1 || !strings.Contains(out, "~/opendkim.conf:2: \"selektor\" n'est pas lu ici\n") || !strings.Contains(out, "~/dkim/s2.private: ce fichier n'existe pas") {
		t.Errorf("a configuration that is wrong: %d\n%s", code, out)
	}
}
