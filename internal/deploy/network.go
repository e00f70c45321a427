package deploy

// forwarded tells whether the engine is to forward to the gateway: as told, as it does, or as it must.
func forwarded(r Request, f Found) (bool, error) {
	switch {
	case r.Gateway == "ports" && !f.Can.System:
		return false, refusef("--gateway ports: engine %s forwards to nothing", f.Can.Name)
	case r.Gateway == "ports" && f.Can.Nodes:
		return false, refusef("--gateway ports: on engine %s gateways are on their hosts' networks", f.Can.Name)
	case r.Gateway == "host" && f.Can.Forwards:
		return false, refusef("--gateway host: engine %s has no host networking: %s", f.Can.Name, f.Can.Missing)
	case r.Gateway == "host", r.Gateway == "ports":
		return r.Gateway == "ports", nil
	case r.Gateway != "":
		return false, refusef("--gateway is host or ports, not %q", r.Gateway)
	}
	return f.Can.Forwards || f.Existing.Forward, nil
}
