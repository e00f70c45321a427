// Package snapshot keeps named copies of sandboxes: what students' accounts own, waiting mail, indexes, mail.log.
//
// # Files
//
//	snapshots/NAME/SEAT.tar.zst    one archive a sandbox, in the instance folder; 0 is the shared one
//
// An archive is a tar, compressed with zstd: the sandbox's own stream as package control gives it, entry by entry, and
// behind it one more, manifest.json, which names every entry before it with its size, mode and SHA-256. A snapshot is
// written in a folder aside, synced and renamed: killed at any moment, what was there before is whole.
//
// An archive may come from a stranger. Verify reads all of it and refuses whatever is not exactly as its manifest says, a
// path that leaves its root, and what is bigger than anybody's things can be; nothing is restored that was not verified.
package snapshot

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"maillab/internal/belongings"
)

// Version is the format of archives that this code writes and reads.
const Version = 1

// Manifest is what an archive says of itself.
type Manifest struct {
	Version  int       `json:"version"`
	Lab      string    `json:"lab"`
	Instance string    `json:"instance"`
	Seat     int       `json:"seat"`
	Students []string  `json:"students"`
	Time     time.Time `json:"time"`
	Files    []File    `json:"files"`
}

// File is one entry of an archive.
type File struct {
	Name   string `json:"name"`
	Type   string `json:"type"` // file, dir, link
	Size   int64  `json:"size,omitempty"`
	Mode   int64  `json:"mode"`
	Link   string `json:"link,omitempty"`
	SHA256 string `json:"sha256,omitempty"` // of a file's data as it is in the archive
}

// manifestEntry is the last entry's name.
const manifestEntry = "manifest.json"

// Bounds on archives.
const (
	maxEntries  = 1_000_000
	maxBytes    = 16 << 30  // of a whole archive, unpacked
	maxManifest = 512 << 20 // of its JSON
	maxWindow   = 8 << 20   // of zstd, RFC 8878 section 3.1.1.1.2: what every decoder should support
)

// ErrDamaged is an archive that is not what its manifest says, or has none.
var ErrDamaged = errors.New("the archive is damaged")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// Write makes an archive of a sandbox's stream.
func Write(w io.Writer, about Manifest, stream io.Reader) (Manifest, error) {
	packed, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		return about, err
	}
	about.Version, about.Files = Version, nil
	out := tar.NewWriter(packed)
	err = each(stream, func(h *tar.Header, r io.Reader) error {
		if h.Name == manifestEntry {
			return damaged("a sandbox's stream has a %s", manifestEntry)
		}
		if err := out.WriteHeader(h); err != nil {
			return err
		}
		f, err := describe(h, io.TeeReader(r, out))
		about.Files = append(about.Files, f)
		return err
	})
	if err == nil {
		err = writeManifest(out, about)
	}
	return about, errors.Join(err, out.Close(), packed.Close())
}

func writeManifest(w *tar.Writer, m Manifest) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	h := &tar.Header{Name: manifestEntry, Typeflag: tar.TypeReg, Mode: 0o600, Size: int64(len(text)), ModTime: m.Time, Format: tar.FormatPAX}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// describe reads an entry to its end.
func describe(h *tar.Header, r io.Reader) (File, error) {
	f := File{Name: h.Name, Size: h.Size, Mode: h.Mode, Link: h.Linkname}
	switch h.Typeflag {
	case tar.TypeReg:
		f.Type = "file"
	case tar.TypeDir:
		f.Type = "dir"
	case tar.TypeSymlink:
		f.Type = "link"
	default:
		return f, damaged("%q is neither a file nor a directory nor a link", h.Name)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.LimitReader(r, h.Size)); err != nil {
		return f, fmt.Errorf("%s: %w", h.Name, err)
	}
	if f.Type == "file" {
		f.SHA256 = hex.EncodeToString(sum.Sum(nil))
	}
	return f, nil
}

// each hands every entry of a tar to do, and reads to the end of the stream behind it.
func each(r io.Reader, do func(h *tar.Header, r io.Reader) error) error {
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if err == io.EOF {
			_, err = io.Copy(io.Discard, r)
			return err
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		if belongings.Inflated(h) {
			return damaged("%q is a sparse file of another program's", h.Name)
		}
		if err := do(h, in); err != nil {
			return err
		}
	}
}

// unpack opens the compressed stream, bounded.
func unpack(r io.Reader) (io.Reader, func(), error) {
	in, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return &bounded{r: in, left: maxBytes}, in.Close, nil
}

