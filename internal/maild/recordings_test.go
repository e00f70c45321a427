package maild

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/belongings"
	"maillab/internal/control"
)

// cast is a recording as a terminal of the page makes it.
func cast(shown string) string {
	return `{"version":3,"term":{"cols":80,"rows":24},"timestamp":1774519740,"title":"util1"}` + "\n" + `[0.1,"o","` + shown + `"]` + "\n"
}

// shown are all recordings, by student.
func shown(t *testing.T, b *sandboxed) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, k := range b.screens.List("") {
		var text bytes.Buffer
		if err := b.screens.Read(k.Student, k.ID, &text); err != nil {
			t.Fatal(err)
		}
		all[k.Student] = append(all[k.Student], k.ID+" "+k.Title+" "+k.Start.String()+" "+k.Last.String()+" "+text.String())
	}
	return all
}

// TestRecordingsComeBack: a snapshot has what students' terminals showed, and a restore on a server that knows nothing of it puts
// it back, once, as it was; of one student alone, that student's; with the mail only, none. A bundle has the student's own.
func TestRecordingsComeBack(t *testing.T) {
	b := start(t, 3, class)
	for _, student := range []string{"alice", "alice", "bruno"} {
		if err := b.screens.Take(t.Context(), student, strings.NewReader(cast("of "+student+strings.Repeat(" much", 20_000)))); err != nil {
			t.Fatal(err)
		}
	}
	before, archive := shown(t, b), b.saved(t)
	if len(before["alice"]) != 2 || len(before["bruno"]) != 1 {
		t.Fatal("they are not kept: ", len(before["alice"]), len(before["bruno"]))
	}
	for name, c := range map[string]struct {
		q    control.Restore
		want map[string][]string
	}{
		"all":   {control.Restore{Scope: string(belongings.All)}, before},
		"alice": {control.Restore{Scope: string(belongings.All), Students: []string{"alice"}}, map[string][]string{"alice": before["alice"]}},
		"mail":  {control.Restore{Scope: string(belongings.Mail)}, map[string][]string{}},
	} {
		fresh := start(t, 3, class)
		for range 2 {
			if _, err := fresh.lessons.Restore(t.Context(), c.q, bytes.NewReader(archive)); err != nil {
				t.Fatal(name, err)
			}
		}
		if diff := cmp.Diff(c.want, shown(t, fresh)); diff != "" {
			t.Error(name, diff)
		}
	}
	var bundle bytes.Buffer
	if err := b.grading.Records().Bundle(t.Context(), "bruno", &bundle); err != nil {
		t.Fatal(err)
	}
	var has []string
	for in := tar.NewReader(&bundle); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(h.Name, "recordings/") {
			text, err := io.ReadAll(in)
			if err != nil || !bytes.Contains(text, []byte("of bruno much")) {
				t.Error(h.Name, err)
			}
			has = append(has, h.Name)
		}
	}
	if len(has) != 1 {
		t.Error("bruno's bundle has ", has)
	}
}

// TestForgedRecording: an archive with a recording under a name that means nothing changes nothing.
func TestForgedRecording(t *testing.T) {
	b := start(t, 1)
	if err := b.screens.Take(t.Context(), "sutil1", strings.NewReader(cast("mine"))); err != nil {
		t.Fatal(err)
	}
	id := b.screens.List("")[0].ID
	archive := b.saved(t)
	for _, name := range []string{"recordings/sutil1/../x.cast", "recordings/sutil1/" + strings.Repeat("9", len(id)) + ".cast", "recordings/x", "recordings/a/b/" + id + ".cast"} {
		var forged bytes.Buffer
		in, out := tar.NewReader(bytes.NewReader(archive)), tar.NewWriter(&forged)
		for h, err := in.Next(); err == nil; h, err = in.Next() {
			if strings.HasPrefix(h.Name, "recordings/") {
				h.Name = name
			}
			text, _ := io.ReadAll(in)
			if err := errors.Join(out.WriteHeader(h), second(out.Write(text))); err != nil {
				t.Fatal(err)
			}
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := b.lessons.Restore(t.Context(), control.Restore{Scope: string(belongings.All)}, &forged); err == nil || !strings.Contains(err.Error(), "nothing was touched") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := b.screens.PutBack("sutil1", "20260326T110905.123-1", b.cfg.Now(), strings.NewReader("no recording\n")); err == nil {
		t.Error("what is none is put back")
	}
	if got := b.screens.List(""); len(got) != 1 || got[0].ID != id {
		t.Error(got)
	}
}

func second(_ int, err error) error { return err }
