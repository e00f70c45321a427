package classroom

import (
	"context"
	"fmt"

	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/instance"
	"maillab/internal/progress"
)

// Mark has a sandbox keep the teacher's word on a task, and returns the one that stood before, nil where there was none. The
// folder gets a copy.
func Mark(ctx context.Context, i deploy.Running, h *instance.Held, s instance.Sandbox, m control.Mark) (before *progress.Mark, err error) {
	client := i.Client()
	defer client.Close()
	before, err = client.Mark(ctx, s.Seat, m)
	if err != nil {
		return nil, err
	}
	if err := h.KeepMark(m.Student, m.Task, m.Mark); err != nil {
		return before, fmt.Errorf("the sandbox has the mark, the folder has not: %w", err)
	}
	return before, nil
}
