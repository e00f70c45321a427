package engine

import (
	"context"
	"io"
)

// Shipper is an engine whose sandbox image can be brought to other machines' engines. Each is told the image's tag.
type Shipper interface {
	// SaveImage writes an archive that LoadImage, and docker load, take in.
	SaveImage(ctx context.Context, tag string, w io.Writer) error
	// LoadImage takes an archive in; the error is ErrNotFound when it had no such image.
	LoadImage(ctx context.Context, tag string, archive io.Reader, progress Progress) error
	// PushImage brings it into a registry, HOST/PREFIX, from which several machines' engines get it from then on, with what the
	// user has to show there. name is what they ask for.
	PushImage(ctx context.Context, tag, registry string, progress Progress) (name string, err error)
}
