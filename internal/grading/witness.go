package grading

import (
	"archive/tar"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"maillab/internal/control"
	"maillab/internal/dialogue"
	"maillab/internal/lab/task"
	"maillab/internal/mail/mbox"
)

// theirs says whether a connection is a student's: one of the student's accounts logged in, or nobody did.
func theirs(s task.Sheet, accounts []string) bool {
	return len(accounts) == 0 || slices.ContainsFunc(accounts, func(a string) bool { return slices.Contains(s.Accounts, a) })
}

// surely says whether a connection can be nobody else's: on a server that many share, one without a login may be anybody's.
func (g *Grading) surely(s task.Sheet, accounts []string) bool {
	return theirs(s, accounts) && (len(accounts) > 0 || len(g.sheets) == 1)
}

// owner is a student's tasks, or, where a lab has none, the student's accounts.
func (g *Grading) owner(student string) (task.Sheet, error) {
	if s, err := g.sheet(student); err == nil {
		return s, nil
	}
	s := task.Sheet{Student: student}
	for _, a := range g.cfg.Spec.Accounts {
		if a.Student == student {
			s.Accounts = append(s.Accounts, a.Name)
		}
	}
	if len(s.Accounts) == 0 {
		return s, &control.Error{Status: 404, Text: fmt.Sprintf("there is no student %q here", student)}
	}
	return s, nil
}

