package machines

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Engines and all that they start are in one control group, where this machine counts by these (version 1): so what they take of a
// processor is known, however busy the machine is with other things.
const counted = "/sys/fs/cgroup/cpuacct"

// group makes the control group.
func (m *Machines) group() error {
	if _, err := os.Stat(counted); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return os.Mkdir(filepath.Join(counted, m.bridge), 0o755)
}

// inGroup is what an engine's shell does, and what the engine is told, so that they are in it.
func (m *Machines) inGroup() (first, flag string) {
	procs := filepath.Join(counted, m.bridge, "cgroup.procs")
	if _, err := os.Stat(procs); err != nil {
		return "", ""
	}
	return "echo 0 > " + procs + " && ", " --cgroup-parent /" + m.bridge
}

// Processor is how much processor time all engines have taken, with all that they started.
func (m *Machines) Processor() (time.Duration, error) {
	text, err := os.ReadFile(filepath.Join(counted, m.bridge, "cpuacct.usage"))
	if err != nil {
		return 0, fmt.Errorf("processor time: %w", err)
	}
	used, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return time.Duration(used), err
}

// dying is how many looks long what was killed may still be in its group.
const dying = 50

// ungroup removes what is left of a control group, of all kinds: a container whose engine was killed leaves its own.
func ungroup(name string) {
	kinds, _ := filepath.Glob("/sys/fs/cgroup/*/" + name)
	for _, kind := range kinds {
		var all []string
		_ = filepath.WalkDir(kind, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				all = append(all, path)
			}
			return nil
		})
		slices.Reverse(all)
		for _, dir := range all {
			for n := 0; n < dying && errors.Is(os.Remove(dir), syscall.EBUSY); n++ {
				time.Sleep(look)
			}
		}
	}
}
