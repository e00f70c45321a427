// Package depot keeps copies of sandboxes that are on other machines: of each machine that a swarm's instance is on, the gateway
// copies what its sandboxes have to another one's, so that they can be placed anew where it dies.
//
// # Files
//
//	SEAT/ID.tar.zst    a sandbox's snapshot (package lesson), compressed
//
// An ID is INCARNATION-TIME, so that the newest sorts last. A file's time is when the sandbox was so at last. A copy is written
// aside, synced and renamed.
package depot

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"maillab/internal/control"
	"maillab/internal/safeio"
)

// Bounds on what is kept.
const (
	maxCopy = 256 << 20 // octets of one, compressed
	maxKeep = 10        // of a seat
	suffix  = ".tar.zst"
)

// Store is a folder of copies, on one node.
type Store struct {
	Dir  string
	Node string
	Room func() bool // whether there is room for one more

	mu sync.Mutex // while something is put or removed
}

var ids = regexp.MustCompile(`^[0-9]{8}-[0-9]{8}T[0-9]{6}\.[0-9]{3}$`)

const idTime = "20060102T150405.000"

// ID names a copy of an incarnation, taken at a time.
func ID(incarnation int, at time.Time) string {
	return fmt.Sprintf("%08d-%s", incarnation, at.UTC().Format(idTime))
}

// takenAt is the time in an ID.
func takenAt(id string) (time.Time, error) {
	_, at, _ := strings.Cut(id, "-")
	return time.Parse(idTime, at)
}

// Handler serves what package control says of a depot, of this node's.
func (s *Store) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/depot/{node}", func(w http.ResponseWriter, _ *http.Request) {
		all, err := s.List()
		if err != nil {
			control.WriteError(w, http.StatusInternalServerError, err)
			return
		}
		control.WriteJSON(w, all)
	})
	mux.HandleFunc("GET /v1/depot/{node}/{seat}/{id}", s.named(func(w http.ResponseWriter, _ *http.Request, file string) error {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := io.Copy(w, f); err != nil {
			panic(http.ErrAbortHandler) // the reader must not take it for the end
		}
		return nil
	}))
	mux.HandleFunc("PUT /v1/depot/{node}/{seat}/{id}", s.named(func(w http.ResponseWriter, r *http.Request, file string) error {
		keep, err := strconv.Atoi(r.FormValue("keep"))
		if err != nil || keep < 1 || keep > maxKeep {
			return fmt.Errorf("keep %q: 1 to %d", r.FormValue("keep"), maxKeep)
		}
		if err = s.put(file, keep, http.MaxBytesReader(w, r.Body, maxCopy)); err == nil {
			control.WriteJSON(w, struct{}{})
		}
		return err
	}))
	mux.HandleFunc("POST /v1/depot/{node}/{seat}/{id}", s.named(func(w http.ResponseWriter, r *http.Request, file string) error {
		at, err := time.Parse(time.RFC3339Nano, r.FormValue("at"))
		if err == nil {
			err = os.Chtimes(file, at, at)
		}
		if err == nil {
			control.WriteJSON(w, struct{}{})
		}
		return err
	}))
	return mux
}

// named finds the file of a copy.
func (s *Store) named(do func(w http.ResponseWriter, r *http.Request, file string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		seat, err := strconv.Atoi(r.PathValue("seat"))
		id := r.PathValue("id")
		if err != nil || seat < 0 || !ids.MatchString(id) {
			control.WriteError(w, http.StatusBadRequest, fmt.Errorf("no copy is called %q of seat %q", id, r.PathValue("seat")))
			return
		}
		switch err := do(w, r, filepath.Join(s.Dir, strconv.Itoa(seat), id+suffix)); {
		case errors.Is(err, fs.ErrNotExist):
			control.WriteError(w, http.StatusNotFound, fmt.Errorf("there is no copy %s of seat %d", id, seat))
		case errors.Is(err, errNoRoom), errors.As(err, new(*http.MaxBytesError)):
			control.WriteError(w, http.StatusInsufficientStorage, err)
		case err != nil:
			control.WriteError(w, http.StatusInternalServerError, err)
		}
	}
}

var errNoRoom = errors.New("no room for copies is left")

// put keeps a copy, and of its seat the newest ones.
func (s *Store) put(file string, keep int, from io.Reader) error {
	if s.Room != nil && !s.Room() {
		return errNoRoom
	}
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	at, err := takenAt(strings.TrimSuffix(filepath.Base(file), suffix))
	if err != nil {
		return err
	}
	err = safeio.Write(file, 0o600, safeio.Whole, func(f *os.File) error {
		_, err := io.Copy(f, from)
		return err
	})
	if err == nil {
		err = os.Chtimes(file, at, at)
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all, err := s.of(filepath.Base(dir))
	if len(all) <= keep || err != nil {
		return err
	}
	for _, k := range all[:len(all)-keep] {
		err = errors.Join(err, os.Remove(filepath.Join(dir, k.ID+suffix)))
	}
	return err
}

// List are all copies, by seat, the oldest first.
func (s *Store) List() ([]control.Kept, error) {
	seats, err := os.ReadDir(s.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	list := []control.Kept{}
	for _, seat := range seats {
		all, err := s.of(seat.Name())
		if err != nil {
			return nil, err
		}
		list = append(list, all...)
	}
	slices.SortFunc(list, func(a, b control.Kept) int { return cmp.Or(cmp.Compare(a.Seat, b.Seat), cmp.Compare(a.ID, b.ID)) })
	return list, nil
}

// of are a seat's. What was being written when the gateway ended has another form of name, and is removed with the seat.
func (s *Store) of(name string) (all []control.Kept, err error) {
	seat, wrong := strconv.Atoi(name)
	if wrong != nil {
		return nil, nil
	}
	entries, err := os.ReadDir(filepath.Join(s.Dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		id, whole := strings.CutSuffix(e.Name(), suffix)
		info, gone := e.Info()
		if whole && gone == nil && ids.MatchString(id) {
			all = append(all, control.Kept{Node: s.Node, Seat: seat, ID: id, Time: info.ModTime(), Octets: info.Size()})
		}
	}
	return all, err
}

// Only removes what is of other seats than these.
func (s *Store) Only(seats []int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if seat, wrong := strconv.Atoi(e.Name()); wrong == nil && !slices.Contains(seats, seat) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(s.Dir, e.Name())))
		}
	}
	return err
}
