package broker

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLocate(t *testing.T) {
	tests := []struct {
		box  string
		want place
	}{
		{"INBOX", place{root: inSpool, name: "util1"}},
		{"INBOX/new", place{root: inSpool, name: ".util1.new"}},
		{".forward", place{root: inHome, name: ".forward"}},
		{"~/mbox", place{root: inHome, name: "mbox"}},
		{"Archives", place{root: inHome, dirs: []string{"mail"}, name: "Archives"}},
		{"2026/march", place{root: inHome, dirs: []string{"mail", "2026"}, name: "march"}},
		{"Été & co", place{root: inHome, dirs: []string{"mail"}, name: "Été & co"}},
		{"inbox", place{root: inHome, dirs: []string{"mail"}, name: "inbox"}},
	}
	for _, tt := range tests {
		got, err := locate("util1", tt.box)
		if err != nil {
			t.Errorf("%q: %v", tt.box, err)
		}
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(place{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.box, diff)
		}
	}
}

func TestLocateRefuses(t *testing.T) {
	for _, box := range []string{
		"", "/", "/etc/passwd", "a//b", "a/", "/a", ".", "..", "../x", "a/../b", "a/.hidden", "INBOX/x", "INBOX/new/x",
		"x.lock", "a.lock/b", "~/other", "~root", "a\x00b", "a\nb", "a\xffb", strings.Repeat("x", 201), strings.Repeat("a/", 16) + "b",
	} {
		if p, err := locate("util1", box); !errors.Is(err, ErrRefused) {
			t.Errorf("%q leads to %+v, %v", box, p, err)
		}
	}
}

func TestErrorsSurviveTheWire(t *testing.T) {
	req := request{ID: 7, Op: opOpen, User: "util1", Box: "INBOX"}
	for _, tt := range []struct {
		name string
		err  error
		is   []error
	}{
		{"errno", syscall.ENOSPC, []error{syscall.ENOSPC}},
		{"wrapped", errors.Join(errors.New("so"), &fs.PathError{Op: "open", Path: "x", Err: syscall.EDQUOT}), []error{syscall.EDQUOT}},
		{"missing", syscall.ENOENT, []error{fs.ErrNotExist, syscall.ENOENT}},
		{"forbidden", syscall.EACCES, []error{fs.ErrPermission}},
		{"locked", &Error{Errno: syscall.EAGAIN, Kind: ErrLocked, Text: "x"}, []error{ErrLocked, syscall.EAGAIN}},
		{"refused", refused(syscall.ELOOP, "x is a symbolic link"), []error{ErrRefused, syscall.ELOOP}},
		{"no errno", errors.New("spec: no"), nil},
		{"no text", errors.New(""), nil},
		{"long", errors.New(strings.Repeat("é", 5000)), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := parseReply(marshal(t, failure(req.ID, tt.err)))
			if err != nil {
				t.Fatal(err)
			}
			got := r.err(req)
			if got == nil || !strings.HasPrefix(got.Error(), "open util1 INBOX: ") {
				t.Errorf("got %v", got)
			}
			for _, want := range tt.is {
				if !errors.Is(got, want) {
					t.Errorf("%v is not %v", got, want)
				}
			}
			if len(tt.is) == 0 && (errors.Is(got, ErrLocked) || errors.Is(got, ErrRefused) || errors.Is(got, fs.ErrNotExist)) {
				t.Errorf("%v is more than was said", got)
			}
		})
	}
}
