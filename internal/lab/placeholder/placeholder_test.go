package placeholder

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func values(name string) (string, bool) {
	v, ok := map[string]string{"seat": "3", "account": "util3", "évil": "{seat}", "empty": ""}[name]
	return v, ok
}

func TestExpand(t *testing.T) {
	for in, want := range map[string]string{
		"":                           "",
		"plain":                      "plain",
		"util{seat}":                 "util3",
		"{account}/{account}":        "util3/util3",
		"^[a-z]{3}{seat}$":           "^[a-z]{3}3$",
		"x{2,}{account}":             "x{2,}util3",
		"{unknown} {seat}":           "{unknown} 3",
		"{{seat}":                    "{seat}",
		"{{{seat}":                   "{3",
		"{{{{":                       "{{",
		"{":                          "{",
		"}{}":                        "}{}",
		"{seat":                      "{seat",
		"{se{seat}at}":               "{se3at}",
		"{seat\n}":                   "{seat\n}",
		"{évil}":                     "{seat}", // a value is never expanded again
		"a{empty}b":                  "ab",
		"{ seat }":                   "{ seat }",
		"awk '{print $1}' {account}": "awk '{print $1}' util3",
	} {
		if got := Expand(in, values); got != want {
			t.Errorf("Expand(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	got := Names("{a}{{b}{3} {a} {c d}")
	if diff := cmp.Diff([]string{"a", "3", "a", "c d"}, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzExpand(f *testing.F) {
	f.Add("util{seat}{{x}{3}{")
	f.Fuzz(func(t *testing.T, text string) {
		got := Expand(text, Static)
		if want := strings.ReplaceAll(text, "{{", "{"); got != want {
			t.Fatalf("Expand(%q) without values = %q, want %q", text, got, want)
		}
	})
}
