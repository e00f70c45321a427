package sandbox

import (
	"strconv"
	"strings"
)

// statusIsOf reads a /proc/PID/status: whether any of the process's uids is this one, and it still runs.
func statusIsOf(status string, uid int) bool {
	of := false
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(line, ":")
		fields := strings.Fields(value)
		switch {
		case key == "State" && len(fields) > 0 && (fields[0] == "Z" || fields[0] == "X"):
			return false
		case key == "Uid":
			for _, f := range fields {
				of = of || f == strconv.Itoa(uid)
			}
		}
	}
	return of
}

// statusName is a process's name in its /proc/PID/status, the first line.
func statusName(status string) string {
	line, _, _ := strings.Cut(status, "\n")
	return strings.TrimPrefix(line, "Name:\t")
}

// statusParent reads a process's parent and its effective uid; -1 of one that has ended.
func statusParent(status string) (parent, uid int) {
	uid = -1
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(line, ":")
		fields := strings.Fields(value)
		switch {
		case key == "State" && len(fields) > 0 && (fields[0] == "Z" || fields[0] == "X"):
			return parent, -1
		case key == "PPid" && len(fields) > 0:
			parent, _ = strconv.Atoi(fields[0])
		case key == "Uid" && len(fields) > 1:
			uid, _ = strconv.Atoi(fields[1])
		}
	}
	return parent, uid
}
