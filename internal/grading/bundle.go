package grading

import (
	"archive/tar"
	"bytes"
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
	"time"

	"maillab/internal/lab/task"
	maillog "maillab/internal/mail/log"
	"maillab/internal/mail/mbox"
)

// Bundle implements control.Records. It writes a student's mail, deliveries and results as a tar. On a server that others share there is no mail.log in
// it: their lines are theirs.
func (g records) Bundle(ctx context.Context, student string, w io.Writer) error {
	s, err := g.owner(student)
	if err != nil {
		return err
	}
	out := tar.NewWriter(w)
	b := bundle{g.Grading, out}
	for _, account := range s.Accounts {
		if err := b.mail(ctx, account); err != nil {
			return err
		}
	}
	if err := b.deliveries(s); err != nil {
		return err
	}
	if err := b.screens(student); err != nil {
		return err
	}
	if err := b.json("results.json", g.ledger.work(student)); err != nil {
		return err
	}
	if len(g.sheets) == 1 {
		if err := b.log(ctx); err != nil {
			return err
		}
	}
	return out.Close()
}

// bundle is one on its way.
type bundle struct {
	g   *Grading
	out *tar.Writer
}

func (b bundle) mail(ctx context.Context, account string) error {
	files, err := b.g.cfg.Files.List(ctx, account)
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
		f, err := b.g.cfg.Files.Open(ctx, account, name, os.O_RDONLY)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		err = b.files(path.Join("mail", account, name), piece{f, 0})
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// bundleLog writes mail.log as far as it is of this epoch.
func (b bundle) log(ctx context.Context) error {
	if err := b.g.cfg.FlushLog(ctx); err != nil {
		return err
	}
	from := b.g.cfg.Epochs.Current().Log
	places := map[string]int64{b.g.cfg.LogFile: max(from, 0)}
	if from < 0 {
		places[b.g.cfg.LogFile+maillog.Before] = from
	}
	var pieces []piece
	for _, name := range []string{b.g.cfg.LogFile + maillog.Before, b.g.cfg.LogFile} {
		at, counts := places[name]
		if !counts {
			continue
		}
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		defer f.Close()
		pieces = append(pieces, piece{f, at})
	}
	return b.files("mail.log", pieces...)
}

// piece is a file from an octet on; a negative one counts from the end. A file that is shorter was begun anew.
type piece struct {
	f    *os.File
	from int64
}

// bundleFiles copies files into one entry, as long as they are now. Nothing is held: a student can make them large. What one
// has lost meanwhile is made up with empty lines.
func (b bundle) files(name string, pieces ...piece) error {
	var size int64
	var all []io.Reader
	for _, p := range pieces {
		info, err := p.f.Stat()
		if err != nil {
			return err
		}
		from := p.from
		switch {
		case from < 0:
			from = max(from+info.Size(), 0)
		case from > info.Size():
			from = 0
		}
		size += info.Size() - from
		all = append(all, io.NewSectionReader(p.f, from, info.Size()-from))
	}
	h := b.header(name, size)
	if err := b.out.WriteHeader(&h); err != nil {
		return err
	}
	n, err := io.Copy(b.out, io.MultiReader(all...))
	if err != nil || n == size {
		return err
	}
	_, err = io.CopyN(b.out, emptyLines{}, size-n)
	return err
}

// emptyLines has no end.
type emptyLines struct{}

func (emptyLines) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '\n'
	}
	return len(p), nil
}

// bundleDeliveries writes each message that arrived, and a list of their envelopes.
func (b bundle) deliveries(s task.Sheet) error {
	messages := b.g.cfg.Deliveries.List(b.g.cfg.Epochs.Current().Number)
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
			text, cut, err := b.g.cfg.Deliveries.Text(c)
			if err != nil {
				continue // dropped meanwhile
			}
			one := entry{ID: m.ID, Account: c.Account, Time: c.At, Cut: cut}
			if m.Envelope != nil {
				one.Envelope = m.Envelope
			}
			list = append(list, one)
			if err := b.entry(fmt.Sprintf("deliveries/%s-%d-%s.eml", m.ID, i+1, c.Account), text); err != nil {
				return err
			}
		}
	}
	slices.SortStableFunc(list, func(a, b entry) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID)) })
	return b.json("deliveries.json", list)
}

// screens writes what the student's terminals showed; each is bounded.
func (b bundle) screens(student string) error {
	for _, k := range b.g.cfg.Screens.List(student) {
		var text bytes.Buffer
		if err := b.g.cfg.Screens.Read(student, k.ID, &text); err != nil {
			continue // dropped meanwhile
		}
		if err := b.entry("recordings/"+k.ID+".cast", text.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func (b bundle) json(name string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return b.entry(name, append(text, '\n'))
}

func (b bundle) entry(name string, text []byte) error {
	h := b.header(name, int64(len(text)))
	if err := b.out.WriteHeader(&h); err != nil {
		return err
	}
	_, err := b.out.Write(text)
	return err
}

func (b bundle) header(name string, size int64) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: size, ModTime: b.g.cfg.Now().Truncate(time.Second), Format: tar.FormatPAX}
}
