//go:build linux

package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"maillab/internal/broker"
	"maillab/internal/spec"
)

// startFiles puts the spec's files into homes: each once, and again only when the lab has a new version of it and the
// student has not touched the old one. record is the file that remembers what was put.
type startFiles struct {
	files  *broker.Files
	record string
	log    *slog.Logger
}

func (s startFiles) put(ctx context.Context, files []spec.File) error {
	text, err := readOr(s.record)
	if err != nil {
		return err
	}
	done := parseRecord(text)
	now := map[string]string{}
	for _, f := range files {
		sum := digest(f.Data)
		if done[f.Path] != sum {
			if err := s.putOne(ctx, f, done[f.Path]); err != nil {
				return err
			}
		}
		now[f.Path] = sum
	}
	return replaceIfDifferent(s.record, recordText(files, now), 0o600, -1)
}

// putOne puts one file. That a student has something else in its place is his affair, not an error.
func (s startFiles) putOne(ctx context.Context, f spec.File, before string) error {
	rel, _ := inHome(f)
	untouched := func(old []byte) bool { return digest(old) == before }
	put, err := s.files.Place(ctx, f.Account, rel, os.FileMode(f.Mode), f.Data, untouched)
	if errors.Is(err, broker.ErrRefused) || errors.Is(err, os.ErrPermission) {
		s.log.Warn("start file not put", "path", f.Path, "err", err)
		return nil
	}
	if err == nil && !put {
		s.log.Info("start file left as the student has it", "path", f.Path)
	}
	return err
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func parseRecord(text []byte) map[string]string {
	done := map[string]string{}
	for line := range strings.Lines(string(text)) {
		sum, path, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if ok {
			done[path] = sum
		}
	}
	return done
}

func recordText(files []spec.File, sums map[string]string) []byte {
	var out strings.Builder
	for _, f := range files {
		fmt.Fprintf(&out, "%s %s\n", sums[f.Path], f.Path)
	}
	return []byte(out.String())
}
