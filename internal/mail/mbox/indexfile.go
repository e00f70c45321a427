package mbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"maillab/internal/mail"
	"maillab/internal/safeio"
)

// load reads the index, or starts a new one, when the mailbox is used first. Needs the turn.
func (b *box) load() error {
	if b.loaded {
		return nil
	}
	path := b.spool.statePath(b.user, b.name, ".index")
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return classify(b.what("reading the index of"), err)
	}
	p, n, err := decodeIndex(text, b.spool.cfg.Zone)
	if err != nil {
		if len(text) > 0 {
			b.spool.cfg.Log.Warn("index is damaged, UIDs start anew", "user", b.user, "box", b.name, "error", err)
		}
		p = picture{next: 1, modseq: 1, since: 1}
		if p.validity, err = b.spool.newValidity(); err != nil {
			return classify(b.what("numbering"), err)
		}
	}
	if err := b.openNote(); err != nil {
		return classify(b.what("reading the tail note of"), err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p.loaded, p.sure, p.changed = true, n > 0, b.changed
	b.picture = p
	b.tell()
	b.indexSize, b.indexWhole = int64(n), int64(n)
	return nil
}

// newValidity returns a UIDVALIDITY that no mailbox of this spool ever had: the time in seconds, or one more than the
// last one given. So a folder that is removed, made again or renamed is never taken for another one.
func (s *Spool) newValidity() (uint32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := filepath.Join(s.cfg.StateDir, "uidvalidity")
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	last, _ := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
	v := max(uint32(last)+1, uint32(s.cfg.Now().Unix()))
	return v, replaceFile(path, []byte(strconv.FormatUint(uint64(v), 10)+"\n"))
}

// replaceFile makes a file durable, and the directory that it is in.
func replaceFile(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return safeio.WriteFile(path, text, 0o600, safeio.Durable)
}

// save writes the whole index. Needs mu.
func (b *box) save() error {
	text := b.encodeIndex()
	b.indexSize, b.indexDirty = 0, true // unless it ends well
	if err := b.closeIndex(); err != nil {
		return classify(b.what("writing the index of"), err)
	}
	if err := replaceFile(b.spool.statePath(b.user, b.name, ".index"), text); err != nil {
		return classify(b.what("writing the index of"), err)
	}
	b.indexSize, b.indexWhole, b.indexDirty = int64(len(text)), int64(len(text)), false
	return b.anchor()
}

// slack is how much longer than a whole index its log may grow before it is written anew.
const slack = 64 << 10

// record appends what changed to the index. It is not synced: after a power failure the file itself tells most of it.
// Needs mu.
func (b *box) record(put []message, gone []mail.Vanished) error {
	if b.indexSize == 0 || b.indexSize > 3*b.indexWhole+slack || len(put)+len(gone) > len(b.msgs)/2+16 {
		return b.save()
	}
	payload := b.appendState(nil)
	for i := range put {
		payload = appendPut(payload, &put[i])
	}
	text := frame(appendGone(payload, gone))
	if b.indexFile == nil {
		f, err := os.OpenFile(b.spool.statePath(b.user, b.name, ".index"), os.O_WRONLY, 0)
		if err != nil {
			return b.save()
		}
		b.indexFile = f
	}
	if err := b.spool.cfg.disk.WriteAt(b.indexFile, text, b.indexSize); err != nil {
		return classify(b.what("writing the index of"), err)
	}
	b.indexSize += int64(len(text))
	b.indexDirty = true
	return b.anchor()
}

// anchor makes the chain of appends start at the state that the index has just written down.
func (b *box) anchor() error {
	known := noteStamp(b.known)
	if b.tailFile == nil || b.tail.Pending != 0 || b.tail.To != known || b.tail.From == known {
		return nil
	}
	return b.writeNote(tailNote{From: known, To: known})
}

func (b *box) syncIndex() error {
	if !b.indexDirty {
		return nil
	}
	if b.indexFile == nil {
		return b.save()
	}
	if err := syncData(b.indexFile); err != nil {
		return classify(b.what("writing the index of"), err)
	}
	b.indexDirty = false
	return nil
}

func (b *box) closeIndex() error {
	if b.indexFile == nil {
		return nil
	}
	err := b.indexFile.Close()
	b.indexFile = nil
	return err
}
