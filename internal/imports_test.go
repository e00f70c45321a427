package internal

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayImport is who may import whom, by the paths below maillab/. A package that is not here may import nothing of ours;
// a new line wants a reason that docs/design.md can give. Test files are free.
func mayImport() map[string]string {
	return map[string]string{
		// Values.
		"internal/fault":           "internal/period internal/safeio internal/spelling",
		"internal/spec":            "internal/fault",
		"internal/between":         "",
		"internal/zone":            "internal/lab/problem internal/lab/task",
		"internal/nameserver":      "internal/between internal/period internal/zone",
		"internal/safeio":          "",
		"internal/epoch":           "internal/safeio",
		"internal/mail":            "",
		"internal/mail/telnet":     "",
		"internal/engine":          "",
		"internal/certificate":     "internal/safeio",
		"internal/filelock":        "",
		"internal/lab/problem":     "",
		"internal/lab/placeholder": "",
		"internal/lab/task":        "internal/fault internal/lab/placeholder internal/lab/problem internal/period",
		"internal/progress":        "internal/lab/task",
		"internal/register":        "internal/check internal/lab/task internal/progress",
		"internal/roster":          "internal/lab/problem",
		"internal/roster/sheet":    "internal/lab/problem",
		"internal/lab":             "internal/between internal/fault internal/lab/placeholder internal/lab/problem internal/lab/task internal/period internal/roster internal/spec internal/spelling",
		"labs":                     "",
		"internal/lab/source":      "internal/lab internal/roster labs",
		"images":                   "",
		// The controller.
		"internal/belongings":      "",
		"internal/control":         "internal/between internal/check internal/dialogue internal/fault internal/mail internal/progress internal/recording",
		"internal/probe":           "",
		"internal/handout":         "internal/safeio",
		"internal/gradebook":       "internal/check internal/progress internal/roster internal/screen",
		"internal/snapshot":        "internal/belongings internal/filelock internal/progress internal/safeio",
		"internal/marking":         "internal/progress internal/say",
		"internal/leash":           "",
		"internal/scratch":         "internal/filelock",
		"internal/screen":          "",
		"internal/ask":             "internal/say internal/screen",
		"internal/commandline":     "internal/say",
		"internal/say":             "internal/say/po",
		"internal/say/po":          "",
		"internal/period":          "",
		"internal/collector":       "",
		"internal/spelling":        "",
		"internal/login":           "internal/control internal/engine internal/instance internal/period",
		"internal/classroom":       "internal/check internal/control internal/deploy internal/dialogue internal/engine internal/fault internal/gradebook internal/handout internal/instance internal/lab/placeholder internal/lab/task internal/marking internal/period internal/progress internal/recording internal/register internal/roster internal/safeio internal/say internal/screen internal/snapshot",
		"internal/standby":         "internal/classroom internal/control internal/deploy internal/depot internal/instance internal/snapshot",
		"internal/operator":        "images internal/apply internal/commandline internal/deploy internal/engine internal/instance internal/period internal/plan internal/safeio internal/say internal/screen",
		"internal/listing":         "internal/say internal/screen",
		"internal/request":         "internal/commandline internal/deploy internal/instance internal/lab internal/lab/source internal/roster internal/say labs",
		"internal/shelf":           "internal/classroom internal/commandline internal/lab internal/lab/source internal/listing internal/request internal/roster internal/say labs",
		"internal/depot":           "internal/control internal/period internal/safeio",
		"internal/doctor":          "images internal/control internal/deploy internal/engine internal/instance internal/login internal/probe internal/spec",
		"internal/deploy":          "internal/apply internal/certificate internal/control internal/depot internal/engine internal/instance internal/lab internal/outline internal/plan internal/roster internal/spec",
		"internal/author":          "internal/control internal/dialogue internal/lab/task",
		"internal/author/studio":   "internal/author internal/commandline internal/control internal/deploy internal/instance internal/lab internal/lab/source internal/lab/task internal/leash internal/login internal/progress internal/safeio internal/say labs",
		"internal/plan":            "internal/engine",
		"internal/outline":         "internal/engine internal/spec",
		"internal/apply":           "internal/engine internal/plan",
		"internal/steps":           "internal/apply internal/plan internal/say internal/screen",
		"internal/engine/docker":   "internal/certificate internal/engine internal/filelock internal/handoff internal/period internal/rollcall internal/sweep",
		"internal/instance":        "internal/certificate internal/control internal/engine internal/filelock internal/handoff internal/outline internal/plan internal/register internal/roster internal/safeio internal/spec internal/spelling",
		"internal/compose":         "internal/control internal/deploy internal/engine internal/handoff internal/sandbox internal/spec",
		"internal/gateway":         "internal/between internal/control internal/handoff internal/mail internal/mesh internal/safeio",
		"internal/mesh":            "internal/certificate internal/control internal/handoff internal/safeio",
		"internal/engine/embedded": "internal/belongings internal/between internal/control internal/engine internal/filelock internal/gateway internal/handoff internal/mail internal/mail/auth internal/mail/mbox internal/maild internal/safeio internal/spec internal/web",
		"internal/web":             "internal/certificate internal/check internal/control internal/dialogue internal/drawing internal/gradebook internal/handoff internal/lab/task internal/mail internal/marking internal/progress internal/recording internal/roster internal/say internal/say/po internal/webmail internal/worksheet",
		"internal/web/terminal":    "internal/recording",
		// The mail side: protocols know neither each other, nor the spool, nor the accounts.
		"internal/ring":             "",
		"internal/dialogue":         "internal/ring",
		"internal/delivery":         "internal/mail internal/ring",
		"internal/check":            "internal/delivery internal/dialogue internal/lab/task internal/period internal/progress",
		"internal/script":           "",
		"internal/webmail":          "internal/mail/imap/entity internal/say/po",
		"internal/recording":        "internal/ring",
		"internal/drawing":          "internal/dialogue internal/lab/task internal/mail internal/mail/imap/entity internal/progress",
		"internal/worksheet":        "internal/check internal/lab/task internal/mail/senders internal/mail/submit internal/progress internal/spelling internal/zone",
		"internal/mail/smtp":        "internal/mail internal/mail/addrspec internal/mail/telnet internal/period",
		"internal/mail/pop3":        "internal/mail internal/mail/telnet",
		"internal/mail/imap":        "internal/mail internal/mail/telnet",
		"internal/mail/imap/syntax": "internal/mail internal/mail/imap/entity",
		"internal/mail/imap/entity": "internal/mail",
		"internal/mail/imap/order":  "internal/mail/imap/entity",
		"internal/mail/log":         "internal/mail",
		"internal/mail/auth":        "internal/mail internal/period",
		"internal/mail/mbox":        "internal/mail internal/period internal/safeio",
		"internal/mail/filter":      "internal/mail/imap/entity",
		"internal/mail/queue":       "internal/mail internal/mail/addrspec internal/mail/filter internal/spec",
		"internal/mail/senders":     "internal/lab/problem internal/lab/task internal/mail/imap/entity",
		"internal/mail/submit":      "internal/mail internal/mail/queue",
		// What a daemon knows of its students' work, and what lies between two lessons.
		"internal/grading": "internal/check internal/control internal/delivery internal/dialogue internal/epoch internal/fault internal/lab/task internal/mail internal/mail/log internal/mail/mbox internal/mail/queue internal/mail/senders internal/progress internal/recording internal/safeio internal/script internal/spec internal/worksheet internal/zone",
		"internal/lesson":  "internal/belongings internal/control internal/epoch internal/mail internal/mail/mbox internal/mail/queue internal/progress internal/recording internal/safeio internal/spec",
		// The sandbox.
		"internal/handoff":  "internal/mail",
		"internal/sweep":    "",
		"internal/rollcall": "",
		"internal/broker":   "internal/belongings internal/between internal/handoff internal/mail",
		// For tests.
		"internal/engine/enginetest":  "internal/engine",
		"internal/machines":           "",
		"internal/mail/imap/imaptest": "internal/mail internal/mail/imap",
		"internal/screen/screentest":  "",
		"internal/sandbox":            "internal/belongings internal/between internal/broker internal/filelock internal/handoff internal/period internal/safeio internal/script internal/spec",
	}
}

