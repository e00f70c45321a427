package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"maillab/internal/lab/task"
)

// Runs runs scripts of a student's, as that student.
type Runs interface {
	// Run returns when the script and all that it started have ended. An error says that it could not be run at all.
	Run(ctx context.Context, r Request) (Outcome, error)
	// Listens says whether a process of the account's listens on a loopback port.
	Listens(ctx context.Context, account, port string) (bool, error)
	// Send delivers mail that a check needs, to an address of the student's own, and returns when it is on its way.
	Send(ctx context.Context, run string, accounts []string, m task.Message) error
	// Clean takes out of the accounts' mailboxes what a run has left there: whatever holds its name.
	Clean(ctx context.Context, run string, accounts []string) error
}

// Request is a script to be run in its account's home.
type Request struct {
	Account  string
	Script   string
	Args     []string
	Stdin    string
	Terminal bool
	Files    map[string]string
	Time     time.Duration
	// During, when it is set, runs beside the script, which is ended when it returns.
	During func(ctx context.Context)
}

// Outcome is how a script ended.
type Outcome struct {
	Output   string // what it wrote, or what the terminal showed
	Cut      bool   // it wrote more than is kept
	Exit     int
	TimedOut bool
	Took     time.Duration
}

// Pauses of a run.
const (
	lookPause = 200 * time.Millisecond
	// settle is how long after a script has ended its mail may take to arrive.
	settle = 3 * time.Second
)

// run runs a script, and looks at what it did. What it needs is put there before, and taken away afterwards.
func (x *sheet) run(ctx context.Context, want *task.Run) verdict {
	if x.Runs == nil || x.Files == nil || len(x.Accounts) == 0 {
		return elsewhere()
	}
	script, err := x.openFile(ctx, want.Script)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return failed(0, notThere(x.Accounts, want.Script))
	case err != nil:
		return failed(0.1, both("le script %s ne peut pas être lu : %v", "the script %s cannot be read: %v", want.Script, err))
	}
	name := x.Random()
	defer func() { _ = x.Runs.Clean(context.WithoutCancel(ctx), name, x.Accounts) }() // a fixture that stays does no harm
	r, messages, err := x.prepare(ctx, want, name)
	if err != nil {
		return unchecked(err)
	}
	begun := x.Now()
	after := verdict{outcome: passes}
	look := func(ctx context.Context, patience time.Duration) { after = x.after(ctx, r, begun, patience) }
	request := Request{Account: x.Accounts[0], Script: r.Script, Args: r.Args, Stdin: r.Stdin, Terminal: r.Terminal,
		Files: r.Files, Time: time.Duration(max(r.Seconds, 1)) * time.Second}
	listened := true
	if r.Server != nil {
		request.During = func(ctx context.Context) {
			if listened = x.serve(ctx, r, name); listened {
				look(ctx, request.Time)
			}
		}
	}
	out, err := x.Runs.Run(ctx, request)
	if err != nil {
		return failed(0.1, both("le script %s n'a pas pu être lancé : %v", "the script %s could not be run: %v", want.Script, err))
	}
	if r.Server == nil {
		look(ctx, settle)
	}
	if !slices.ContainsFunc(want.Output, func(p task.Pattern) bool { return strings.Contains(string(p), "{messages}") }) {
		messages = ""
	}
	return judgeRun(r, out, after, listened, messages).with(unexecutable(script)...)
}

// unexecutable tells that a script could not be called by its name: a check runs it all the same.
func unexecutable(script File) []task.Text {
	if script.Executable {
		return nil
	}
	return []task.Text{both("il n'est pas exécutable (chmod +x), et a été lancé tout de même", "it is not executable (chmod +x), and was run all the same")}
}

// prepare fills in the run's name and the number of messages, once its mail is there.
func (x *sheet) prepare(ctx context.Context, want *task.Run, name string) (r *task.Run, messages string, err error) {
	named := expandRun(want, map[string]string{"run": name})
	if named.Server == nil {
		for _, m := range named.Mail {
			if err := x.Runs.Send(ctx, name, x.Accounts, m); err != nil {
				return nil, "", err
			}
		}
	}
	values := map[string]string{"run": name, "messages": "0"}
	if x.Boxes != nil {
		all, err := x.Boxes.Box(ctx, x.Accounts[0], "INBOX")
		if err != nil {
			return nil, "", err
		}
		values["messages"] = strconv.Itoa(len(all))
	}
	return expandRun(want, values), values["messages"], nil
}

