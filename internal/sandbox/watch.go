//go:build linux

package sandbox

import (
	"context"
	"fmt"
	"time"

	"maillab/internal/spec"
)

// usageEvery is how often disk use is looked at. At the speed of a student's disk filler (one processor at most), a
// volume outgrows its limit by a second's or two's writing.
const usageEvery = 2 * time.Second

// usageWatch stands in for disk quotas, which volumes on ext4 do not have: a student whose homes and mailboxes together
// take more than the limit, and still more than at the last look, has his processes ended. What he does when he comes
// back to clean up makes it less, and is left alone.
type usageWatch struct {
	last map[string]int64 // by student
}

// over is who is to be stopped, given what each student uses now.
func (w *usageWatch) over(now map[string]int64, limit int64) (students []string) {
	for student, bytes := range now {
		if before, seen := w.last[student]; limit > 0 && bytes > limit && seen && bytes > before {
			students = append(students, student)
		}
	}
	w.last = now
	return students
}

// usage adds up what each student's accounts use.
func (s *Supervisor) usage(ctx context.Context, sb *spec.Sandbox) (map[string]int64, error) {
	used := map[string]int64{}
	for _, a := range sb.Accounts {
		bytes, err := s.files.Usage(ctx, a.Name)
		if err != nil {
			return nil, err
		}
		used[a.Student] += bytes
	}
	return used, nil
}

// keepWatchingUsage looks until ctx ends. Where there is much to look at, it spends no more than a twentieth of its time on it.
func (s *Supervisor) keepWatchingUsage(ctx context.Context) {
	var w usageWatch
	for ctx.Err() == nil {
		began := time.Now()
		if err := s.watchUsage(ctx, &w); err != nil && ctx.Err() == nil {
			s.log.Warn("disk use is not watched", "err", err)
		}
		pause(ctx, max(usageEvery, 20*time.Since(began)))
	}
}

// watchUsage is one look.
func (s *Supervisor) watchUsage(ctx context.Context, w *usageWatch) error {
	now := s.snapshot()
	if now.spec == nil || now.spec.Limits.SpoolBytes <= 0 {
		return nil
	}
	used, err := s.usage(ctx, now.spec)
	if err != nil {
		return err
	}
	for _, student := range w.over(used, now.spec.Limits.SpoolBytes) {
		s.log.Warn("too much on disk: ending the student's processes", "student", student, "bytes", used[student])
		if err := s.endStudent(ctx, now, student, used[student]); err != nil {
			return err
		}
		delete(w.last, student) // what was written until the end is not held against the next session
	}
	return nil
}

func (s *Supervisor) endStudent(ctx context.Context, now state, student string, bytes int64) error {
	for _, a := range now.spec.Accounts {
		if a.Student != student {
			continue
		}
		text := fmt.Sprintf("*** %d MiB in your homes and mailboxes, %d MiB are allowed: your programs are ended. Log in again and remove files.",
			bytes>>20, now.spec.Limits.SpoolBytes>>20)
		if a.Lang == "fr" {
			text = fmt.Sprintf("*** %d Mio dans vos dossiers et boîtes, %d Mio sont permis : vos programmes sont arrêtés. Reconnectez-vous et supprimez des fichiers.",
				bytes>>20, now.spec.Limits.SpoolBytes>>20)
		}
		if err := s.files.Tell(ctx, a.Name, text); err != nil {
			return err
		}
		if err := endSessions(now.accounts[a.Name].uid); err != nil {
			return fmt.Errorf("account %s: %w", a.Name, err)
		}
	}
	return nil
}
