package lesson

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	netmail "net/mail"
	"path/filepath"
	"slices"
	"strings"

	"maillab/internal/mail"
	"maillab/internal/safeio"
)

// started remembers, in started.json, whose starting mail has been delivered: a lab that changed while it ran, or a
// restart, must not deliver it again.
type started struct {
	Accounts []string `json:"accounts"`
}

// Start delivers the starting mail of accounts that have not had theirs in this epoch.
func (l *Between) Start(ctx context.Context) error {
	file := filepath.Join(l.cfg.StateDir, "started.json")
	var done started
	if err := safeio.ReadJSON(file, &done); err != nil {
		return err
	}
	deliveries := l.startingMail(func(account string) bool { return !slices.Contains(done.Accounts, account) })
	if err := errors.Join(l.cfg.Spool.Deliver(ctx, deliveries)...); err != nil {
		return fmt.Errorf("starting mail: %w", err)
	}
	was := len(done.Accounts)
	for _, a := range l.cfg.Spec.Accounts {
		if !slices.Contains(done.Accounts, a.Name) {
			done.Accounts = append(done.Accounts, a.Name)
		}
	}
	if len(done.Accounts) == was {
		return nil
	}
	return safeio.WriteJSON(file, done)
}

// startingMail is the lab's mail for some accounts.
func (l *Between) startingMail(of func(account string) bool) (deliveries []mail.Delivery) {
	for _, m := range l.cfg.Spec.Mail {
		if of(m.To) {
			deliveries = append(deliveries, mail.Delivery{User: m.To, Sender: SenderOf(bytes.NewReader(m.Raw)), At: l.cfg.Now(), Body: m.Raw})
		}
	}
	return deliveries
}

// SenderOf is the From_ line's sender of a message that never had an envelope: its Return-Path, or its From.
func SenderOf(raw io.Reader) string {
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
