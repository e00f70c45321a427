package classroom

import (
	"encoding/json"
	"path/filepath"

	"maillab/internal/deploy"
	"maillab/internal/safeio"
)

// Surroundings are the variables that a program in a lab gets, and, in dir, the file that one of them names.
func Surroundings(o deploy.Outcome, dir string) ([]string, error) {
	told := o.Tell()
	text, err := json.MarshalIndent(told, "", "  ")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "lab.json")
	if err := safeio.WriteFile(file, append(text, '\n'), 0o600, safeio.Whole); err != nil {
		return nil, err
	}
	return append(told.Variables(), "MAILLAB_JSON="+file), nil
}
