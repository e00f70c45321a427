package maild

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"testing"

	"maillab/internal/control"
	"maillab/internal/handoff"
	"maillab/internal/progress"
)

// TestStudentService: with an account's password one gets what is that account's student's, by the account's name or the
// student's own; without it, and of others, nothing.
func TestStudentService(t *testing.T) {
	b := start(t, 3, class, func(c *Config) { asks(c, sheets()...) })
	client := func(login, secret string) *control.Client {
		c := control.NewClient(func(ctx context.Context) (net.Conn, error) {
			here, there, err := handoff.Pipe()
			if err == nil {
				go b.Serve(context.WithoutCancel(ctx), handoff.Student, there)
			}
			return here, err
		})
		t.Cleanup(c.Close)
		return c.With(http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(login+":"+secret))}})
	}
	refused := func(err error, status int) bool {
		var told *control.Error
		return errors.As(err, &told) && told.Status == status
	}
	account := b.cfg.Spec.Accounts[0]
	for _, login := range []string{account.Name, account.Student} {
		me, err := client(login, "secret").Me(t.Context())
		if err != nil || me.Student != account.Student || me.Account != account.Name || me.Accounts[0] != account.Name {
			t.Errorf("%s: %+v, %v", login, me, err)
		}
	}
	for login, secret := range map[string]string{account.Name: "x", "": "", "nobody": "secret", "root": "secret"} {
		if _, err := client(login, secret).Me(t.Context()); !refused(err, http.StatusUnauthorized) {
			t.Errorf("%q with %q: %v", login, secret, err)
		}
	}
	me := client(account.Name, "secret")
	if _, err := me.Seat(0).Check(t.Context(), alice()); !refused(err, http.StatusForbidden) {
		t.Errorf("a teacher's request: %v", err)
	}
	if _, err := me.Seat(0).Status(t.Context()); !refused(err, http.StatusForbidden) {
		t.Errorf("everybody's numbers: %v", err)
	}
	changed := make(chan struct{}, 10)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- me.Seat(0).Changes(ctx, "somebody else", func() error { changed <- struct{}{}; return nil })
	}()
	<-changed // the first word
	if _, err := b.grading.Mark(t.Context(), control.Mark{Student: account.Student, Task: sheets()[0].Tasks[0].ID, Mark: &progress.Mark{Share: 1}}); err != nil {
		t.Fatal(err)
	}
	<-changed
	cancel()
	<-ended
	if all, err := me.Seat(0).Dialogues(t.Context(), "somebody else"); err != nil {
		t.Error(all, err)
	}
}
