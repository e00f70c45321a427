package handout

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSteps: what a student does first, with a shell and without.
func TestSteps(t *testing.T) {
	s := class().Sheets[0]
	var typed []string
	for _, one := range s.steps() {
		typed = append(typed, one.Command)
	}
	if diff := cmp.Diff([]string{"ssh -p 10122 util1@127.0.0.1", "less statement.fr.md", "lab", "lab check", "lab hint TÂCHE"}, typed); diff != "" {
		t.Error(diff)
	}
	if first := s.steps()[0]; first.Secret != "master2021" {
		t.Errorf("the first step asks for %q", first.Secret)
	}
	s.Web = "http://127.0.0.1:10082/"
	if third := s.steps()[2]; third.Command != s.Web || s.Link() != s.Web {
		t.Errorf("the page is %+v, and for a phone %s", third, s.Link())
	}
	if w := wordsOf(s.Lang); !strings.Contains(s.recorded(w), "terminaux est enregistré") || strings.Contains(Sheet{}.recorded(w), "terminaux") {
		t.Errorf("what is recorded: %s", s.recorded(w))
	}
	s.Web = ""
	s.Services = s.Services[1:]
	if steps := s.steps(); len(steps) != 1 || steps[0].Command != "telnet 127.0.0.1 10125" || s.Link() != "telnet://127.0.0.1:10125" {
		t.Errorf("without a shell: %+v, %s", steps, s.Link())
	}
	s.Services = nil
	if s.steps() != nil || s.Link() != "" {
		t.Errorf("without a door: %+v, %s", s.steps(), s.Link())
	}
}

// TestGroups: accounts of one password stand together, the student's own apart.
func TestGroups(t *testing.T) {
	s := Sheet{Accounts: []Account{{"a", "x", true}, {"b", "y", false}, {"c", "x", false}, {"d", "y", false}}}
	if diff := cmp.Diff([]Group{{[]string{"b", "d"}, "y"}, {[]string{"c"}, "x"}}, s.Others()); diff != "" || len(s.Own()) != 1 {
		t.Error(diff, s.Own())
	}
	for i := range s.Accounts {
		s.Accounts[i].Own = false
	}
	if len(s.Own()) != 4 || s.Others() != nil {
		t.Errorf("none is marked: %v, %v", s.Own(), s.Others())
	}
}

// TestCodes: a code has its three corners, and what is too long for one has none.
func TestCodes(t *testing.T) {
	svg := string(qrCode("ssh://util1@127.0.0.1:10122"))
	corner := "M4 4h7v1h-7z"
	if !strings.HasPrefix(svg, "<svg ") || !strings.Contains(svg, corner) {
		t.Errorf("%.200s", svg)
	}
	if svg := qrCode(strings.Repeat("x", 5000)); svg != "" {
		t.Errorf("5000 letters make %d octets", len(svg))
	}
}
