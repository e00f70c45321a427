//go:build linux

package sandbox

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"maillab/internal/broker"
)

const (
	// usageEvery is how often disk use is looked at.
	usageEvery = 2 * time.Second
	// roomEvery is how often the file system is asked for its room, which costs one system call: who fills it fast is looked
	// for at once.
	roomEvery = 200 * time.Millisecond
	burst     = 16 << 20 // octets less
	burstOf   = 2_000    // files more
	// The last of a file system's room is not a student's: whoever fills it is ended, whatever he may have.
	lowWater     = 1 << 30 // octets, or
	lowWaterPart = 20      // a twentieth of it
	// growth below this is what programs do by themselves.
	growth = 1 << 20
	// A thing that cannot be looked into for so long hides what it takes, and so does one after the other for a longer time. For a moment
	// everybody has such things: an sshd that is about to become a shell.
	hidesOne = usageEvery
	hidesAny = 5 * usageEvery
)

// usageWatch stands in for disk quotas, which volumes on ext4 do not have: a student whose homes together take more than
// the limit, and still more than at the last look, has his processes ended; so has one who goes on hiding what he takes. What he does
// when he comes back to clean up makes it less, and is left alone. What others send into his mailboxes is not held
// against his programs: it is refused when there is no room for it.
type usageWatch struct {
	last  map[string]looked // by student
	rests bool              // nobody ran anything then
}

// looked is what a look at a student found: what he takes, what he has that cannot be looked into, since when, and since when he has had any
// such thing.
type looked struct {
	own        int64
	hidden     string
	since, any time.Time
}

// again is what one more look found.
func (l looked) again(u broker.Usage, now time.Time) looked {
	if l.hidden == "" {
		l.any = now
	}
	if l.hidden != u.Hidden {
		l.since = now
	}
	l.own, l.hidden = u.Own, u.Hidden
	return l
}

// hides tells whether he goes on hiding what he takes.
func (l looked) hides(now time.Time) bool {
	return l.hidden != "" && (now.Sub(l.since) >= hidesOne || now.Sub(l.any) >= hidesAny)
}

// over is who is to be stopped, given what each student uses now, what one may, and whether the disk is nearly full.
func (w *usageWatch) over(used map[string]broker.Usage, limit int64, full bool, now time.Time) (students []string) {
	found := make(map[string]looked, len(used))
	for student, u := range used {
		before, seen := w.last[student]
		found[student] = before.again(u, now)
		switch grown := u.Own - before.own; {
		case !seen:
		case limit > 0 && u.Own > limit && grown > 0, full && grown > growth, found[student].hides(now):
			students = append(students, student)
		}
	}
	slices.Sort(students)
	w.last = found
	return students
}

// usage adds up what each student's accounts use.
func (s *Supervisor) usage(ctx context.Context, now state, all []process) (map[string]broker.Usage, error) {
	running := programs(all)
	theirs := map[string][]int{}
	for name, a := range now.accounts {
		theirs[name] = running[a.uid]
	}
	each, err := s.files.Usage(ctx, now.names(), theirs)
	if err != nil {
		return nil, err
	}
	used := map[string]broker.Usage{}
	for _, a := range now.spec.Accounts {
		u, all := each[a.Name], used[a.Student]
		used[a.Student] = broker.Usage{Own: all.Own + u.Own, Mailbox: all.Mailbox + u.Mailbox, Hidden: cmp.Or(all.Hidden, u.Hidden)}
	}
	return used, nil
}

// room is what a file system has left.
type room struct {
	bytes, size int64
	files       uint64
}

func roomOf(path string) room {
	var st unix.Statfs_t
	if unix.Statfs(path, &st) != nil {
		return room{}
	}
	return room{bytes: int64(st.Bavail) * st.Bsize, size: int64(st.Blocks) * st.Bsize, files: st.Ffree}
}

// low tells whether the file system is nearly full.
func (r room) low() bool { return r.size > 0 && r.bytes < min(lowWater, r.size/lowWaterPart) }

