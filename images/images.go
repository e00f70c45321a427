// Package images carries what the sandbox image is built from, so that the controller needs no source tree: base/ makes
// the Debian base where none can be pulled, sandbox/ is a Docker build context (its bin/ is filled by the Makefile).
//
// The promise: two binaries with the same Tag build the same image, and a change of one byte changes the Tag, so an
// image that exists under its Tag never has to be built again.
package images

import (
	"archive/tar"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
)

// FS holds base/ and sandbox/.
//
//go:embed all:base all:sandbox
var FS embed.FS

// FilterRepository is the name of the image of a class's SpamAssassin, whose recipe is filter/Dockerfile.
const FilterRepository = "maillab/filter"

// Repository is the sandbox image's name without its tag.
const Repository = "maillab/sandbox"

// Base is the name of the Debian base where debian:bookworm-slim is not to be had.
const Base = "maillab/base:bookworm"

// Tag is the image's full name: Repository, a colon, and a hash over all that is in FS.
func Tag() string { return tag() }

// What is in FS is as it was built: it is hashed once, and that is some fifty megabytes of programs.
var (
	tag       = sync.OnceValue(func() string { return Repository + ":" + hash(FS) })
	filterTag = sync.OnceValue(func() string { return FilterRepository + ":" + hash(FS, "sandbox/filter/", "sandbox/bin/gateway") })
)

// FilterTag is the full name of the image of a class's SpamAssassin: the hash is over its own files.
func FilterTag() string { return filterTag() }

// Programs lists those of the given names that bin/ lacks: an image without them starts nothing.
func Programs(names ...string) (missing []string) {
	for _, name := range names {
		if _, err := fs.Stat(FS, "sandbox/bin/"+name); err != nil {
			missing = append(missing, name)
		}
	}
	return missing
}

// Context writes sandbox/ as a tar, which is what Docker builds from. Programs get mode 0755, everything else 0644, and
// nothing has an owner or a time: the same content is the same bytes, whoever built maillab, and Docker's cache holds.
func Context(w io.Writer) error {
	context, err := fs.Sub(FS, "sandbox")
	if err != nil {
		return err
	}
	return writeTar(w, context)
}

func writeTar(w io.Writer, tree fs.FS) error {
	out := tar.NewWriter(w)
	for _, name := range files(tree) {
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		header := tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode(name), Size: int64(len(text)), Format: tar.FormatPAX}
		if err := out.WriteHeader(&header); err != nil {
			return fmt.Errorf("build context: %s: %w", name, err)
		}
		if _, err := out.Write(text); err != nil {
			return fmt.Errorf("build context: %s: %w", name, err)
		}
	}
	return out.Close()
}

// mode gives programs, which an embedded file system forgets about, their execute bits back.
func mode(name string) int64 {
	if strings.HasPrefix(name, "bin/") && name != "bin/README" {
		return 0o755
	}
	return 0o644
}

// hash is over the files of a tree, of which those count that begin with one of some prefixes; without any, all.
func hash(tree fs.FS, of ...string) string {
	sum := sha256.New()
	for _, name := range files(tree) {
		if len(of) > 0 && !slices.ContainsFunc(of, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			continue
		}
		if err := add(sum, tree, name); err != nil {
			panic(fmt.Sprintf("images: %s is embedded but cannot be read: %v", name, err))
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// add reads a file piece by piece: a program is some ten megabytes.
func add(sum io.Writer, tree fs.FS, name string) error {
	file, err := tree.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	fmt.Fprintf(sum, "%s\x00%d\x00", name, info.Size())
	_, err = io.Copy(sum, file)
	return err
}

// files are the names of all regular files of tree, sorted.
func files(tree fs.FS) []string {
	var names []string
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		panic(fmt.Sprintf("images: the embedded tree cannot be walked: %v", err))
	}
	slices.Sort(names)
	return names
}
