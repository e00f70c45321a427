package lab

import (
	"time"

	"maillab/internal/lab/task"
	"maillab/internal/period"
)

// validateTimes looks at when tasks open and are due.
func (l *Lab) validateTimes() {
	zone := l.zone()
	l.validateTime("", l.Open, l.Due, l.Late, zone)
	for i, t := range l.Tasks {
		timed := l.timed(t)
		l.validateTime(index("tasks", i), t.Open, t.Due, t.Late, zone)
		if open, err := timed.Open.In(zone); err == nil && (t.Open != "" || t.Due != "") {
			l.validateOrder(index("tasks", i), open, timed.Due, zone)
		}
		if t.Late != nil && timed.Due == "" {
			l.doc.report(child(index("tasks", i), "late"), "due: 2026-04-02 18:00", "task %q is never due: nothing of it is late", t.ID)
		}
	}
	if open, err := l.Open.In(zone); err == nil {
		l.validateOrder("", open, l.Due, zone)
	}
}

// validateTime looks at the times and the rule in one place, the lab itself or a task.
func (l *Lab) validateTime(at string, open, due task.Moment, late *task.Late, zone *time.Location) {
	for key, m := range map[string]task.Moment{"open": open, "due": due} {
		if _, err := m.In(zone); err != nil {
			l.doc.report(child(at, key), "2026-03-26 14:00", "%v", err)
		}
	}
	if late == nil || late.Accept == "" {
		return
	}
	if _, err := period.Parse(late.Accept); err != nil {
		l.doc.report(child(child(at, "late"), "accept"), "accept: 2d", "%v", err)
	}
}

func (l *Lab) validateOrder(at string, open time.Time, due task.Moment, zone *time.Location) {
	if end, err := due.End(zone); err == nil && due != "" && !open.IsZero() && !open.Before(end) {
		l.doc.report(child(at, "due"), "a time after it opens", "it is due %s, before it opens", due)
	}
}

// zone is the lab's; UTC where it is none, which is told elsewhere.
func (l *Lab) zone() *time.Location {
	if zone, err := time.LoadLocation(l.Timezone); err == nil {
		return zone
	}
	return time.UTC
}

// timed is a task with what the lab says of its times where it says nothing itself.
func (l *Lab) timed(t task.Task) task.Task {
	if t.Open == "" {
		t.Open = l.Open
	}
	if t.Due == "" {
		t.Due = l.Due
	}
	if t.Late == nil {
		t.Late = l.Late
	}
	return t
}

// inZone is timed with moments that tell their offset: whoever reads them need not know the lab's zone.
func (l *Lab) inZone(t task.Task) task.Task {
	t, zone := l.timed(t), l.zone()
	if open, err := t.Open.In(zone); err == nil && t.Open != "" {
		t.Open = task.Moment(open.Format(time.RFC3339))
	}
	if due, err := t.Due.End(zone); err == nil && t.Due != "" {
		t.Due = task.Moment(due.Format(time.RFC3339))
	}
	return t
}