// composes are the packages that put others together: they may import what they like, and nobody but cmd/ imports them,
// except for what mayImport says.
func composes(path string) bool {
	return strings.HasPrefix(path, "cmd/") || path == "internal/cli" || path == "internal/maild" || strings.HasPrefix(path, "internal/e2e")
}

func TestWhoImportsWhom(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "maillab/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for in := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := in.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		seen++
		judge(t, strings.TrimPrefix(p.ImportPath, "maillab/"), p.Imports)
	}
	if seen < len(mayImport()) {
		t.Errorf("go list told of %d packages only", seen)
	}
}

func judge(t *testing.T, path string, imports []string) {
	t.Helper()
	allowed := strings.Fields(mayImport()[path])
	for _, imported := range imports {
		if imported == "github.com/docker/docker/client" && path != "internal/engine/docker" {
			t.Errorf("%s imports the docker client: only internal/engine/docker may", path)
		}
		own, ours := strings.CutPrefix(imported, "maillab/")
		switch {
		case !ours, composes(path):
		case strings.HasPrefix(own, path+"/"): // its own parts
		case !slices.Contains(allowed, own):
			t.Errorf("%s imports %s: the table does not allow it", path, own)
		}
	}
}

// TestEveryPackageHasALine holds the table of packages in docs/design.md to what there is.
func TestEveryPackageHasALine(t *testing.T) {
	page, err := os.ReadFile("../docs/design.md")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "list", "maillab/cmd/...", "maillab/images", "maillab/labs", "maillab/internal/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "## The packages")
	if !found {
		t.Fatal("docs/design.md has no table of packages")
	}
	for path := range strings.FieldsSeq(string(out)) {
		short := strings.TrimPrefix(path, "maillab/")
		inside := strings.TrimPrefix(short, "internal/")
		if short != "internal" && !strings.Contains(table, "`"+short+"`") && !strings.Contains(table, "`"+inside+"`") {
			t.Errorf("docs/design.md has no line for %s", short)
		}
	}
}
