package labs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// schemaFile is where a lab's first line tells editors to look for the schema.
const schemaFile = "../lab.schema.json"

// Copy copies a lab's folder to one that is not there yet, and puts the schema beside it, unless there is one.
func Copy(name, to string) error {
	folder, err := Open(name)
	if err != nil {
		return err
	}
	if err := os.CopyFS(to, folder); err != nil {
		return fmt.Errorf("copy lab %s: %w", name, err)
	}
	schema, err := Schema()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(to, schemaFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	switch {
	case errors.Is(err, fs.ErrExist): // whoever has one keeps it
		return nil
	case err != nil:
		return err
	}
	_, err = f.Write(schema)
	return errors.Join(err, f.Close())
}