// Dialogues implements control.Witness. It hands what a student typed and got in this epoch, or since he alone was put back to the start, to emit, by
// their start.
func (g *Grading) Dialogues(ctx context.Context, student string, emit func(dialogue.Dialogue) error) error {
	s, err := g.owner(student)
	if err != nil {
		return err
	}
	e, since := g.evidence(), g.ledger.since(student)
	defer e.close()
	for one, err := range e.Dialogues(ctx, "") {
		if err == nil && theirs(s, one.Accounts) && !one.Start.Before(since) {
			err = emit(one)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Follow implements control.Witness. It hands a student's lines to emit as they come.
func (g *Grading) Follow(ctx context.Context, student string, emit func(dialogue.Event) error) error {
	s, err := g.owner(student)
	if err != nil {
		return err
	}
	return g.cfg.Dialogues.Follow(ctx, func(e dialogue.Event) error {
		if !theirs(s, e.Accounts) {
			return nil
		}
		return emit(e)
	})
}

// lately is how many of a student's last dialogues are looked at for what was done last.
const lately = 4

// Activity implements control.Witness. It is what each student did last, as far as it is surely that student's.
func (g *Grading) Activity(context.Context) (all []control.Activity, err error) {
	epoch := g.cfg.Epochs.Current()
	found := g.cfg.Dialogues.List(dialogue.Filter{Epoch: epoch.Number})
	for _, s := range g.sheets {
		since := g.ledger.since(s.Student)
		a := control.Activity{Student: s.Student, Started: epoch.Start}
		if since.After(a.Started) {
			a.Started = since
		}
		for _, pass := range g.ledger.memory(s.Student).Passed {
			if pass.At.After(a.Passed) {
				a.Passed = pass.At
			}
		}
		seen := 0
		for _, one := range slices.Backward(found) {
			if seen == lately {
				break
			}
			if !g.surely(s, one.Accounts) || one.Start.Before(since) {
				continue
			}
			seen++
			whole, err := g.cfg.Dialogues.Read(one.ID)
			if errors.Is(err, dialogue.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			lastOf(&a, whole)
		}
		all = append(all, a)
	}
	return all, nil
}

// lastOf takes in the last command of a dialogue, and the last refusal, when they are later than what is known.
func lastOf(a *control.Activity, d dialogue.Dialogue) {
	refusal := ""
	var at time.Time
	for _, l := range d.Lines {
		switch {
		case l.Kind == dialogue.Command:
			at = l.At
			if !l.At.Before(a.At) {
				a.At, a.Service, a.Command = l.At, d.Service, l.Text
			}
		case l.Kind == dialogue.Reply && isRefusal(d.Service, l.Text):
			refusal = l.Text
		}
	}
	if refusal != "" && (a.Error == "" || !at.Before(a.At)) {
		a.Error = refusal
	}
}

// isRefusal says whether a reply line refuses something.
func isRefusal(service, line string) bool {
	switch service {
	case "smtp":
		return strings.HasPrefix(line, "4") || strings.HasPrefix(line, "5")
	case "pop3":
		return strings.HasPrefix(line, "-ERR")
	}
	_, word, _ := strings.Cut(line, " ")
	return strings.HasPrefix(word, "NO ") || strings.HasPrefix(word, "BAD ")
}

// Bundle implements control.Witness. It writes a student's mail, deliveries and results as a tar. On a server that others share there is no mail.log in
// it: their lines are theirs.
func (g *Grading) Bundle(ctx context.Context, student string, w io.Writer) error {
	s, err := g.owner(student)
	if err != nil {
		return err
	}
	out := tar.NewWriter(w)
	for _, account := range s.Accounts {
		if err := g.bundleMail(ctx, out, account); err != nil {
			return err
		}
	}
	if err := g.bundleDeliveries(out, s); err != nil {
		return err
	}
	memory := g.ledger.memory(student)
	work := map[string]any{"epoch": g.cfg.Epochs.Current(), "passed": memory.Passed, "answers": memory.Answers, "marks": memory.Marks}
	if err := g.bundleJSON(out, "results.json", work); err != nil {
		return err
	}
	if len(g.sheets) == 1 {
		lines, err := g.evidence().Lines(ctx)
		if err != nil {
			return err
		}
		if err := g.bundleEntry(out, "mail.log", []byte(strings.Join(lines, "\n")+"\n")); err != nil {
			return err
		}
	}
	return out.Close()
}

// maxBox bounds one mailbox in a bundle.
const maxBox = 64 << 20

func (g *Grading) bundleMail(ctx context.Context, out *tar.Writer, account string) error {
	files, err := g.cfg.Files.List(ctx, account)
	if err != nil {
		return err
	}
	names := []string{mbox.Inbox}
	for _, f := range files {
		if !f.Dir {
			names = append(names, f.Path)
		}
	}
	for _, name := range names {
		f, err := g.cfg.Files.Open(ctx, account, name, os.O_RDONLY)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		text, err := io.ReadAll(io.LimitReader(f, maxBox))
		f.Close()
		if err != nil {
			return err
		}
		if err := g.bundleEntry(out, path.Join("mail", account, name), text); err != nil {
			return err
		}
	}
	return nil
}

// bundleDeliveries writes each message that arrived, and a list of their envelopes.
func (g *Grading) bundleDeliveries(out *tar.Writer, s task.Sheet) error {
	messages := g.cfg.Deliveries.List(g.cfg.Epochs.Current().Number)
	type entry struct {
		ID, Account string
		Time        time.Time
		Envelope    any  `json:",omitempty"`
		Cut         bool `json:",omitempty"`
	}
	list := []entry{}
	for _, m := range messages {
		for i, c := range m.Copies {
			if !slices.Contains(s.Accounts, c.Account) {
				continue
			}
			text, cut, err := g.cfg.Deliveries.Text(c)
			if err != nil {
				continue // dropped meanwhile
			}
			one := entry{ID: m.ID, Account: c.Account, Time: c.At, Cut: cut}
			if m.Envelope != nil {
				one.Envelope = m.Envelope
			}
			list = append(list, one)
			if err := g.bundleEntry(out, fmt.Sprintf("deliveries/%s-%d-%s.eml", m.ID, i+1, c.Account), text); err != nil {
				return err
			}
		}
	}
	slices.SortStableFunc(list, func(a, b entry) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID)) })
	return g.bundleJSON(out, "deliveries.json", list)
}

func (g *Grading) bundleJSON(out *tar.Writer, name string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return g.bundleEntry(out, name, append(text, '\n'))
}

func (g *Grading) bundleEntry(out *tar.Writer, name string, text []byte) error {
	h := tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: int64(len(text)), ModTime: g.cfg.Now().Truncate(time.Second), Format: tar.FormatPAX}
	if err := out.WriteHeader(&h); err != nil {
		return err
	}
	_, err := out.Write(text)
	return err
}
