package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"maillab/internal/instance"
	"maillab/internal/spelling"
)

// What the last up kept about an instance, for verbs that want to know more than the labels tell. On another machine than
// the last up's nothing is known of it.

// known is that; empty when nothing is known.
func (a *app) known(name string) (instance.Sheet, error) {
	sheet, err := a.folder(name).Sheet()
	if err != nil || sheet == nil {
		return instance.Sheet{}, err
	}
	return *sheet, nil
}

// zone is the lab's, in which mail, logs and checks tell the time; the user's own where the lab's is not known.
func (a *app) zone(name string) *time.Location {
	sheet, _ := a.known(name)
	return sheet.Zone()
}

// hasTasks refuses tasks that the lab does not have. Where they are not known the sandboxes themselves refuse.
func (a *app) hasTasks(name string, ids []string) error {
	sheet, err := a.known(name)
	if err != nil || len(sheet.Tasks) == 0 {
		return err
	}
	for _, id := range ids {
		if slices.Contains(sheet.Tasks, id) {
			continue
		}
		wrong := fmt.Errorf("the lab has no task %q: %s", id, strings.Join(sheet.Tasks, ", "))
		if near := spelling.Nearest(id, sheet.Tasks); near != "" {
			return &failure{err: wrong, code: exitUsage, hint: "did you mean " + near + "?"}
		}
		return usage(wrong)
	}
	return nil
}
