package lab

import (
	"slices"

	"maillab/internal/fault"
)

// validateFaults looks at what goes wrong on purpose, in the lab and in its tasks.
func (l validation) validateFaults() {
	l.faults("faults", l.Faults)
	for i, t := range l.Tasks {
		at := child(index("tasks", i), "faults")
		if len(t.Faults) > 0 && l.Topology == Shared {
			l.doc.report(at, "topology: isolated", "all students share this server: a fault of a task would strike those who are at another")
			continue
		}
		l.faults(at, t.Faults)
	}
}

func (l validation) faults(at string, all []fault.Fault) {
	for i, f := range all {
		for _, p := range f.Problems() {
			l.doc.report(child(index(at, i), p.Key), p.Mend, "%s", p.Message)
		}
		if slices.Index(all, f) < i {
			l.doc.report(index(at, i), "take one out", "the same fault is there twice")
		}
		l.faultHasService(index(at, i), f)
	}
}

// faultHasService reports a fault of what the lab has not.
func (l validation) faultHasService(at string, f fault.Fault) {
	has := map[string]bool{
		"smtp": l.Services.SMTP != nil, "pop3": l.Services.POP3 != nil, "imap": l.Services.IMAP != nil,
		"dns": l.Between != nil, "tls": l.TLS == "starttls", "mailbox": true,
	}
	if on, known := has[f.Service]; known && !on {
		mend := map[string]string{"dns": `between: {domain: "{student}.lab"}`, "tls": "tls: starttls"}[f.Service]
		l.doc.report(child(at, "service"), mend, "%s is off in this lab: nothing of it can fail", f.Service)
	}
}

// faults are the lab's own, placeholders filled in.
func (c *compiler) faults(v values) (out []fault.Fault) {
	for _, f := range c.Faults {
		f.Text, f.Domain, f.Host = v.expand(f.Text), v.expand(f.Domain), v.expand(f.Host)
		out = append(out, f)
	}
	return out
}
