package dialogue

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
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
		whole := readAll(t, text)
		for id, d := range readAll(t, text[:min(len(text), max(0, cut))]) {
			all, there := whole[id]
			if !there {
				t.Fatalf("%s is there only when the text is cut", id)
			}
			for _, l := range d.Lines {
				same := func(other Line) bool { l.At, l.From = other.At, other.From; return other == l } // a later head may tell another start and service
				if !slices.ContainsFunc(all.Lines, same) {
					t.Errorf("%s: %+v is no line of the whole", id, l)
				}
			}
		}
	})
}

// readAll reads a file of an earlier run.
func readAll(t *testing.T, text []byte) map[string]Dialogue {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "00000001.jsonl"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(Config{Dir: dir, MaxTotal: 1 << 30, MaxCount: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]Dialogue{}
	for _, found := range s.List(Filter{}) {
		if one, err := s.Read(found.ID); err == nil {
			ByHand(one)
			read[one.ID] = one
		}
	}
	return read
}
