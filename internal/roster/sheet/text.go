package sheet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// decode makes text with LF line ends of a file.
func decode(data []byte) (string, error) {
	from, ok := encodingOf(data)
	if !ok {
		return "", failed("save it as .xlsx, .ods or CSV", "the file is not a table")
	}
	if from != nil {
		decoded, err := from.NewDecoder().Bytes(data)
		if err != nil {
			return "", failed("save it as CSV in UTF-8", "the file is no text in a form that is known: %v", err)
		}
		data = decoded
	}
	text := strings.TrimPrefix(string(data), "\uFEFF")
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"), nil
}

// encodingOf tells how a text is encoded, nil is UTF-8; ok is false for what is no text.
func encodingOf(data []byte) (from encoding.Encoding, ok bool) {
	little, big := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	switch {
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}), bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		return little, len(data)%2 == 0 // the BOM decides
	case bytes.IndexByte(data, 0) >= 0:
		even, odd := zeros(data)
		switch { // UTF-16 without a BOM: nearly all letters of Latin have a zero byte
		case len(data)%2 == 0 && odd > len(data)/4 && even == 0:
			return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), true
		case len(data)%2 == 0 && even > len(data)/4 && odd == 0:
			return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), true
		}
		return big, false
	case utf8.Valid(data):
		return nil, true
	case macRoman(data):
		return charmap.Macintosh, true
	}
	return charmap.Windows1252, true
}

// zeros counts bytes that are zero at even and at odd places.
func zeros(data []byte) (even, odd int) {
	for i, b := range data {
		if b == 0 && i%2 == 0 {
			even++
		} else if b == 0 {
			odd++
		}
	}
	return even, odd
}

// macRoman is what old Excel for Mac wrote: lines end with CR alone, and the accented letters are where Windows has signs.
func macRoman(data []byte) bool {
	if bytes.IndexByte(data, '\n') >= 0 || bytes.IndexByte(data, '\r') < 0 {
		return false
	}
	mac, windows := 0, 0
	for _, b := range data {
		switch {
		case b >= 0xC0:
			windows++
		case b >= 0x80 && b < 0xA0:
			mac++
		}
	}
	return mac > windows
}

// tables reads text with the separator that its first line names, or with each.
func tables(text string) []Sheet {
	first, rest, _ := strings.Cut(text, "\n")
	if sep, ok := strings.CutPrefix(strings.ToLower(strings.Trim(strings.TrimRight(first, " \t;,"), `"`)), "sep="); ok {
		if sep == "" { // the separator is among what was trimmed
			sep = strings.Trim(first, `"`)[len("sep="):]
		}
		if sep == `\t` {
			sep = "\t"
		}
		if c, n := utf8.DecodeRuneInString(sep); n > 0 && strings.ContainsRune(",;\t|", c) {
			return []Sheet{table("\n"+rest, c)}
		}
	}
	return []Sheet{table(text, ','), table(text, ';'), table(text, '\t')}
}

// table reads text with one separator.
func table(text string, separator rune) (s Sheet) {
	in := csv.NewReader(strings.NewReader(quoted(text, separator)))
	in.Comma = separator
	in.FieldsPerRecord = -1
	for !s.full() {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var parse *csv.ParseError
		if errors.As(err, &parse) {
			s.report(parse.StartLine, `put the whole value in quotes, and double a quote inside it`, "%v", parse.Err)
			continue
		}
		if err != nil {
			s.report(0, "", "%v", err)
			break
		}
		line, _ := in.FieldPos(0)
		s.add(line, record)
	}
	return s
}

// quoted takes the = away that stands before a quoted cell.
func quoted(text string, separator rune) string {
	if !strings.Contains(text, `="`) {
		return text
	}
	var b strings.Builder
	within, starts := false, true
	for i, c := range text {
		if starts && !within && strings.HasPrefix(text[i:], `="`) {
			continue // the quote is at the start then
		}
		if c == '"' {
			within = !within
		}
		starts = c == separator || c == '\n'
		b.WriteRune(c)
	}
	return b.String()
}
