package roster_test

import (
	"fmt"
	"strings"

	"maillab/internal/roster"
)

// A class list is read as a teacher has it; seats are given in its order, and who has one keeps it.
func ExampleRead() {
	list := "key,name\nalice,Alice Martin\nbob,Bob Durand\n"
	class, _, err := roster.Read("class.csv", strings.NewReader(list), roster.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	given := roster.Seat(nil, class).Given
	for _, s := range class.Students {
		fmt.Println(given.Seats()[s.Key], s.Key, s.Name)
	}
	// Output:
	// 1 alice Alice Martin
	// 2 bob Bob Durand
}

// What is wrong with a list is told with its line and what mends it.
func ExampleRead_problems() {
	_, _, err := roster.Read("class.csv", strings.NewReader("key,name\nalice,Alice\nalice,Alicia\n"), roster.Options{})
	fmt.Println(err)
	// Output:
	// class.csv:3: Alicia is on line 2 already (give both a number or an e-mail address, or names that differ in more than case)
}
