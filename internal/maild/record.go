package maild

import (
	"context"
	"io"
	"path/filepath"

	"maillab/internal/delivery"
	"maillab/internal/mail"
	"maillab/internal/mail/queue"
	"maillab/internal/recording"
)

// openRecords opens the record of deliveries.
func (d *Daemon) openRecords() (err error) {
	d.deliveries, err = delivery.Open(delivery.Config{
		Dir: filepath.Join(d.cfg.StateDir, "deliveries"), Now: d.cfg.Now, Slog: d.cfg.Log,
		Recorded: func(accounts []string) { d.grading.Recorded(accounts) },
	})
	if err != nil {
		return err
	}
	d.screens, err = recording.OpenStore(recording.StoreConfig{Dir: filepath.Join(d.cfg.StateDir, "recordings"), Now: d.cfg.Now})
	return err
}

// accept hands a client's message to the queue and records it. look may look at it first; nil: nobody does.
func (d *Daemon) accept(ctx context.Context, e *mail.Envelope, body io.Reader, look queue.Milter) error {
	if err := d.queue.AcceptSeen(ctx, e, body, look); err != nil {
		return err
	}
	d.deliveries.Taken(d.epochs.Current().Number, e)
	return nil
}

// recordedQueue is the queue for programs in the sandbox.
type recordedQueue struct {
	*queue.Queue
	d *Daemon
}

// Accept implements submit.Queue.
func (q recordedQueue) Accept(ctx context.Context, e *mail.Envelope, body io.Reader) error {
	return q.d.accept(ctx, e, body, q.d.neighbours.signer())
}

// recordCopies records those deliveries of one message that have no error.
func (d *Daemon) recordCopies(deliveries []mail.Delivery, errs []error) {
	var copies []delivery.Copy
	for i, one := range deliveries {
		if errs[i] == nil {
			copies = append(copies, delivery.Copy{
				Account: one.User, Typed: one.OrigTo, Address: one.To, Sender: one.Sender, Head: string(one.Head),
				Fixture: d.fixtures.Of(one.ID),
			})
		}
	}
	if len(copies) > 0 {
		d.deliveries.Delivered(d.epochs.Current().Number, deliveries[0].ID, copies, deliveries[0].Body)
	}
}
