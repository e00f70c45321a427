package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// pages are what a release's archive has beside the programs, from the tree.
func pages() []string { return []string{"README.md", "CHANGELOG.md", "SECURITY.md", "docs"} }

// pack writes a platform's archive: a folder of the archive's own name with the programs, under their short names, and the
// pages. Nothing in it has a time or an owner: the same programs and pages are the same bytes.
func pack(file string, programs map[string]string, tree fs.FS) (err error) {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	zipped, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return err
	}
	a := archive{tar.NewWriter(zipped), strings.TrimSuffix(filepath.Base(file), archiveSuffix)}
	for _, name := range slices.Sorted(maps.Keys(programs)) {
		if err := a.program(name, programs[name]); err != nil {
			return err
		}
	}
	for _, page := range pages() {
		if err := a.tree(tree, page); err != nil {
			return err
		}
	}
	return errors.Join(a.out.Close(), zipped.Close())
}

// archiveSuffix is the one form for all systems: Windows has had tar since 2018.
const archiveSuffix = ".tar.gz"

type archive struct {
	out    *tar.Writer
	folder string
}

func (a archive) program(name, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return a.add(name, 0o755, f)
}

// tree adds a file, or a folder with all that is in it.
func (a archive) tree(tree fs.FS, root string) error {
	return fs.WalkDir(tree, root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		f, err := tree.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		return a.add(name, 0o644, f)
	})
}

func (a archive) add(name string, mode int64, f fs.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	header := tar.Header{Typeflag: tar.TypeReg, Name: path.Join(a.folder, name), Mode: mode, Size: info.Size(), Format: tar.FormatPAX}
	if err := a.out.WriteHeader(&header); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	_, err = io.Copy(a.out, f)
	return err
}
