package sheet

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"io"
)

// walk reads XML from front to end.
type walk struct{ *xml.Decoder }

// walkPart reads a part of a packed file, from its start; f is done when it returns.
func walkPart(part *zip.File, f func(walk) error) error {
	in, err := part.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	w := walk{xml.NewDecoder(io.LimitReader(in, maxUnpacked))}
	if err := f(w); !errors.Is(err, io.EOF) {
		return err
	}
	return nil // the end, with all that was opened closed
}

// within calls f for what is in the element that has begun, until it ends. Of an element f reads all, or returns false: then
// what is in it is among the rest. Around the document's own element it ends with io.EOF.
func (w walk) within(f func(xml.Token) (taken bool, err error)) error {
	for depth := 0; ; {
		token, err := w.Token()
		if err != nil {
			return err
		}
		if _, ends := token.(xml.EndElement); ends {
			if depth--; depth < 0 {
				return nil
			}
			continue
		}
		taken, err := f(token)
		if err != nil {
			return err
		}
		if _, begins := token.(xml.StartElement); begins && !taken {
			depth++
		}
	}
}

// each is within for elements alone.
func (w walk) each(f func(xml.StartElement) (taken bool, err error)) error {
	return w.within(func(token xml.Token) (bool, error) {
		if e, ok := token.(xml.StartElement); ok {
			return f(e)
		}
		return false, nil
	})
}

// text is what is written in the element that has begun.
func (w walk) text() (string, error) {
	var all []byte
	err := w.within(func(token xml.Token) (bool, error) {
		if text, ok := token.(xml.CharData); ok {
			all = append(all, text...)
		}
		return false, nil
	})
	return string(all), err
}

// attribute is an element's attribute; space "" takes any.
func attribute(e xml.StartElement, space, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name && (space == "" || a.Name.Space == space) {
			return a.Value
		}
	}
	return ""
}
