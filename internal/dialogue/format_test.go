package dialogue

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzFile: a file of any content is taken over; its dialogues are read or refused; a torn file holds no more than the
// whole one, and its dialogues are beginnings of those.
func FuzzFile(f *testing.F) {
	f.Add([]byte(`{"v":1,"id":"a","part":0,"service":"smtp","peer":"p","start":"2026-03-26T11:09:05.123Z","epoch":2,"accounts":["util1"]}
{"ms":1,"c":"helo"}
{"v":1,"id":"b","part":0,"service":"pop3","start":"2026-03-26T11:09:05.123Z"}
{"ms":2,"s":"250"}
{"v":1,"id":"a","part":1,"service":"smtp","start":"2026-03-26T11:09:05.123Z","end":4}
{"ms":2,"data":3}
`), 300)
	f.Add([]byte("{\"v\":1}\n{}\n{\"v\":1,\"id\":\"c\"}\n{\"ms\":9223372036854775807,\"c\":\"\"}\n"), 9)
	f.Fuzz(func(t *testing.T, text []byte, cut int) {
		whole := readAll(text)
		for id, d := range readAll(text[:min(len(text), max(0, cut))]) {
			all, there := whole[id]
			if !there || len(d.Lines) > len(all.Lines) {
				t.Fatalf("%s: %d lines of %d", id, len(d.Lines), len(all.Lines))
			}
			if diff := cmp.Diff(all.Lines[:len(d.Lines)], d.Lines); len(d.Lines) > 0 && diff != "" {
				t.Error(diff)
			}
		}
	})
}

func readAll(text []byte) map[string]Dialogue {
	d := &disk{found: map[string]*place{}}
	d.scanText(1, text)
	read := map[string]Dialogue{}
	for id, p := range d.found {
		var pieces [][]byte
		for _, s := range p.spans {
			pieces = append(pieces, text[s.from:s.from+s.len])
		}
		if one, err := parse(pieces...); err == nil {
			ByHand(one)
			read[id] = one
		}
	}
	return read
}
