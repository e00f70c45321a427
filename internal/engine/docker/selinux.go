package docker

import (
	"fmt"
	"hash/fnv"
)

// categories are those that an MCS level chooses two of (c0 to c1023).
const categories = 1024

// levelOf is an instance's level: of half a million, two instances rarely have the same.
func levelOf(instance string) string {
	sum := fnv.New32a()
	sum.Write([]byte(instance)) // never fails
	n := sum.Sum32()
	first := n % (categories - 1)
	return fmt.Sprintf("s0:c%d,c%d", first, first+1+(n/categories)%(categories-1-first))
}
