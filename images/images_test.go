package images

import (
	"archive/tar"
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestHashChangesWithEveryByteAndName(t *testing.T) {
	tree := func(name, text string) string {
		return hash(fstest.MapFS{"sandbox/Dockerfile": {Data: []byte("FROM x")}, name: {Data: []byte(text)}})
	}
	same := tree("a", "1")
	if got := tree("a", "1"); got != same {
		t.Errorf("the same content has hashes %s and %s", same, got)
	}
	for _, other := range []string{tree("a", "2"), tree("b", "1"), tree("a", "12"), tree("a", "")} {
		if other == same {
			t.Errorf("different contents share the hash %s", same)
		}
	}
	// Where one file ends and the next begins counts, too.
	one := hash(fstest.MapFS{"a": {Data: []byte("b\x001\x00c")}})
	two := hash(fstest.MapFS{"a": {}, "b": {Data: []byte("c")}})
	if one == two {
		t.Error("contents run into one another")
	}
}

func TestTagNamesTheRepository(t *testing.T) {
	if tag := Tag(); !strings.HasPrefix(tag, Repository+":") || len(tag) != len(Repository)+1+16 {
		t.Errorf("tag is %q", tag)
	}
}

func TestTarHasModesAndNoTimes(t *testing.T) {
	tree := fstest.MapFS{
		"Dockerfile":     {Data: []byte("FROM x")},
		"bin/README":     {Data: []byte("hello")},
		"bin/maild":      {Data: []byte("\x7fELF")},
		"files/etc/motd": {Data: []byte("hi")},
	}
	var first, second bytes.Buffer
	for _, w := range []*bytes.Buffer{&first, &second} {
		if err := writeTar(w, tree); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the same tree gives different tars")
	}
	got := map[string]int64{}
	for in := tar.NewReader(&first); ; {
		header, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got[header.Name] = header.Mode
	}
	want := map[string]int64{"Dockerfile": 0o644, "bin/README": 0o644, "bin/maild": 0o755, "files/etc/motd": 0o644}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("modes (-want +got):\n%s", diff)
	}
}

func TestContextIsWhole(t *testing.T) {
	var out bytes.Buffer
	if err := Context(&out); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for in := tar.NewReader(&out); ; {
		header, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names[header.Name] = true
	}
	for _, want := range []string{"Dockerfile", "packages", "setup", "bin/README", "files/etc/ssh/sshd_config"} {
		if !names[want] {
			t.Errorf("the build context lacks %s", want)
		}
	}
}

func TestMissingProgramsAreNamed(t *testing.T) {
	if got := Programs("README", "no-such-program"); len(got) != 1 || got[0] != "no-such-program" {
		t.Errorf("missing: %q", got)
	}
}
