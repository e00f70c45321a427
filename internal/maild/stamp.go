package maild

import (
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
)

// stampOf is another number when anything in the state directory, or the log, was changed that a snapshot has: not what is being
// staged, nor the copies that a page has put back.
func stampOf(stateDir, logFile string) (sum uint64) {
	add := func(path string, info fs.FileInfo) {
		h := fnv.New64a()
		fmt.Fprint(h, path, "/", info.Size(), info.ModTime().UnixNano())
		sum += h.Sum64()
	}
	_ = filepath.WalkDir(stateDir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // it went meanwhile
		}
		rel, _ := filepath.Rel(stateDir, path)
		if e.IsDir() {
			if rel == "stage" || rel == "copies" {
				return filepath.SkipDir
			}
			return nil
		}
		if info, err := e.Info(); err == nil {
			add(path, info)
		}
		return nil
	})
	if info, err := os.Stat(logFile); err == nil {
		add(logFile, info)
	}
	return sum
}
