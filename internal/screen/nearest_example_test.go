package screen_test

import (
	"fmt"

	"maillab/internal/screen"
)

// What was typed is offered as what was probably meant; what is too far from everything is not.
func ExampleNearest() {
	verbs := []string{"up", "down", "status", "snapshot"}
	fmt.Printf("%q %q %q\n", screen.Nearest("statsu", verbs), screen.Nearest("snapshots", verbs), screen.Nearest("mutt", verbs))
	// Output: "status" "snapshot" ""
}
