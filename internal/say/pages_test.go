package say

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPagesAreAlike: a page in French says of the same commands, in the same order, under as many headings.
func TestPagesAreAlike(t *testing.T) {
	english, french := pageOutline(t, "../../docs/teachers.md"), pageOutline(t, "../../docs/teachers.fr.md")
	for n := range max(len(english), len(french)) {
		if n >= len(english) || n >= len(french) || english[n] != french[n] {
			t.Fatalf("from here on they differ:\n%q\n%q", english[n:min(n+3, len(english))], french[n:min(n+3, len(french))])
		}
	}
	if len(english) < 40 {
		t.Errorf("%d headings and commands", len(english))
	}
}

// pageOutline is a page's headings, by their level, and the commands in it, without what is said of them.
func pageOutline(t *testing.T, file string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if level, _, found := strings.Cut(line, " "); found && strings.Trim(level, "#") == "" {
			all = append(all, level)
		}
		for _, command := range commands.FindAllString(line, -1) {
			command, _, _ = strings.Cut(command, "  ")
			all = append(all, strings.TrimSpace(command))
		}
	}
	return slices.DeleteFunc(all, func(text string) bool { return text == "" })
}

// commands are those of a line: all of it, or in the middle of a text.
var commands = regexp.MustCompile("^maillab [^`\n]*|`(maillab|up) [^`\n]*`")
