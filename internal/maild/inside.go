package maild

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"

	"maillab/internal/mail/submit"
	"maillab/internal/worksheet"
)

// Inside serves the socket on which programs in the sandbox reach the daemon: sendmail, mailq, lab. Who calls is known from
// the kernel. It returns when ctx ends.
func (d *Daemon) Inside(ctx context.Context, socket string) error {
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	if err := os.Chmod(socket, 0o666); err != nil { // everybody may: callers are told apart
		listener.Close()
		return err
	}
	lab := worksheet.New(d.grading.Desk())
	mux := http.NewServeMux()
	mux.Handle("/v1/lab", lab)
	mux.Handle("/v1/lab/", lab)
	mux.Handle("/", submit.New(submit.Config{
		Queue: recordedQueue{d.queue, d}, Lookup: d.people.LookupUID, Pickup: d.log.Queue().Pickup,
		SMTP: d.submitSMTP, Zone: d.zone, Now: d.cfg.Now, Logger: d.cfg.Log,
	}))
	return submit.Serve(ctx, listener, mux)
}

// submitSMTP is sendmail -bs.
func (d *Daemon) submitSMTP(ctx context.Context, uid int, conn net.Conn) {
	if serve := d.services["smtp"]; serve != nil { // which is no connection: sendmail -bs works while the server is stopped
		account, known := d.people.byUID[uid]
		serve(knocker{account.Name, known}.in(ctx), conn)
		return
	}
	conn.Close()
}
