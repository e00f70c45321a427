package syntax

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// mailbase64 is base64 with "," for "/" and without padding (RFC 3501, section 5.1.3).
func mailbase64() *base64.Encoding {
	return base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)
}

// EncodeUTF7 puts a name into modified UTF-7. Characters in also are encoded although they need not be.
func EncodeUTF7(name, also string) string {
	var b strings.Builder
	var run []rune
	flush := func() {
		if len(run) > 0 {
			units := utf16.Encode(run)
			raw := make([]byte, 0, 2*len(units))
			for _, u := range units {
				raw = append(raw, byte(u>>8), byte(u))
			}
			b.WriteString("&" + mailbase64().EncodeToString(raw) + "-")
			run = run[:0]
		}
	}
	for _, r := range name {
		if r < ' ' || r > '~' || strings.ContainsRune(also, r) {
			run = append(run, r)
			continue
		}
		flush()
		if b.WriteRune(r); r == '&' {
			b.WriteByte('-')
		}
	}
	flush()
	return b.String()
}

// DecodeUTF7 undoes it; ok is false for what is not modified UTF-7. Octets over 127 pass when they are UTF-8: names
// are typed that way, and RFC 6855 has them so.
func DecodeUTF7(name string) (_ string, ok bool) {
	if !utf8.ValidString(name) {
		return "", false
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(name, "&")
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		code, after, closed := strings.Cut(rest, "-")
		if !closed {
			return "", false
		}
		text := "&"
		if code != "" {
			if text, ok = decodeUnits(code); !ok {
				return "", false
			}
		}
		b.WriteString(text)
		name = after
	}
}

func decodeUnits(code string) (string, bool) {
	raw, err := mailbase64().DecodeString(code)
	if err != nil || len(raw)%2 != 0 || len(raw) == 0 {
		return "", false
	}
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = uint16(raw[2*i])<<8 | uint16(raw[2*i+1])
	}
	s := string(utf16.Decode(units))
	return s, !strings.ContainsRune(s, utf8.RuneError)
}