// bounded ends a stream that unpacks to more than anybody has.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, damaged("more than %d bytes", int64(maxBytes))
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return n, err
}

// Verify reads a whole archive and returns its manifest if it is exactly what that says.
func Verify(r io.Reader) (Manifest, error) {
	stream, done, err := unpack(r)
	if err != nil {
		return Manifest{}, err
	}
	defer done()
	return verify(stream)
}

func verify(stream io.Reader) (Manifest, error) {
	var v verifier
	if err := each(stream, v.entry); err != nil {
		return Manifest{}, err
	}
	if v.manifest == nil {
		return Manifest{}, damaged("it has no manifest")
	}
	if len(v.manifest.Files) != len(v.found) {
		return Manifest{}, damaged("%d entries, the manifest names %d", len(v.found), len(v.manifest.Files))
	}
	for i, f := range v.found {
		if f != v.manifest.Files[i] {
			return Manifest{}, damaged("%q is not what the manifest says", f.Name)
		}
	}
	return *v.manifest, nil
}

type verifier struct {
	found    []File
	manifest *Manifest
	accounts map[string]*belongings.Checker
}

func (v *verifier) entry(h *tar.Header, r io.Reader) error {
	switch {
	case v.manifest != nil:
		return damaged("%q comes behind the manifest", h.Name)
	case h.Name == manifestEntry:
		return v.readManifest(h, r)
	case len(v.found) >= maxEntries:
		return damaged("more than %d entries", maxEntries)
	}
	if err := v.check(h); err != nil {
		return err
	}
	f, err := describe(h, r)
	v.found = append(v.found, f)
	return err
}

func (v *verifier) readManifest(h *tar.Header, r io.Reader) error {
	if h.Size > maxManifest || h.Typeflag != tar.TypeReg {
		return damaged("a manifest of %d bytes", h.Size)
	}
	v.manifest = &Manifest{}
	if err := json.NewDecoder(r).Decode(v.manifest); err != nil {
		return damaged("manifest: %v", err)
	}
	if v.manifest.Version != Version {
		return fmt.Errorf("the archive is of version %d, this program understands %d", v.manifest.Version, Version)
	}
	return nil
}

// check looks at a path and, within an account, at all that package belongings looks at.
func (v *verifier) check(h *tar.Header) error {
	name := strings.TrimSuffix(h.Name, "/")
	if !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "\x00\\") && !strings.HasPrefix(name, "accounts/") {
		return damaged("path %q leaves its root", h.Name)
	}
	rest, ok := strings.CutPrefix(h.Name, "accounts/")
	if !ok {
		if h.Typeflag != tar.TypeReg {
			return damaged("%q is no file", h.Name)
		}
		return nil
	}
	account, inner, _ := strings.Cut(rest, "/")
	if v.accounts == nil {
		v.accounts = map[string]*belongings.Checker{}
	}
	if v.accounts[account] == nil {
		v.accounts[account] = &belongings.Checker{}
	}
	copied := *h
	copied.Name = inner
	if err := v.accounts[account].Check(&copied); err != nil {
		return damaged("account %s: %v", account, err)
	}
	return nil
}

// Stream writes the sandbox's stream that an archive was made from. Verify it first.
func Stream(w io.Writer, r io.Reader) error {
	stream, done, err := unpack(r)
	if err != nil {
		return err
	}
	defer done()
	out := tar.NewWriter(w)
	err = each(stream, func(h *tar.Header, r io.Reader) error {
		if h.Name == manifestEntry {
			_, err := io.Copy(io.Discard, r)
			return err
		}
		if err := out.WriteHeader(h); err != nil {
			return err
		}
		_, err := io.Copy(out, r)
		return err
	})
	return errors.Join(err, out.Close())
}

// boxOf tells which account's mailbox an entry is: the inbox, ~/mbox or one below ~/mail.
func boxOf(name string) (account, box string, ok bool) {
	rest, ok := strings.CutPrefix(name, "accounts/")
	if !ok {
		return "", "", false
	}
	account, inner, _ := strings.Cut(rest, "/")
	switch {
	case inner == "inbox":
		return account, "INBOX", true
	case inner == "home/mbox":
		return account, "~/mbox", true
	case strings.HasPrefix(inner, "home/mail/") && !strings.HasSuffix(inner, "/"):
		return account, path.Clean(strings.TrimPrefix(inner, "home/mail/")), true
	}
	return "", "", false
}
