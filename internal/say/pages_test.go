package say

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPagesAreAlike: a page in French has the same commands and examples, in the same order, under as many headings.
func TestPagesAreAlike(t *testing.T) {
	for _, page := range []string{"teachers", "lab-authors", "install"} {
		english, french := pageOutline(t, "../../docs/"+page+".md"), pageOutline(t, "../../docs/"+page+".fr.md")
		for n := range max(len(english), len(french)) {
			if n >= len(english) || n >= len(french) || english[n] != french[n] {
				t.Errorf("%s: from here on they differ:\n%q\n%q", page, english[n:min(n+3, len(english))], french[n:min(n+3, len(french))])
				break
			}
		}
		if len(english) < 15 {
			t.Errorf("%s: %d headings, commands and examples", page, len(english))
		}
	}
}

// pageOutline is a page's headings, by their level, the commands in it, without what is said of them, and its YAML.
func pageOutline(t *testing.T, file string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	yaml := false
	for line := range strings.Lines(string(text)) {
		yaml = line == "```yaml\n" || yaml && line != "```\n"
		if yaml {
			all = append(all, line)
			continue
		}
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
