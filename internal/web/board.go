package web

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"maillab/internal/check"
	"maillab/internal/control"
	"maillab/internal/lab/task"
	"maillab/internal/progress"
)

// row is where one student is.
type row struct {
	Seat          int
	Student       string
	Results       []check.Result
	Passed, Total int
	Next          string // the title of the task to go on with
	Act           control.Activity
	Since         time.Time // when a task passed last, else when the epoch began
	Tries         map[string]int
	History       progress.History // where it was asked for
}

// Stuck is for how many whole minutes a student has got on with nothing; 0 for who is through, or did nothing yet.
func (r row) Stuck(now time.Time) time.Duration {
	if r.Passed == r.Total || r.Act.At.IsZero() {
		return 0
	}
	return max(0, now.Sub(r.Since).Truncate(time.Minute))
}

// board is a class, who is stuck first.
type board struct {
	Rows  []row
	Tasks []check.Result // for the head: what all have
	Turns []turn
	Sum   sum
	Now   time.Time
}

// turn is what several students have found, and is not right yet.
type turn struct {
	Count       int
	Title, Seen string
}

// stuckFirst puts who has got on least lately first, and who is through last.
func stuckFirst(x, y row) int {
	through := func(r row) int { return map[bool]int{true: 1}[r.Passed == r.Total] }
	minute := func(t time.Time) time.Time { return t.Truncate(time.Minute) } // who did nothing stays by seat
	return cmp.Or(cmp.Compare(through(x), through(y)), minute(x.Since).Compare(minute(y.Since)), cmp.Compare(x.Passed, y.Passed),
		cmp.Compare(x.Seat, y.Seat), strings.Compare(x.Student, y.Student))
}

// boardOf puts rows in order. On the wall nobody has a name: everybody is a number, in the order of the seats.
func boardOf(rows []row, lang string, wall bool, now time.Time) board {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, stuckFirst)
	b := board{Rows: rows, Turns: turnsOf(rows, lang), Now: now}
	for _, r := range rows {
		b.Sum.Passed += r.Passed
		b.Sum.Total += r.Total
		if len(r.Results) > len(b.Tasks) {
			b.Tasks = r.Results
		}
	}
	if wall {
		slices.SortStableFunc(b.Rows, func(x, y row) int { return cmp.Or(cmp.Compare(x.Seat, y.Seat), strings.Compare(x.Student, y.Student)) })
		for i := range b.Rows {
			b.Rows[i].Student, b.Rows[i].Act = "", control.Activity{}
		}
	}
	return b
}

// particular is what of a finding is one student's alone: queue IDs, times, numbers, addresses.
var particular = regexp.MustCompile(`\b[0-9A-F]{9,}\b|\b\d[\d:.,]*\b|\S+@\S+|"[^"]*"|« [^»]* »`)

// mostTurns is how many are told.
const mostTurns = 5

// turnsOf are what two students or more have found of a task that has not passed, and that they have tried or are to go on with,
// the most frequent first.
func turnsOf(rows []row, lang string) (turns []turn) {
	type key struct{ title, seen string }
	counts := map[key]int{}
	for _, r := range rows {
		for _, one := range r.Results {
			if seen := one.Seen.In(lang); one.State == progress.Failed && seen != "" && !r.Act.At.IsZero() && (r.Tries[one.ID] > 0 || r.Next == one.Title.In(lang)) {
				counts[key{one.Title.In(lang), particular.ReplaceAllString(seen, "…")}]++
			}
		}
	}
	for k, n := range counts {
		if n > 1 {
			turns = append(turns, turn{n, k.title, k.seen})
		}
	}
	slices.SortFunc(turns, func(x, y turn) int {
		return cmp.Or(cmp.Compare(y.Count, x.Count), strings.Compare(x.Title, y.Title), strings.Compare(x.Seen, y.Seen))
	})
	return turns[:min(len(turns), mostTurns)]
}

// watch looks at a class with a teacher's role.
type watch struct {
	client *control.Client
	lang   string
	asks   asks
	pause  time.Duration // how often what students do is looked at that changes no task

	mu   sync.Mutex
	rows map[int][]row // by seat
}

// asks is what is wanted beside how tasks stand.
type asks struct {
	history bool // all that is known of students' work
	doings  bool // what they did last
}

func newWatch(client *control.Client, lang string, a asks) *watch {
	return &watch{client: client, lang: lang, asks: a, pause: activityPause, rows: map[int][]row{}}
}

// atOnce bounds how many sandboxes are asked side by side.
const atOnce = 32

