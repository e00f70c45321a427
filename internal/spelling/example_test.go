package spelling_test

import (
	"fmt"

	"maillab/internal/spelling"
)

// What was typed is offered as what was probably meant; what is too far from everything is not.
func ExampleNearest() {
	verbs := []string{"up", "down", "status", "snapshot"}
	fmt.Printf("%q %q %q\n", spelling.Nearest("statsu", verbs), spelling.Nearest("snapshots", verbs), spelling.Nearest("mutt", verbs))
	// Output: "status" "snapshot" ""
}