func expandRun(r *task.Run, values map[string]string) *task.Run {
	t := task.Expand(task.Task{Check: task.Check{Run: r}}, func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	})
	return t.Check.Run
}

// serve waits until a script listens, and sends it its mail. It says whether it listened.
func (x *sheet) serve(ctx context.Context, r *task.Run, name string) bool {
	for {
		ok, err := x.Runs.Listens(ctx, x.Accounts[0], r.Server.Port)
		if err == nil && ok {
			break
		}
		if x.Pause(ctx, lookPause) != nil {
			return false
		}
	}
	for _, m := range r.Mail {
		if err := x.Runs.Send(ctx, name, x.Accounts, m); err != nil {
			return false
		}
	}
	return true
}

// after looks again and again, as mail takes its time, at the evidence of this run alone.
func (x *sheet) after(ctx context.Context, r *task.Run, begun time.Time, patience time.Duration) verdict {
	if r.After == nil {
		return verdict{outcome: passes}
	}
	until := x.Now().Add(patience)
	for {
		alone := &sheet{Sheet: x.Sheet, Evidence: x.Since(begun), memory: x.memory, task: x.task, letters: letters{}, running: true}
		v := alone.check(ctx, r.After)
		if v.outcome != fails || x.Now().After(until) || x.Pause(ctx, lookPause) != nil {
			return v
		}
	}
}

// judgeRun says what came of it. messages is how many there were, when the script was to say so.
func judgeRun(r *task.Run, out Outcome, after verdict, listened bool, messages string) verdict {
	screen := strings.ReplaceAll(out.Output, "\r", "")
	var misses []task.Text
	if r.Server == nil && out.TimedOut && (r.Exit != nil || r.After != nil || len(r.Output) > 0 || len(r.NotOutput) == 0) {
		misses = append(misses, both("il n'a pas fini en %d s", "it did not end within %d s", r.Seconds))
	}
	if !listened {
		misses = append(misses, both("il n'écoute pas sur le port %s", "it does not listen on port %s", r.Server.Port))
	}
	if r.Exit != nil && out.Exit != *r.Exit && !out.TimedOut {
		misses = append(misses, both("son code de retour est %d", "its exit code is %d", out.Exit))
	}
	misses = append(misses, outputMisses(r, screen, messages)...)
	if listened && after.outcome != passes {
		misses = append(misses, both("ensuite : %s", "afterwards: %s", after.text()))
	}
	wrote := both("il n'a rien écrit", "it wrote nothing")
	if strings.TrimSpace(screen) != "" {
		wrote = both("il a écrit %s", "it wrote %s", quote(lastPart(screen)))
	}
	name := both("%s, %s s, %s", "%s, %s s, %s", r.Script, fmt.Sprintf("%.1f", out.Took.Seconds()), wrote)
	if len(misses) == 0 {
		return passed(append([]task.Text{name}, after.seen...)...)
	}
	near := 0.9 * after.near
	if len(misses) == 1 {
		near += 0.05
	}
	return failed(near, both("%s : %s", "%s: %s", name, join(", ", misses...)))
}

func outputMisses(r *task.Run, screen, messages string) (misses []task.Text) {
	vague := false
	for _, p := range r.Output {
		re, err := p.Compile()
		switch {
		case err == nil && re.MatchString(screen):
		case regexp.QuoteMeta(string(p)) == string(p): // a text, and no rule
			misses = append(misses, both("%s n'y est pas", "%s is not in it", quote(string(p))))
		default:
			vague = true
		}
	}
	if vague {
		misses = append(misses, both("ce n'est pas ce qui est demandé", "that is not what is asked for"))
	}
	if vague && messages != "" {
		misses = append(misses, both("nombre de messages dans la boîte : %s", "messages in the mailbox: %s", messages))
	}
	for _, p := range r.NotOutput {
		if re, err := p.Compile(); err != nil || re.MatchString(screen) {
			shown := ""
			if err == nil {
				shown = re.FindString(screen)
			}
			misses = append(misses, both("il montre %s, ce qu'il ne doit pas", "it shows %s, which it must not", quote(shown)))
		}
	}
	return misses
}

// lastPart is the end of what a script wrote: there is its result, or its error.
func lastPart(screen string) string {
	text := strings.Join(strings.Fields(regexp.MustCompile(`\x1b\[[0-9;]*[A-Za-z]`).ReplaceAllString(screen, "")), " ")
	if runes := []rune(text); len(runes) > quoteLimit {
		return "…" + string(runes[len(runes)-quoteLimit+1:])
	}
	return text
}
