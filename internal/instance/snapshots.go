package instance

import "path/filepath"

// Snapshots is the folder of the instance's snapshots (package snapshot). It may not be there yet.
func (f Folder) Snapshots() string { return filepath.Join(f.path, "snapshots") }
