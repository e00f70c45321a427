package docker

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/system"

	"maillab/internal/engine"
)

// What can be seen of the daemon from the outside, when it is on this machine.

// lacks tells what this daemon cannot do, and what is done instead.
func (e *Engine) lacks(info system.Info) []engine.Finding {
	var found []engine.Finding
	if e.can.Missing != "" {
		f := engine.Finding{Level: engine.Warning, What: "not here", Detail: e.can.Missing}
		if e.can.Mend != "" {
			f.Level, f.Mend = engine.Bad, e.can.Mend
		}
		found = append(found, f)
	}
	doors := engine.Finding{Level: engine.Good, What: "doors", Detail: "the gateway stands on the host's network"}
	if e.can.Forwards {
		doors.Level = engine.Warning
		doors.Detail = "there is no host networking: docker forwards to the gateway with a process for each port, and may hide who connects"
	}
	if !e.can.LowPorts {
		doors.Detail += "; publish mode addresses needs ports under 1024, which the daemon may not have"
	}
	if e.selinux {
		found = append(found, engine.Finding{Level: engine.Warning, What: "SELinux",
			Detail: "all containers of an instance get one level, so that they share a socket; that was never tried on such a machine",
			Mend:   "maillab doctor --probe"})
	}
	return append(found, doors)
}

// diskNeeded is for the image, which is made once, and a class's mail.
const diskNeeded = 2 << 30

func diskSpace(dir string) engine.Finding {
	f := engine.Finding{Level: engine.Good, What: "disk"}
	free, err := freeBytes(dir)
	if err != nil {
		f.Level, f.Detail = engine.Warning, fmt.Sprintf("the engine's disk cannot be seen from here: %v", err)
		return f
	}
	f.Detail = fmt.Sprintf("%d MiB free on %s", free>>20, dir)
	if free < diskNeeded {
		f.Level, f.Mend = engine.Bad, fmt.Sprintf("make room for %d MiB: docker system df tells what takes it", diskNeeded>>20)
	}
	return f
}

// descriptorsNeeded is for the busiest process that inherits the daemon's limit: a gateway with a few hundred students.
const descriptorsNeeded = 4096

// descriptors reads the limit of the daemon's process, which its containers have too.
func descriptors(pidFile, proc string) engine.Finding {
	f := engine.Finding{Level: engine.Warning, What: "open files", Detail: "the engine's limit cannot be seen from here"}
	pid, err := os.ReadFile(pidFile)
	if err != nil {
		return f
	}
	file, err := os.Open(filepath.Join(proc, strings.TrimSpace(string(pid)), "limits"))
	if err != nil {
		return f
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		rest, found := strings.CutPrefix(lines.Text(), "Max open files")
		fields := strings.Fields(rest) // soft, hard, unit
		if !found || len(fields) < 2 {
			continue
		}
		f.Level, f.Detail = engine.Good, "the engine and its containers may have "+fields[1]
		if n, err := strconv.Atoi(fields[1]); err == nil && n < descriptorsNeeded {
			f.Level, f.Mend = engine.Bad, "raise LimitNOFILE of docker.service (systemctl edit docker), and restart it"
		}
	}
	return f
}
