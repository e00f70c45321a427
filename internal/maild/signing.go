package maild

import (
	"context"
	"crypto"
	"errors"
	"io"
	"io/fs"
	"os"

	"maillab/internal/mail/mbox"
	"maillab/internal/mail/senders"
)

// signing is how the domain's owner wants mail signed, and with which key; no key where there is none, or something is wrong.
func (n *neighbours) signing(ctx context.Context) (s senders.Signing, key crypto.Signer, problems []senders.Problem) {
	owner := n.cfg.Spec.Between.Owner
	text, err := readBox(ctx, n.cfg.Files, owner, senders.ConfBox, senders.MaxConf+1)
	if err != nil {
		return s, nil, []senders.Problem{senders.Unread(senders.ConfBox, err)}
	}
	if text == nil {
		return s, nil, nil
	}
	if s, problems = senders.ParseSigning(text); len(problems) > 0 {
		return s, nil, problems
	}
	box := senders.KeyBox + s.KeyFile
	text, err = readBox(ctx, n.cfg.Files, owner, box, senders.MaxKey+1)
	if err == nil && text == nil {
		err = fs.ErrNotExist
	}
	if err != nil {
		return s, nil, []senders.Problem{senders.Unread(box, err)}
	}
	key, wrong := senders.ParseKey(box, text)
	if wrong != nil {
		return s, nil, []senders.Problem{*wrong}
	}
	return s, key, nil
}

// readBox reads a file of an owner's, at most so many octets of it; nil where there is none.
func readBox(ctx context.Context, files mbox.Files, owner, box string, limit int64) ([]byte, error) {
	f, err := files.Open(ctx, owner, box, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit))
	if text == nil {
		text = []byte{} // an empty file is a file
	}
	return text, err
}
