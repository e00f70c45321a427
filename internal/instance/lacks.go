package instance

import (
	"fmt"
	"slices"
	"strings"

	"maillab/internal/spelling"
)

// Lacks says which task the lab does not have, and which of its own may be meant; nil where the tasks are not known.
func (s Sheet) Lacks(ids []string) (near string, err error) {
	for _, id := range ids {
		if len(s.Tasks) > 0 && !slices.Contains(s.Tasks, id) {
			return spelling.Nearest(id, s.Tasks), fmt.Errorf("the lab has no task %q: %s", id, strings.Join(s.Tasks, ", "))
		}
	}
	return "", nil
}
