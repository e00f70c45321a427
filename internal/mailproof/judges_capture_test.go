//go:build linux

package mailproof

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// fresh is the capture as Debian's programs make it now.
func (m *matter) fresh(theirs traces) *txtar.Archive {
	lines, ids := theirs.from(m.peer)
	name := "[UNAVAILABLE]"
	if known := strings.Fields(lines[0] + " ")[2]; !strings.HasPrefix(known, "unknown[") {
		name, _, _ = strings.Cut(known, "[")
	}
	anonymous := func(text string) string {
		for _, id := range ids {
			text = strings.ReplaceAll(text, id, "QUEUEID")
		}
		return regexp.MustCompile(`queued as \w+`).ReplaceAllString(text, "queued as QUEUEID")
	}
	dialogue := strings.Join(m.theirs[1:len(m.theirs)-2], "\n") + "\n" // without greeting and QUIT
	log, header := "", ""
	for _, e := range theirs.events() {
		judges := e.process == "policyd-spf" || strings.HasPrefix(e.process, "open") && !strings.HasPrefix(e.text, "ignoring connection ")
		if !judges && (e.process == "cleanup" || strings.Contains(e.text, "reject: ")) {
			e.process = "postfix/" + e.process
			judges = true
		}
		if judges {
			log += e.process + ": " + e.text + "\n"
		}
	}
	for _, copied := range theirs.mail(ids) {
		header, _, _ = strings.Cut(copied.text, "\nReceived: ")
		header = regexp.MustCompile(`(?m)^(From |Return-Path: |X-Original-To: |Delivered-To: ).*\n`).ReplaceAllString(header+"\n", "")
	}
	return &txtar.Archive{Comment: fmt.Appendf(nil, "client %s %s\n", m.peer, name), Files: []txtar.File{
		{Name: "dialogue", Data: []byte(anonymous(dialogue))}, {Name: "message", Data: []byte(m.part("message"))},
		{Name: "log", Data: []byte(anonymous(log))}, {Name: "header", Data: []byte(anonymous(header))},
	}}
}

// captured holds a capture against what Debian's programs say now, and with -capture writes it anew where it is not that.
func (m *matter) captured(t *testing.T, theirs traces) {
	fresh := txtar.Format(m.fresh(theirs))
	want, got := signed(settle(string(txtar.Format(m.kept)))), signed(settle(string(fresh)))
	switch diff := cmp.Diff(want, got); {
	case diff == "":
	case *capture:
		if err := os.WriteFile(m.file, fresh, 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s is not what Debian says (see -capture):\n%s", m.file, diff)
	}
}
