package fault

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"maillab/internal/safeio"
)

// Draw is the n-th number for a fault that is called so, from 0 up to but not including 1. It follows from its arguments alone.
func Draw(seed, name string, n int) float64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", seed, name, n))
	return float64(binary.BigEndian.Uint64(sum[:])>>11) / (1 << 53)
}

// Config is what a keeper is made of.
type Config struct {
	File string // where it keeps what it has to remember
	Seed string // of the student
	Lab  []Fault
	// Tasks are the tasks that the student is at now, with their faults; nil: none ever.
	Tasks func() []Task
	Now   func() time.Time
	// Failed is told that the file cannot be written; what it would hold is in force all the same.
	Failed func(error)
}

// Task is one that the student is at.
type Task struct {
	ID     string
	Faults []Fault
}

// placed is a fault with where it comes from: the same in two tasks is two.
type placed struct {
	Fault
	by, name string
}

// Keeper knows which faults are in force in one sandbox, and draws when they strike. It is safe for concurrent use.
//
//	{"live":[{"service":"smtp",…}],"draws":{"{…}":3},"struck":{"{…}":1},"seen":{"client sender recipient":"2026-…"}}
//
// live are those that the teacher has put in force; draws and struck count, by fault, what was drawn and what came of it; seen is when
// greylisting saw whom first.
type Keeper struct {
	cfg Config

	mu    sync.Mutex
	state state
}

type state struct {
	Live   []Fault              `json:"live,omitempty"`
	Draws  map[string]int       `json:"draws,omitempty"`
	Struck map[string]int       `json:"struck,omitempty"`
	Seen   map[string]time.Time `json:"seen,omitempty"`
}

// Open goes on from the file.
func Open(cfg Config) (*Keeper, error) {
	k := &Keeper{cfg: cfg}
	err := safeio.ReadJSON(cfg.File, &k.state)
	k.state.fill()
	return k, err
}

func (s *state) fill() {
	if s.Draws == nil {
		s.Draws = map[string]int{}
	}
	if s.Struck == nil {
		s.Struck = map[string]int{}
	}
	if s.Seen == nil {
		s.Seen = map[string]time.Time{}
	}
}

// Where a fault comes from.
const (
	ByTeacher = "teacher"
	ByLab     = "lab"
	ByTask    = "task"
)

// InForce is a fault with what is told of it.
type InForce struct {
	Fault
	By     string `json:"by"`               // teacher, lab or task
	Struck int    `json:"struck,omitempty"` // how often it did
}

// InForce are the faults that are, the teacher's first.
func (k *Keeper) InForce() []InForce {
	tasks := k.tasks()
	k.mu.Lock()
	defer k.mu.Unlock()
	all := []InForce{}
	for _, f := range k.placed(tasks) {
		all = append(all, InForce{f.Fault, f.by, k.state.Struck[f.name]})
	}
	return all
}

// placed are all faults that are in force. mu is held.
func (k *Keeper) placed(tasks []Task) (all []placed) {
	add := func(by, of string, faults []Fault) {
		for _, f := range faults {
			all = append(all, placed{f, by, by + " " + of + f.name()})
		}
	}
	add(ByTeacher, "", k.state.Live)
	add(ByLab, "", k.cfg.Lab)
	for _, t := range tasks {
		add(ByTask, t.ID+" ", t.Faults)
	}
	return all
}

// tasks asks without the lock: whoever answers has locks of its own.
func (k *Keeper) tasks() []Task {
	if k == nil || k.cfg.Tasks == nil {
		return nil
	}
	return k.cfg.Tasks()
}

// mostLive bounds what a teacher can put in force in a sandbox.
const mostLive = 50

// Change takes the teacher's faults of some services out of force (of all where none is named) if clear says so, and puts others in force.
// One that is in force already begins anew, and of one that is not any more nothing is remembered.
func (k *Keeper) Change(clear bool, services []string, add []Fault) error {
	if err := Check(add); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	live := slices.Clone(k.state.Live)
	if clear {
		live = slices.DeleteFunc(live, func(f Fault) bool { return len(services) == 0 || slices.Contains(services, f.Service) })
	}
	for _, f := range add {
		live = append(slices.DeleteFunc(live, func(other Fault) bool { return other == f }), f)
	}
	if len(live) > mostLive {
		return fmt.Errorf("more than %d faults at once", mostLive)
	}
	for _, f := range slices.Concat(k.state.Live, add) {
		if slices.Contains(add, f) || !slices.Contains(live, f) {
			name := ByTeacher + " " + f.name()
			delete(k.state.Draws, name)
			delete(k.state.Struck, name)
			delete(k.state.Draws, jitterOf(f))
		}
	}
	k.state.Live = live
	return safeio.WriteJSON(k.cfg.File, k.state)
}

