package embedded

import "os"

// makeRuntime makes an instance's folder. The one above it may lie where everybody makes folders, and somebody may have
// been ahead with its name: it is looked at between the two.
func (e *Engine) makeRuntime(instance string) error {
	if err := os.MkdirAll(e.cfg.Runtime, 0o700); err != nil {
		return err
	}
	if err := private(e.cfg.Runtime); err != nil {
		return err
	}
	return os.MkdirAll(e.runtime(instance), 0o700)
}
