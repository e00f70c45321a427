package roster

import (
	"cmp"
	"slices"
	"strings"
)

// Called is what people call the students, by their keys: the name as the list has it now, and behind it, where several have that
// name, what tells them apart: the number, else the e-mail address, else the key. "Martin Léa (20901202)".
func Called(students []Student) map[string]string {
	of := map[string]int{}
	for _, s := range students {
		of[words(s.Name)]++
	}
	called := map[string]string{}
	for _, s := range students {
		name, apart := cmp.Or(s.Name, s.Key), cmp.Or(s.Number, s.Email, s.Key)
		if s.Name != "" && of[words(s.Name)] > 1 && apart != name {
			name += " (" + apart + ")"
		}
		called[s.Key] = name
	}
	return called
}

// Says tells whether a key has all words of a name, so that who reads the one knows the other.
func Says(key, name string) bool {
	has := strings.Fields(fold(key))
	return !slices.ContainsFunc(strings.Fields(fold(name)), func(word string) bool { return !slices.Contains(has, word) })
}
