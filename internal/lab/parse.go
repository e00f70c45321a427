package lab

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"reflect"

	"gopkg.in/yaml.v3"

	"maillab/internal/lab/placeholder"
	"maillab/internal/lab/problem"
)

// maxFile is far more than any lab file has.
const maxFile = 1 << 20

// Parse reads the lab file at path in fsys and all that it names, relative to its folder. The error is Problems:
// everything that can be told without a class, at once.
func Parse(fsys fs.FS, path string) (*Lab, error) {
	d := &document{file: path, lines: map[string]int{}, bad: map[string]bool{}}
	l := &Lab{doc: d, raw: map[string][]byte{}, at: map[string][]entry{}}
	text, err := ReadFile(fsys, path, maxFile)
	if err != nil {
		return nil, Problems{{File: path, Message: plain(err)}}
	}
	d.mentions = map[string]bool{}
	for _, name := range placeholder.Names(string(text)) {
		d.mentions[name] = true
	}
	root, wrong := syntax(text)
	if wrong != nil {
		wrong.File = path
		return nil, Problems{*wrong}
	}
	d.decode(root, reflect.ValueOf(l).Elem(), "", rules{name: "the lab"})
	validation{l}.run()
	l.load(fsys)
	l.judgePlaceholders(d, nil)
	if err := d.problems.Err(); err != nil {
		return nil, err
	}
	return l, nil
}

// syntax is the one YAML document of a file.
func syntax(text []byte) (*yaml.Node, *problem.Problem) {
	in := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	switch err := in.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, &problem.Problem{Line: 1, Message: "the file is empty"}
	case err != nil:
		return nil, yamlProblem(err, text)
	case in.Decode(&more) == nil:
		return nil, &problem.Problem{Line: more.Line, Message: "a second YAML document", Mend: "one lab a file"}
	case len(doc.Content) != 1:
		return nil, &problem.Problem{Line: 1, Message: "the file is empty"}
	}
	return doc.Content[0], nil
}

// plain is an error of a file without the path, which the reader knows.
func plain(err error) string {
	var perr *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "no such file"
	case errors.As(err, &perr):
		return perr.Err.Error()
	}
	return err.Error()
}
