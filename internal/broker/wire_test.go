package broker

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"maillab/internal/handoff"
)

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestParseRefuses(t *testing.T) {
	for _, packet := range []string{
		"", "x", "[]", `{"id":1}x`, `{"id":1}{"id":2}`, `{"id":-1}`, `{"id":1,"op":"open","other":1}`, `{"id":1,"flag":"2"}`,
		`{"id":1,"op":"` + strings.Repeat("x", handoff.MaxPacket) + `"}`,
	} {
		if r, err := parseRequest([]byte(packet)); err == nil {
			t.Errorf("request %.60q parses to %+v", packet, r)
		}
	}
	for _, packet := range []string{"", `{"id":1,"kind":"other","error":"x"}`, `{"id":1,"errno":-1,"error":"x"}`, `{"id":1,"errno":99999,"error":"x"}`, `{"id":1,"errno":2}`, `{"id":1,"kind":"locked"}`} {
		if r, err := parseReply([]byte(packet)); err == nil {
			t.Errorf("reply %.60q parses to %+v", packet, r)
		}
	}
}

// FuzzRequest: what labinit takes from maild, it understands exactly as maild would have written it.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"id":7,"op":"open","user":"util1","box":"INBOX","flag":2}`))
	f.Add([]byte(`{"id":8,"op":"rename","user":"util1","box":"a","to":"b/c"}`))
	f.Add([]byte(`{"id":9,"op":"authorize","user":"util1","key":"ssh-ed25519 AAAA","ttl":60000}`))
	f.Fuzz(func(t *testing.T, packet []byte) {
		r, err := parseRequest(packet)
		if err != nil {
			return
		}
		again, err := parseRequest(marshal(t, r))
		if err != nil && len(marshal(t, r)) <= handoff.MaxPacket {
			t.Fatalf("%+v does not parse again: %v", r, err)
		}
		if err == nil && again != r {
			t.Fatalf("%+v becomes %+v", r, again)
		}
		if p, err := locate(r.User, r.Box); err == nil {
			checkPlace(t, p, r.User)
		}
	})
}

// checkPlace holds what no box name may lead out of.
func checkPlace(t *testing.T, p place, user string) {
	for _, step := range p.dirs {
		if step == "" || step == "." || step == ".." || strings.ContainsAny(step, "/\x00") {
			t.Fatalf("a step of %+v leads astray", p)
		}
	}
	if p.root == inHome && (p.name == "" || p.name == "." || p.name == ".." || strings.ContainsAny(p.name, "/\x00")) {
		t.Fatalf("the name of %+v leads astray", p)
	}
	if p.root == inSpool && p.name != user && p.name != "."+user+".new" {
		t.Fatalf("%+v is another's mailbox", p)
	}
}

func FuzzReply(f *testing.F) {
	f.Add([]byte(`{"id":7}`))
	f.Add([]byte(`{"id":8,"errno":2,"error":"no such file"}`))
	f.Add([]byte(`{"id":9,"kind":"locked","errno":11,"error":"x"}`))
	f.Fuzz(func(t *testing.T, packet []byte) {
		r, err := parseReply(packet)
		if err != nil {
			return
		}
		again, err := parseReply(marshal(t, r))
		if err != nil && len(marshal(t, r)) <= handoff.MaxPacket {
			t.Fatalf("%+v does not parse again: %v", r, err)
		}
		if err == nil && !reflect.DeepEqual(again, r) {
			t.Fatalf("%+v becomes %+v", r, again)
		}
		if got := r.err(request{Op: opOpen}); (got == nil) != (r.Error == "") {
			t.Fatalf("%+v is the error %v", r, got)
		}
	})
}

func FuzzLocate(f *testing.F) {
	for _, box := range []string{"INBOX", "INBOX/new", ".forward", "~/mbox", "a/b", "../x"} {
		f.Add(box)
	}
	f.Fuzz(func(t *testing.T, box string) {
		if p, err := locate("util1", box); err == nil {
			checkPlace(t, p, "util1")
			if strings.ContainsRune(box, 0) || bytes.ContainsRune([]byte(p.name), 0) {
				t.Fatalf("%q leads to %+v", box, p)
			}
		}
	})
}
