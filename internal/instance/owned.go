package instance

import "slices"

// Owned are the accounts that students have or had, by student: snapshots have those of who has left the class, too.
func (f Folder) Owned() (map[string][]string, error) {
	owned := map[string][]string{}
	_, err := f.value(ownedFile, &owned)
	return owned, err
}

// own remembers whose the accounts of a sheet are.
func (h *Held) own(sheet Sheet) error {
	owned, err := h.Owned()
	if err != nil {
		return err
	}
	for _, one := range sheet.Sandboxes {
		for _, a := range one.Accounts {
			if a.Student != "" && !slices.Contains(owned[a.Student], a.Name) {
				owned[a.Student] = append(owned[a.Student], a.Name)
			}
		}
	}
	return h.keep(ownedFile, owned)
}

// disown forgets what accounts a student had.
func (h *Held) disown(student string) error {
	owned, err := h.Owned()
	if _, had := owned[student]; err != nil || !had {
		return err
	}
	delete(owned, student)
	return h.keep(ownedFile, owned)
}
