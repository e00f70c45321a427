package maild

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	netmail "net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"maillab/internal/mail"
)

// started remembers, in started.json, whose starting mail has been delivered: a lab that changed while it ran, or a
// restart, must not deliver it again.
type started struct {
	Accounts []string `json:"accounts"`
}

// deliverStart delivers the starting mail of accounts that have not had theirs in this epoch.
func (d *Daemon) deliverStart(ctx context.Context) error {
	file := filepath.Join(d.cfg.StateDir, "started.json")
	var done started
	text, err := os.ReadFile(file)
	switch {
	case err == nil:
		if err := json.Unmarshal(text, &done); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	var deliveries []mail.Delivery
	for _, m := range d.cfg.Spec.Mail {
		if !slices.Contains(done.Accounts, m.To) {
			deliveries = append(deliveries, mail.Delivery{User: m.To, Sender: senderOf(bytes.NewReader(m.Raw)), At: d.cfg.Now(), Body: m.Raw})
		}
	}
	if err := errors.Join(d.spool.Deliver(ctx, deliveries)...); err != nil {
		return fmt.Errorf("starting mail: %w", err)
	}
	was := len(done.Accounts)
	for _, a := range d.cfg.Spec.Accounts {
		if !slices.Contains(done.Accounts, a.Name) {
			done.Accounts = append(done.Accounts, a.Name)
		}
	}
	if len(done.Accounts) == was {
		return nil
	}
	return writeJSON(file, done)
}

// senderOf is the From_ line's sender of a message that never had an envelope: its Return-Path, or its From.
func senderOf(raw io.Reader) string {
	m, err := netmail.ReadMessage(raw)
	if err != nil {
		return ""
	}
	for _, name := range []string{"Return-Path", "From"} {
		if a, err := netmail.ParseAddress(m.Header.Get(name)); err == nil {
			return strings.ToValidUTF8(a.Address, "?")
		}
	}
	return ""
}

// writeJSON keeps a value in a small file.
func writeJSON(file string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return writeAside(file, text)
}

// writeAside writes a small file beside its place, durably, and renames it.
func writeAside(file string, text []byte) error {
	f, err := os.OpenFile(file+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
