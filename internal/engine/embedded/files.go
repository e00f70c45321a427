package embedded

import "maillab/internal/safeio"

// Names in a runtime folder, and in a seat's folder.
const (
	lockFile   = "lock"
	pidFile    = "pid"
	socketFile = "control.sock"
	logFile    = "log"
	labelsFile = "labels.json"
	specFile   = "spec.json"
)

// readLabels reads what writeLabels wrote; a file that is not there has none.
func readLabels(path string) (map[string]string, error) {
	var labels map[string]string
	return labels, safeio.ReadJSON(path, &labels)
}

func writeLabels(path string, labels map[string]string) error { return safeio.WriteJSON(path, labels) }
