package screen

import (
	"strings"
	"testing"
)

// TestHarmless: whichever separator the file is read by, and whatever is typed before it.
func TestHarmless(t *testing.T) {
	for text, want := range map[string]string{
		"=1": "'=1", "+33": "'+33", "-2+3": "'-2+3", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t'=1", "\r=1": "'\r'=1", " =1": " '=1",
		"a;=1": "a;'=1", "a,+1": "a,'+1", "a\t@b": "a\t'@b", `a";"=1`: `a";"'=1`, "a\n=1": "a\n'=1", "a; \u00a0=1": "a; \u00a0'=1", "＝1": "'＝1",
		"-": "-", "": "", "Jean-Luc": "Jean-Luc", "a = b": "a = b", "x@univ.fr": "x@univ.fr", "12": "12", "a\n\nb": "a\n\nb",
	} {
		if got := Harmless(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestCells: numbers, of whichever sign, are no formulas.
func TestCells(t *testing.T) {
	got := strings.Join(Cells([]string{"-2", "+33", "1e3", "-", "", "=1", "-2+3", "a;=1"}), "|")
	if want := "-2|+33|1e3|-||'=1|'-2+3|a;'=1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
