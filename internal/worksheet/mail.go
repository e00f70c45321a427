package worksheet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"maillab/internal/lab/task"
	"maillab/internal/mail/senders"
)

// maxMessage bounds a message that is explained, in octets.
const maxMessage = 1 << 20

// errLarge is for a message that is longer.
var errLarge = fmt.Errorf("the message is too long: %d octets at most", maxMessage)

// question asks how a message is judged.
type question struct {
	Message []byte `json:"message,omitempty"`
	Number  int    `json:"number,omitempty"`
}

// steps is how a message is judged, in the language of whoever calls.
type steps struct {
	Steps []step `json:"steps"`
}

type step struct {
	Title string   `json:"title"`
	Lines []string `json:"lines"`
}

func (s server) explain(r *http.Request, who Student) (steps, error) {
	var q question
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxMessage*3/2)).Decode(&q); err != nil || len(q.Message) > maxMessage {
		return steps{}, errLarge
	}
	told, err := s.desk.Explain(r.Context(), who.Name, q.Message, q.Number)
	if err != nil {
		return steps{}, err
	}
	var all steps
	for _, one := range told {
		local := step{Title: one.Title.In(who.Lang)}
		for _, line := range one.Lines {
			local.Lines = append(local.Lines, line.In(who.Lang))
		}
		all.Steps = append(all.Steps, local)
	}
	return all, nil
}

// explain tells how a message is judged: one of the mailbox, by its number, or what is in a file.
func (c *command) explain(ctx context.Context, what string) (int, error) {
	var q question
	var err error
	if q.Number, err = strconv.Atoi(what); err != nil {
		if q.Message, err = c.message(what); err != nil {
			return ExitFailed, err
		}
	}
	var told steps
	if err := c.request(ctx, http.MethodPost, "/v1/lab/explain", q, &told); err != nil {
		return ExitFailed, err
	}
	for i, one := range told.Steps {
		fmt.Fprintf(c.Out, "%d. %s\n", i+1, c.paint("1", one.Title))
		for _, line := range one.Lines {
			fmt.Fprintln(c.Out, "   "+line)
		}
	}
	return ExitDone, nil
}

// message reads a file, or with "-" standard input.
func (c *command) message(file string) ([]byte, error) {
	in := c.In
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxMessage+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxMessage && c.french():
		return nil, fmt.Errorf("le message est trop long : %d octets au plus", maxMessage)
	case len(text) > maxMessage:
		return nil, errLarge
	}
	if text == nil {
		text = []byte{}
	}
	return text, nil
}

// signature is how a domain's mail is signed, in the language of whoever calls.
type signature struct {
	Lang string `json:"lang"`
	senders.Report
}

func (s server) signing(r *http.Request, who Student) (signature, error) {
	report, err := s.desk.Signing(r.Context())
	return signature{who.Lang, report}, err
}

// dkim shows how mail is signed, and what is wrong with it.
func (c *command) dkim(ctx context.Context) (int, error) {
	var s signature
	if err := c.request(ctx, http.MethodGet, "/v1/lab/dkim", nil, &s); err != nil {
		return ExitFailed, err
	}
	for _, p := range s.Problems {
		where := p.File
		if p.Line > 0 {
			where = fmt.Sprintf("%s:%d", p.File, p.Line)
		}
		fmt.Fprintf(c.Out, "%s: %s\n    %s\n", where, c.paint("31", p.Message.In(s.Lang)), p.Mend.In(s.Lang))
	}
	switch {
	case len(s.Problems) > 0:
		return ExitFailed, nil
	case !s.Given:
		fmt.Fprintln(c.Out, task.Text{"fr": "Rien n'est signé : il n'y a pas de ~/opendkim.conf. lab dkim genkey s1 fabrique une clé.",
			"en": "Nothing is signed: there is no ~/opendkim.conf. lab dkim genkey s1 makes a key."}.In(s.Lang))
		return ExitFailed, nil
	}
	fmt.Fprintln(c.Out, task.Text{"fr": fmt.Sprintf("Le courrier de %s est signé avec la clé « %s », et la clé publiée est la bonne.", s.Domain, s.Selector),
		"en": fmt.Sprintf("Mail of %s is signed with the key “%s”, and the published key is the right one.", s.Domain, s.Selector)}.In(s.Lang))
	return ExitDone, nil
}

// keyBits is the size of the keys that are made (RFC 8301 section 3.2).
const keyBits = 2048

// genkey makes a key as opendkim-genkey does: SELECTOR.private and SELECTOR.txt below dkim in the folder, which is the home
// where none is named, and the configuration that uses it, if there is none.
func (c *command) genkey(ctx context.Context, selector, folder string) (int, error) {
	var d domain
	if err := c.request(ctx, http.MethodGet, "/v1/lab/zone", nil, &d); err != nil {
		return ExitFailed, err
	}
	if folder == "" && c.Addresses != nil {
		return ExitUsage, errors.New(task.Text{"fr": "dans quel dossier ? lab dkim genkey SÉLECTEUR DOSSIER", "en": "into which folder? lab dkim genkey SELECTOR FOLDER"}.In(d.Lang))
	}
	if folder == "" {
		folder = c.Getenv("HOME")
	}
	conf := fmt.Sprintf("Domain    %s\nSelector  %s\nKeyFile   dkim/%s.private\n", d.Domain, selector, selector)
	if _, problems := senders.ParseSigning([]byte(conf)); len(problems) > 0 {
		return ExitUsage, errors.New(problems[0].Message.In(d.Lang))
	}
	key, err := senders.NewKey(keyBits)
	if err != nil {
		return ExitFailed, err
	}
	signer, wrong := senders.ParseKey(selector, key)
	if wrong != nil {
		return ExitFailed, errors.New(wrong.Message.In(d.Lang))
	}
	record, err := senders.Record(selector, signer)
	if err != nil {
		return ExitFailed, err
	}
	dir := filepath.Join(folder, "dkim")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return ExitFailed, err
	}
	for _, file := range []struct{ name, text string }{{filepath.Join(dir, selector+".private"), string(key)}, {filepath.Join(dir, selector+".txt"), record}} {
		if err := anew(file.name, file.text); err != nil {
			return ExitFailed, err
		}
		fmt.Fprintln(c.Out, file.name)
	}
	if name := filepath.Join(folder, "opendkim.conf"); anew(name, conf) == nil { // one that is there is the student's
		fmt.Fprintln(c.Out, name)
	}
	fmt.Fprintln(c.Out, task.Text{"fr": "Publiez-la : cat ~/dkim/" + selector + ".txt >> ~/zone, puis lab dkim", "en": "Publish it: cat ~/dkim/" + selector + ".txt >> ~/zone, then lab dkim"}.In(d.Lang))
	if d.Given {
		fmt.Fprintln(c.Out, task.Text{"fr": "Vous n'avez pas encore de ~/zone : écrivez-y d'abord ce que lab zone montre (MX et A).",
			"en": "You have no ~/zone yet: first write into it what lab zone shows (MX and A)."}.In(d.Lang))
	}
	return ExitDone, nil
}

// anew writes a file that is not there yet.
func anew(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text)
	return errors.Join(err, f.Close())
}
