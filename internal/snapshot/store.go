package snapshot

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"maillab/internal/filelock"
)

// Store is an instance's snapshots: a folder with a folder for each.
type Store struct{ Dir string }

// Info is one snapshot as a list shows it.
type Info struct {
	Name  string    `json:"name"`
	Time  time.Time `json:"time"` // of the youngest archive
	Bytes int64     `json:"bytes"`
	Seats []int     `json:"seats"`
}

// ErrExists is a name that is taken.
var ErrExists = errors.New("there is a snapshot of that name")

// names of snapshots are file names anywhere, and no word of the command line's.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// CheckName refuses what cannot be a snapshot's name.
func CheckName(name string) error {
	if !nameForm.MatchString(name) || name == "clean" || strings.HasSuffix(name, ".") {
		return fmt.Errorf("a snapshot cannot be called %q: 1 to 64 letters, digits, dots, dashes, and not clean", name)
	}
	return nil
}

const archiveSuffix = ".tar.zst"

// asidePrefix is what is being written, and lockSuffix a lock beside it that its writer holds; abandonedAfter is long enough for
// a writer to take it.
const (
	asidePrefix    = ".new-"
	lockSuffix     = ".lock"
	abandonedAfter = time.Minute
)

// List lists the snapshots by name.
func (s Store) List() ([]Info, error) {
	s.sweep()
	entries, err := os.ReadDir(s.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []Info
	for _, e := range entries {
		if !e.IsDir() || CheckName(e.Name()) != nil {
			continue
		}
		info, err := s.info(e.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, info)
	}
	return all, nil
}

func (s Store) info(name string) (Info, error) {
	info := Info{Name: name, Seats: []int{}}
	entries, err := os.ReadDir(filepath.Join(s.Dir, name))
	if err != nil {
		return info, err
	}
	for _, e := range entries {
		seat, ok := seatOf(e.Name())
		if !ok {
			continue
		}
		about, err := e.Info()
		if err != nil {
			return info, err
		}
		info.Seats = append(info.Seats, seat)
		info.Bytes += about.Size()
		if about.ModTime().After(info.Time) {
			info.Time = about.ModTime()
		}
	}
	slices.Sort(info.Seats)
	return info, nil
}

func seatOf(file string) (int, bool) {
	number, ok := strings.CutSuffix(file, archiveSuffix)
	seat, err := strconv.Atoi(number)
	return seat, ok && err == nil && seat >= 0 && strconv.Itoa(seat) == number
}

// Find returns a snapshot, or fs.ErrNotExist.
func (s Store) Find(name string) (Info, error) {
	if err := CheckName(name); err != nil {
		return Info{}, err
	}
	info, err := s.info(name)
	if errors.Is(err, fs.ErrNotExist) {
		return info, &unknownError{name}
	}
	return info, err
}

// unknownError is a name that no snapshot has.
type unknownError struct{ name string }

func (e *unknownError) Error() string {
	return fmt.Sprintf("no snapshot is called %q: maillab snapshot ls shows those that there are", e.name)
}

// Is makes it an fs.ErrNotExist.
func (e *unknownError) Is(target error) bool { return target == fs.ErrNotExist }

// Open opens a sandbox's archive.
func (s Store) Open(name string, seat int) (*os.File, error) {
	return os.Open(filepath.Join(s.Dir, name, strconv.Itoa(seat)+archiveSuffix))
}

// Written is when a sandbox's archive was written, which is not before what is in it was so; zero where there is none.
func (s Store) Written(name string, seat int) time.Time {
	info, err := os.Stat(filepath.Join(s.Dir, name, strconv.Itoa(seat)+archiveSuffix))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// Remove removes a snapshot: first its name, at once, then what was under it.
func (s Store) Remove(name string) error {
	if _, err := s.Find(name); err != nil {
		return err
	}
	aside, err := os.MkdirTemp(s.Dir, asidePrefix)
	if err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(s.Dir, name), filepath.Join(aside, "gone")); err != nil {
		return errors.Join(err, os.Remove(aside))
	}
	return os.RemoveAll(aside)
}

// Draft is a snapshot that is being written. Seats may be written side by side.
type Draft struct {
	store Store
	name  string
	dir   string

	release func()
}

// Begin begins a snapshot under a name that is free.
func (s Store) Begin(name string) (*Draft, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(filepath.Join(s.Dir, name)); err == nil {
		return nil, fmt.Errorf("%w: %s", ErrExists, name)
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, err
	}
	s.sweep()
	dir, err := os.MkdirTemp(s.Dir, asidePrefix)
	if err != nil {
		return nil, err
	}
	release, _, err := filelock.Try(dir + lockSuffix)
	if err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	return &Draft{store: s, name: name, dir: dir, release: sync.OnceFunc(func() {
		_ = os.Remove(dir + lockSuffix)
		release()
		_ = os.Remove(dir + lockSuffix) // where nobody removes what is open
	})}, nil
}

// sweep removes what a writer that was killed has left.
func (s Store) sweep() {
	entries, _ := os.ReadDir(s.Dir)
	for _, e := range entries {
		info, err := e.Info()
		path := filepath.Join(s.Dir, e.Name())
		if err == nil && strings.HasPrefix(e.Name(), asidePrefix) && time.Since(info.ModTime()) > abandonedAfter &&
			!filelock.Held(strings.TrimSuffix(path, lockSuffix)+lockSuffix) {
			_ = os.RemoveAll(path)
		}
	}
}

// Put writes one sandbox's archive with write, and syncs it.
func (d *Draft) Put(seat int, write func(io.Writer) error) (err error) {
	path := filepath.Join(d.dir, strconv.Itoa(seat)+archiveSuffix)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// Commit gives the snapshot its name. Whoever was quicker with the same name keeps it.
func (d *Draft) Commit() error {
	defer d.release()
	to := filepath.Join(d.store.Dir, d.name)
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("%w: %s", ErrExists, d.name)
	}
	if err := syncDir(d.dir); err != nil {
		return err
	}
	if err := os.Rename(d.dir, to); err != nil {
		return err
	}
	return syncDir(d.store.Dir)
}

// Abort throws the draft away. After Commit it does nothing.
func (d *Draft) Abort() {
	_ = os.RemoveAll(d.dir)
	d.release()
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// maxExported bounds one archive of an exported snapshot, as it is.
const maxExported = 8 << 30

// Export writes a snapshot as one tar of its archives.
func (s Store) Export(name string, w io.Writer) error {
	info, err := s.Find(name)
	if err != nil {
		return err
	}
	out := tar.NewWriter(w)
	for _, seat := range info.Seats {
		if err := s.exportOne(name, seat, out); err != nil {
			return err
		}
	}
	return out.Close()
}

func (s Store) exportOne(name string, seat int, out *tar.Writer) error {
	f, err := s.Open(name, seat)
	if err != nil {
		return err
	}
	defer f.Close()
	about, err := f.Stat()
	if err != nil {
		return err
	}
	h := &tar.Header{Name: strconv.Itoa(seat) + archiveSuffix, Typeflag: tar.TypeReg, Mode: 0o600, Size: about.Size(), ModTime: about.ModTime(), Format: tar.FormatPAX}
	if err := out.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.Copy(out, f)
	return err
}

// Import takes in what Export wrote, or a single archive. Every archive is verified before the snapshot gets its name.
func (s Store) Import(name string, r io.Reader) (Info, error) {
	d, err := s.Begin(name)
	if err != nil {
		return Info{}, err
	}
	defer d.Abort()
	head := make([]byte, 4)
	n, err := io.ReadFull(r, head)
	if err != nil {
		return Info{}, damaged("it is empty")
	}
	r = io.MultiReader(bytes.NewReader(head[:n]), r)
	if bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}) { // RFC 8878 section 3.1.1
		err = d.adoptOne(r)
	} else {
		err = d.adoptAll(r)
	}
	if err != nil {
		return Info{}, err
	}
	if err := d.Commit(); err != nil {
		return Info{}, err
	}
	return s.info(name)
}