// whole asks all sandboxes. One that does not answer is left out; the error is the first one's, where none answers.
func (v *watch) whole(ctx context.Context) ([]row, error) {
	seats, err := v.client.Class(ctx)
	if err != nil {
		return nil, err
	}
	var group errgroup.Group
	group.SetLimit(atOnce)
	errs := make([]error, len(seats))
	for i, s := range seats {
		group.Go(func() error {
			errs[i] = v.look(ctx, s.Seat)
			return nil
		})
	}
	_ = group.Wait()
	for _, err := range errs { // what is known from before does not hide it
		if isStatus(err, http.StatusUnauthorized) {
			return nil, err
		}
	}
	rows := v.all()
	if len(rows) == 0 || ctx.Err() != nil {
		return nil, cmp.Or(errors.Join(errs...), ctx.Err())
	}
	return rows, nil
}

// look asks one sandbox.
func (v *watch) look(ctx context.Context, seat int) error {
	checked, err := v.client.Seat(seat).Check(ctx, control.CheckRequest{NoRuns: true, History: v.asks.history})
	if err != nil {
		return err
	}
	var activity []control.Activity
	if v.asks.doings {
		if activity, err = v.client.Seat(seat).Activity(ctx); err != nil {
			return err
		}
	}
	var rows []row
	for _, c := range checked {
		var doing control.Activity
		if i := slices.IndexFunc(activity, func(a control.Activity) bool { return a.Student == c.Student }); i >= 0 {
			doing = activity[i]
		} else if v.asks.doings {
			continue
		}
		rows = append(rows, rowOf(seat, c, doing, v.lang))
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.rows[seat] = rows
	return nil
}

func rowOf(seat int, c control.CheckedStudent, act control.Activity, lang string) row {
	r := row{Seat: seat, Student: c.Student, Results: c.Results, Total: len(c.Results), Act: act, Since: act.Passed, Tries: c.Tries, History: c.History}
	if r.Since.IsZero() {
		r.Since = act.Started
	}
	states := make([]progress.State, len(c.Results))
	for i, one := range c.Results {
		if states[i] = one.State; act.At.IsZero() && one.State == progress.Failed {
			r.Results[i].State = "" // of who did nothing nothing has failed
		}
		if one.State == progress.Passed {
			r.Passed++
		}
	}
	if next := progress.Next(states); next >= 0 {
		r.Next = c.Results[next].Title.In(lang)
	}
	return r
}

// all are the rows as known.
func (v *watch) all() (rows []row) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, seat := range slices.Sorted(maps.Keys(v.rows)) {
		rows = append(rows, v.rows[seat]...)
	}
	return rows
}

// How often what students do is looked at that changes no task, and how long a burst of changes is gathered.
const (
	activityPause = 5 * time.Second
	boardGather   = 250 * time.Millisecond
)

// follow shows the class at once, when a task of somebody's changes, and every few seconds what students do, until ctx ends
// or show fails.
func (v *watch) follow(ctx context.Context, show func([]row) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rows, err := v.whole(ctx)
	if err != nil {
		return err
	}
	changed := make(chan int, 1024)
	seats, err := v.client.Class(ctx)
	if err != nil {
		return err
	}
	for _, s := range seats {
		go v.changes(ctx, s.Seat, changed)
	}
	tick := time.NewTicker(v.pause)
	defer tick.Stop()
	for err == nil {
		if err = show(rows); err != nil {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			rows, err = v.whole(ctx)
		case seat := <-changed:
			err = v.these(ctx, gathered(ctx, seat, changed))
			rows = v.all()
		}
	}
	return err
}

// changes passes on when one sandbox's tasks change; a sandbox that ends comes again.
func (v *watch) changes(ctx context.Context, seat int, changed chan<- int) {
	for ctx.Err() == nil {
		first := true
		_ = v.client.Seat(seat).Changes(ctx, "", func() error {
			if first { // how it is has been looked at
				first = false
				return nil
			}
			select {
			case changed <- seat:
			default: // it is looked at soon all the same
			}
			return nil
		})
		select {
		case <-ctx.Done():
		case <-time.After(activityPause):
		}
	}
}

// gathered are the seats of which a change comes within a moment.
func gathered(ctx context.Context, first int, changed <-chan int) map[int]bool {
	seats := map[int]bool{first: true}
	end := time.After(boardGather)
	for {
		select {
		case seat := <-changed:
			seats[seat] = true
		case <-end:
			return seats
		case <-ctx.Done():
			return seats
		}
	}
}

// these looks at some sandboxes again.
func (v *watch) these(ctx context.Context, seats map[int]bool) error {
	var group errgroup.Group
	group.SetLimit(atOnce)
	for seat := range seats {
		group.Go(func() error { return v.look(ctx, seat) })
	}
	if err := group.Wait(); isStatus(err, http.StatusUnauthorized) {
		return err
	}
	return ctx.Err()
}

// query is a query of pairs.
func query(pairs ...string) string {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return values.Encode()
}

// inText is a text of the lab's in a language.
func inText(text task.Text, lang string) string { return text.In(lang) }
