package cli

import (
	"context"
	"io"

	"maillab/internal/apply"
	"maillab/internal/deploy"
	"maillab/internal/instance"
	"maillab/internal/listing"
	"maillab/internal/say"
)

// desk is what the verbs of packages operator and shelf stand on.
type desk struct{ a *app }

func (d desk) The(ctx context.Context) (running, error) { return d.a.the(ctx) }

func (d desk) Hold(ctx context.Context, i running) (running, *instance.Held, error) {
	return d.a.hold(ctx, i)
}

func (d desk) Again(h *instance.Held) (r deploy.Request, err error) {
	r, _, err = upFlags{}.request(d.a, h.Name(), h.Folder)
	return r, err
}

func (d desk) Carrier() deploy.Carrier { return d.a.carrier() }

func (d desk) Confirm(ctx context.Context, question string) error { return d.a.confirm(ctx, question) }

func (d desk) Ended(ctx context.Context, r apply.Result, done string) error {
	return d.a.ended(ctx, r, done)
}

func (d desk) Makers() ([]deploy.Maker, error) { return d.a.makers() }

func (d desk) Streams() (io.Reader, io.Writer) { return d.a.In, d.a.Out }

func (d desk) Said(line string) {
	if !d.a.flags.quiet {
		d.a.Fprintln(d.a.Err, line)
	}
}

func (d desk) Told() (io.Writer, say.Tongue) { return d.a.Err, d.a.Tongue }

func (d desk) Data() io.Writer { return d.a.Out }

func (d desk) Print(l listing.List) error { return d.a.print(l) }
