package embedded

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"maillab/internal/engine"
)

// factsPrefix begins the name of a folder in which there are labels only.
const factsPrefix = "facts-"

// folder is where a volume or facts are.
func (e *Engine) folder(r engine.Resource) string {
	name := strconv.Itoa(r.Seat)
	if r.Kind == engine.Facts {
		name = factsPrefix + strconv.Itoa(r.Version)
	}
	return filepath.Join(e.data(r.Instance), name)
}

// volumes are the seats' folders, and facts.
func (e *Engine) volumes(instance string) ([]engine.Resource, error) {
	entries, err := os.ReadDir(e.data(instance))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []engine.Resource
	for _, entry := range entries {
		kind, number := engine.Volume, entry.Name()
		if version, ok := strings.CutPrefix(number, factsPrefix); ok {
			kind, number = engine.Facts, version
		}
		n, err := strconv.Atoi(number)
		if err != nil {
			continue
		}
		labels, err := readLabels(filepath.Join(e.data(instance), entry.Name(), labelsFile))
		if err != nil {
			return nil, err
		}
		if e.cfg.Seats != "" && labels[engine.LabelInstance] != instance {
			continue // another's: the folder is not named after the instance
		}
		r := engine.Resource{Kind: kind, Instance: instance, State: engine.Running, Labels: labels}
		if kind == engine.Facts {
			r.Version = n
		} else {
			r.Seat, r.Part = n, cmp.Or(labels[engine.LabelPart], "data")
		}
		all = append(all, r)
	}
	return all, nil
}
