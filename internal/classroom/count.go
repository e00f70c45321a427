package classroom

import "fmt"

// Students counts them for a sentence.
func Students(n int) string {
	if n == 1 {
		return "one student"
	}
	return fmt.Sprintf("%d students", n)
}

// Count says how many of a thing there are.
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