func (d *Draft) adoptAll(r io.Reader) error {
	seen := map[int]bool{}
	err := each(r, func(h *tar.Header, r io.Reader) error {
		seat, ok := seatOf(h.Name)
		if !ok || h.Typeflag != tar.TypeReg || h.Size > maxExported || seen[seat] || len(seen) > 10_000 {
			return damaged("%q is no archive of a sandbox", h.Name)
		}
		seen[seat] = true
		return d.adopt(seat, r)
	})
	if err == nil && len(seen) == 0 {
		err = damaged("there is no archive in it")
	}
	return err
}

// adoptOne takes in a single archive, under the seat that it says.
func (d *Draft) adoptOne(r io.Reader) error {
	if err := d.adopt(0, r); err != nil {
		return err
	}
	from := filepath.Join(d.dir, "0"+archiveSuffix)
	m, err := verifyFile(from)
	if err != nil {
		return err
	}
	if m.Seat < 0 {
		return damaged("seat %d", m.Seat)
	}
	return os.Rename(from, filepath.Join(d.dir, strconv.Itoa(m.Seat)+archiveSuffix))
}

func (d *Draft) adopt(seat int, r io.Reader) error {
	err := d.Put(seat, func(w io.Writer) error {
		n, err := io.Copy(w, io.LimitReader(r, maxExported+1))
		if err == nil && n > maxExported {
			err = damaged("an archive of more than %d bytes", int64(maxExported))
		}
		return err
	})
	if err != nil {
		return err
	}
	if _, err := verifyFile(filepath.Join(d.dir, strconv.Itoa(seat)+archiveSuffix)); err != nil {
		return fmt.Errorf("seat %d: %w", seat, err)
	}
	return nil
}

func verifyFile(path string) (Manifest, error) {
	f, err := os.Open(path)
	if err != nil {
		return Manifest{}, err
	}
	defer f.Close()
	return Verify(f)
}
