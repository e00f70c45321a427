// Package labs carries the labs that come with maillab: one folder each, with a lab.yaml, an example roster
// (class.csv), the statement in French and English (statement.fr.md, statement.en.md), and the mail and files that it
// starts with. lab.schema.json is the format's JSON Schema, generated from internal/lab.
package labs

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

// FS holds all labs, and the schema, as they lie here.
//
//go:embed lab.schema.json amiens-smtp-pop-imap caen-pop3-smtp confiance hello pannes
var FS embed.FS

// Default is the lab that is taken when none is named.
const Default = "amiens-smtp-pop-imap"

// File is the name of the lab file in a lab's folder.
const File = "lab.yaml"

// Roster is the name of the example roster in a lab's folder.
const Roster = "class.csv"

// Schema is the JSON Schema of lab files.
func Schema() ([]byte, error) { return FS.ReadFile("lab.schema.json") }

// List names the labs, sorted.
func List() ([]string, error) {
	entries, err := FS.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("list labs: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Open is the folder of a lab. The error is an fs.ErrNotExist when there is none of that name.
func Open(name string) (fs.FS, error) {
	names, err := List()
	if err != nil {
		return nil, err
	}
	for _, known := range names {
		if known == name {
			return fs.Sub(FS, name)
		}
	}
	return nil, &UnknownError{name, names}
}

// UnknownError is a name that no lab has.
type UnknownError struct {
	Name  string
	Known []string
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("no lab is called %q: there are %s", e.Name, strings.Join(e.Known, ", "))
}

// Is makes it an fs.ErrNotExist.
func (e *UnknownError) Is(target error) bool { return target == fs.ErrNotExist }