// shrank tells whether there is much less than before.
func (r room) shrank(before room) bool {
	return before.bytes-r.bytes > burst || before.files > r.files+burstOf
}

// keepWatchingUsage looks until ctx ends: at once where room goes fast, else every so often, and where there is much to look
// at, for no more than a fifth of its time.
func (s *Supervisor) keepWatchingUsage(ctx context.Context) {
	var w usageWatch
	looks := time.NewTicker(roomEvery) // not a timer each: see processes
	defer looks.Stop()
	for ctx.Err() == nil {
		began, before := time.Now(), roomOf("/home")
		if err := s.watchUsage(ctx, &w, before); err != nil && ctx.Err() == nil {
			s.log.Warn("disk use is not watched", "err", err)
		}
		next := time.Now().Add(max(usageEvery, 4*time.Since(began)))
		for again := true; again; again = time.Now().Before(next) && !roomOf("/home").shrank(before) {
			select {
			case <-looks.C:
			case <-ctx.Done():
				return
			}
		}
	}
}

// watchUsage is one look.
func (s *Supervisor) watchUsage(ctx context.Context, w *usageWatch, left room) error {
	now := s.snapshot()
	if now.spec == nil || now.spec.Limits.SpoolBytes <= 0 {
		return nil
	}
	all, err := processes()
	if err != nil {
		return err
	}
	busy := somebodys(all, s.config.UIDBase)
	if w.rests && !busy {
		return nil // as it was at the last look, against which who begins is measured
	}
	w.rests = !busy
	used, err := s.usage(ctx, now, all)
	if err != nil {
		return err
	}
	for _, student := range w.over(used, now.spec.Limits.SpoolBytes, left.low(), time.Now()) {
		u := used[student]
		s.log.Warn("too much on disk: ending the student's processes", "student", student, "bytes", u.Own, "hidden", u.Hidden, "left", left.bytes)
		if err := s.endStudent(ctx, now, student, u); err != nil {
			return err
		}
		delete(w.last, student) // what was written until the end is not held against the next session
	}
	return nil
}

func (s *Supervisor) endStudent(ctx context.Context, now state, student string, u broker.Usage) error {
	for _, a := range now.spec.Accounts {
		if a.Student != student {
			continue
		}
		if err := s.files.Tell(ctx, a.Name, tooMuch(a.Lang, u, now.spec.Limits.SpoolBytes)); err != nil {
			return err
		}
		if err := endSessions(now.accounts[a.Name].uid); err != nil {
			return fmt.Errorf("account %s: %w", a.Name, err)
		}
	}
	return nil
}

// tooMuch is what a student is told whose programs are ended.
func tooMuch(lang string, u broker.Usage, limit int64) string {
	fr := lang == "fr"
	switch {
	case u.Hidden != "" && fr:
		return "*** La place que prennent vos fichiers et programmes ne se voit pas (" + filepath.Base(u.Hidden) + ") : vos programmes sont arrêtés. Reconnectez-vous et supprimez ce qui la cache."
	case u.Hidden != "":
		return "*** What your files and programs take cannot be seen (" + filepath.Base(u.Hidden) + "): your programs are ended. Log in again and remove what hides it."
	case u.Own <= limit && fr:
		return "*** Le disque du serveur est presque plein : vos programmes, qui écrivaient, sont arrêtés. Reconnectez-vous et supprimez des fichiers."
	case u.Own <= limit:
		return "*** The server's disk is nearly full: your programs, which were writing, are ended. Log in again and remove files."
	case fr:
		return fmt.Sprintf("*** %d Mio dans vos dossiers, %d Mio sont permis : vos programmes sont arrêtés. Reconnectez-vous et supprimez des fichiers.", u.Own>>20, limit>>20)
	}
	return fmt.Sprintf("*** %d MiB in your homes, %d MiB are allowed: your programs are ended. Log in again and remove files.", u.Own>>20, limit>>20)
}
