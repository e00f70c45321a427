package belongings

import (
	"archive/tar"
	"errors"
	"io"
	"time"
)

// passwordMost bounds an archive's password: two hashes of crypt(3).
const passwordMost = 1 << 10

// SavePassword writes the password that an account's owner has chosen to w, unless that is "".
func SavePassword(w *tar.Writer, chosen string) error {
	if chosen == "" {
		return nil
	}
	h := &tar.Header{Name: passwordEntry, Typeflag: tar.TypeReg, Mode: 0o600, Size: int64(len(chosen)), ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := io.WriteString(w, chosen)
	return err
}

// PasswordIn is the password in an archive, "" where there is none.
func PasswordIn(archive io.Reader) (chosen string, err error) {
	found := errors.New("found")
	err = walk(archive, func(h *tar.Header, r io.Reader) error {
		if h.Name != passwordEntry {
			return nil
		}
		text, err := io.ReadAll(r)
		if chosen = string(text); err == nil {
			err = found
		}
		return err
	})
	if err == found {
		err = nil
	}
	return chosen, err
}
