package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Names in a runtime folder, and in a seat's folder.
const (
	lockFile   = "lock"
	pidFile    = "pid"
	socketFile = "control.sock"
	logFile    = "log"
	labelsFile = "labels.json"
	specFile   = "spec.json"
)

// readLabels reads what writeLabels wrote; a file that is not there has none.
func readLabels(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var labels map[string]string
	if err := json.Unmarshal(text, &labels); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return labels, nil
}

func writeLabels(path string, labels map[string]string) error {
	text, err := json.Marshal(labels)
	if err != nil {
		return err
	}
	return writeAside(path, text)
}

// writeAside puts a whole file in place at once.
func writeAside(path string, text []byte) error {
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
