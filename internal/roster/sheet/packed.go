package sheet

import (
	"archive/zip"
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"
)

// packed reads XLSX and ODS, which are both zip files.
func packed(data []byte) (Book, error) {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return Book{}, failed("save it again", "the file is damaged: %v", err)
	}
	var unpacked uint64
	parts := map[string]*zip.File{}
	for _, f := range archive.File {
		parts[f.Name] = f
		unpacked += min(f.UncompressedSize64, math.MaxInt64)
		if unpacked > maxUnpacked {
			return Book{}, failed("is it the right file?", "larger than a class list can be (it unpacks to more than %d MiB)", maxUnpacked>>20)
		}
	}
	switch {
	case parts["xl/workbook.xml"] != nil:
		return workbook(parts)
	case parts["content.xml"] != nil:
		return openDocument(parts["content.xml"])
	}
	return Book{}, failed("save it as .xlsx, .ods or CSV", "a packed file, but neither XLSX nor ODS")
}

func damaged(err error) error {
	if errors.Is(err, errUnfolded) {
		return failed("is it the right file?", "larger than a class list can be (its cells hold more than %d MiB)", maxHeld>>20)
	}
	return failed("save it again", "the file is damaged: %v", err)
}

// errUnfolded is a small file that says one large text for many cells.
var errUnfolded = errors.New("too much text")

// unfolded counts the octets of cells, each as often as it is there.
type unfolded int

func (u *unfolded) add(octets int) error {
	if *u += unfolded(octets); *u > maxHeld {
		return errUnfolded
	}
	return nil
}

// inFull is a cell of which both are known, what is shown and what is stored. Who sees 2,09E+07, 20 901 201 or 20901201,00
// means 20901201; 00901201 has its zeros; a date is as it is shown.
func inFull(shown, stored string) string {
	number, err := strconv.ParseFloat(stored, 64)
	if err != nil || math.IsInf(number, 0) || strings.ContainsAny(stored, "xXpP_") {
		return shown
	}
	switch rest := strings.Trim(shown, "0123456789"); {
	case shown == "": // a format that hides it
		return ""
	case rest == "":
		if zeroless(shown) == zeroless(stored) {
			return shown // with leading zeros
		}
	case strings.ContainsFunc(rest, func(c rune) bool { return !strings.ContainsRune("0123456789.,'’+-Ee \u00a0\u202f", c) }):
		return shown // a date, a sum of money, a share
	case strings.Count(rest, "-") > 1, strings.Count(rest, ".") > 1: // 2026-01-31, 31.01.2026
		return shown
	}
	return strconv.FormatFloat(number, 'f', -1, 64)
}

func zeroless(digits string) string { return strings.TrimLeft(digits, "0") }