// StartAgain forgets the teacher's faults and all that was drawn: everything goes wrong as it did the first time.
func (k *Keeper) StartAgain() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.state.Live)+len(k.state.Draws)+len(k.state.Struck)+len(k.state.Seen) == 0 {
		return nil
	}
	k.state = state{}
	k.state.fill()
	return safeio.WriteJSON(k.cfg.File, k.state)
}

// Any tells whether there is a fault at all.
func (k *Keeper) Any() bool {
	if k == nil {
		return false
	}
	tasks := k.tasks()
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.placed(tasks)) > 0
}

// Strike draws the faults for which is says so, in order, and returns those that strike now.
func (k *Keeper) Strike(is func(Fault) bool) (struck []Fault) {
	if k == nil {
		return nil
	}
	tasks := k.tasks()
	k.mu.Lock()
	defer k.mu.Unlock()
	changed := false
	for _, f := range k.placed(tasks) {
		if !is(f.Fault) || f.Times > 0 && k.state.Struck[f.name] >= f.Times {
			continue
		}
		share := 1.0
		switch {
		case f.Probability > 0:
			share = float64(f.Probability) / 100
		case f.Toxicity > 0:
			share = f.Toxicity
		}
		changed = true
		if k.draw(f.name) < share {
			k.state.Struck[f.name]++
			struck = append(struck, f.Fault)
		}
	}
	if changed {
		k.save()
	}
	return struck
}

// draw is the next number for a name. mu is held.
func (k *Keeper) draw(name string) float64 {
	n := k.state.Draws[name]
	k.state.Draws[name]++
	return Draw(k.cfg.Seed, name, n)
}

// jitterOf is what the numbers for a fault's jitter are drawn by.
func jitterOf(f Fault) string { return "jitter" + f.name() }

// Jitter is the next number for how late an answer is. It is remembered with what is drawn next.
func (k *Keeper) Jitter(f Fault) float64 {
	if f.Jitter == 0 {
		return 0.5
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.draw(jitterOf(f))
}

// has returns the first fault that is in force of a service and a type. mu is held.
func (k *Keeper) has(service, kind string, tasks []Task) (placed, bool) {
	for _, f := range k.placed(tasks) {
		if f.Service == service && f.Type == kind {
			return f, true
		}
	}
	return placed{}, false
}

// Bounds of greylisting: how long who is unknown waits where the fault does not say, and whom it remembers.
const (
	greyDelay = Length(time.Minute)
	mostSeen  = 1000
)

// Grey tells of a client, a sender and a recipient whether greylisting sends them away, and for how long still.
func (k *Keeper) Grey(client, sender, recipient string) (wait time.Duration, grey bool) {
	if k == nil {
		return 0, false
	}
	tasks := k.tasks()
	k.mu.Lock()
	defer k.mu.Unlock()
	f, is := k.has("smtp", "greylist", tasks)
	if !is {
		return 0, false
	}
	delay := f.Delay
	if delay == 0 {
		delay = greyDelay
	}
	who := strings.ToLower(client + " " + sender + " " + recipient)
	now := k.cfg.Now()
	first, seen := k.state.Seen[who]
	if !seen && len(k.state.Seen) < mostSeen {
		first = now
		k.state.Seen[who] = now.UTC()
	}
	if wait = first.Add(time.Duration(delay)).Sub(now); wait <= 0 {
		return 0, false
	}
	k.state.Struck[f.name]++
	k.save()
	return wait, true
}

// save keeps the state, without waiting for the disk: it is on the way of each answer, and after a loss of power a fault may
// strike again. mu is held.
func (k *Keeper) save() {
	text, err := json.Marshal(k.state)
	if err == nil {
		err = safeio.WriteFile(k.cfg.File, text, 0o600, safeio.Whole)
	}
	if err != nil {
		k.cfg.Failed(err)
	}
}
