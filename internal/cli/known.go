package cli

import (
	"time"

	"maillab/internal/commandline"
	"maillab/internal/instance"
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
	if err != nil {
		return err
	}
	near, wrong := sheet.Lacks(ids)
	if near != "" {
		return &commandline.Error{Err: wrong, Code: exitUsage, Mend: "did you mean " + near + "?"}
	}
	return usage(wrong)
}
