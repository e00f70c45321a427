package docker

import (
	"fmt"

	"maillab/internal/engine"
)

// Names are for people; what a resource is, its labels say.

// nameOf is the name that the daemon knows a resource by.
func nameOf(r engine.Resource) string {
	switch r.Kind {
	case engine.Socket:
		return socketName(r.Instance)
	case engine.Gateway:
		return gatewayName(r.Instance)
	case engine.Facts:
		return fmt.Sprintf("maillab-%s-facts-%d", r.Instance, r.Version)
	case engine.Web:
		return "maillab-" + r.Instance + "-web"
	case engine.Filter:
		return "maillab-" + r.Instance + "-filter"
	case engine.Volume:
		return volumeName(r.Instance, r.Seat, r.Part)
	default:
		return sandboxName(r.Instance, r.Seat)
	}
}

func gatewayName(instance string) string { return "maillab-" + instance + "-gateway" }

func socketName(instance string) string { return "maillab-" + instance + "-socket" }

func sandboxName(instance string, seat int) string {
	return fmt.Sprintf("maillab-%s-%d", instance, seat)
}

func volumeName(instance string, seat int, part string) string {
	return fmt.Sprintf("maillab-%s-%d-%s", instance, seat, part)
}
