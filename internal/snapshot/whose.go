package snapshot

import (
	"archive/tar"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Archive is one sandbox's part of a snapshot.
type Archive struct {
	Snapshot string
	Seat     int
	Path     string
	Manifest Manifest
}

// Of are the archives of which a manifest says that they are of this student alone.
func (s Store) Of(student string) (own []Archive, err error) {
	all, err := s.archives()
	return slices.DeleteFunc(all, func(a Archive) bool { return !slices.Equal(a.Manifest.Students, []string{student}) }), err
}

// archives are all that there are, with what their manifests say.
func (s Store) archives() (all []Archive, err error) {
	snapshots, err := s.List()
	if err != nil {
		return nil, err
	}
	for _, info := range snapshots {
		for _, seat := range info.Seats {
			a := Archive{Snapshot: info.Name, Seat: seat, Path: filepath.Join(s.Dir, info.Name, strconv.Itoa(seat)+archiveSuffix)}
			if a.Manifest, err = manifestIn(a.Path); err != nil {
				return nil, fmt.Errorf("snapshot %s, seat %d: %w", info.Name, seat, err)
			}
			all = append(all, a)
		}
	}
	return all, nil
}

// manifestIn reads an archive's manifest, which is its last entry.
func manifestIn(path string) (m Manifest, err error) {
	f, err := os.Open(path)
	if err != nil {
		return m, err
	}
	defer f.Close()
	stream, done, err := unpack(f)
	if err != nil {
		return m, err
	}
	defer done()
	var v verifier
	err = each(stream, func(h *tar.Header, r io.Reader) error {
		if h.Name == manifestEntry {
			return v.readManifest(h, r)
		}
		_, err := io.Copy(io.Discard, r)
		return err
	})
	if err == nil && v.manifest == nil {
		err = damaged("it has no manifest")
	}
	if err != nil {
		return m, err
	}
	return *v.manifest, nil
}
