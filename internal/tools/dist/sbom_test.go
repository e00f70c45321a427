package main

import (
	"encoding/json"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// This test program's own materials: every reference leads to a component, and the same input gives the same bytes.
func TestMaterials(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := materials("v1", []string{self})
	if err != nil {
		t.Fatal(err)
	}
	again, err := materials("v1", []string{self})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(text), string(again)); diff != "" {
		t.Errorf("twice (-first +second):\n%s", diff)
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{d.Metadata.Component.Ref: true}
	for _, c := range d.Components {
		if known[c.Ref] {
			t.Errorf("%s is there twice", c.Ref)
		}
		known[c.Ref] = true
		if c.Type == "library" && c.PURL == "" {
			t.Errorf("%s has no package URL", c.Ref)
		}
	}
	standard := false
	for _, from := range d.Dependencies {
		for _, ref := range append(from.DependsOn, from.Ref) {
			if !known[ref] {
				t.Errorf("%s is no component", ref)
			}
			standard = standard || strings.HasPrefix(ref, "pkg:golang/std@1.")
		}
	}
	if !standard {
		t.Error("Go's standard library is not among the materials")
	}
}

func TestNoProgram(t *testing.T) {
	if _, err := materials("v1", []string{"sbom.go"}); err == nil || !strings.Contains(err.Error(), "sbom.go") {
		t.Errorf("a source file has materials: %v", err)
	}
}

// What go.sum says is not a hash of a file, and is not told as one.
func TestLibrary(t *testing.T) {
	got := library(&debug.Module{Path: "example.com/m", Version: "v1.2.3", Sum: "h1:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="})
	want := component{
		Type: "library", Ref: "pkg:golang/example.com/m@v1.2.3", Name: "example.com/m", Version: "v1.2.3",
		PURL:  "pkg:golang/example.com/m@v1.2.3",
		About: []property{{"go:h1", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
