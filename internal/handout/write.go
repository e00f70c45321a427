package handout

import (
	"os"
	"path/filepath"
	"strings"

	"maillab/internal/safeio"
)

// Write writes every form into a folder, 0600: there are passwords in them.
func (c Class) Write(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	keys := filepath.Join(dir, "known_hosts")
	files := map[string]func() (string, error){
		"class.html":  c.HTML,
		"class.csv":   c.CSV,
		"ssh_config":  func() (string, error) { return c.SSHConfig(keys), nil },
		"known_hosts": func() (string, error) { return c.KnownHosts(), nil },
	}
	for _, sheet := range c.Sheets {
		one := Class{Instance: c.Instance, Title: c.Title, Sheets: []Sheet{sheet}}
		name := fileName(sheet.Student)
		files[name+".md"] = func() (string, error) { return one.Markdown(), nil }
		files[name+".html"] = one.HTML
	}
	for name, form := range files {
		text, err := form()
		if err == nil {
			err = safeio.WriteFile(filepath.Join(dir, name), []byte(text), 0o600, safeio.Whole)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fileName is a student's name as a file's: no separator, nothing that is hidden or leads elsewhere.
func fileName(student string) string {
	name := strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, student)
	if strings.HasPrefix(name, ".") || name == "class" {
		name = "_" + name
	}
	return name
}
