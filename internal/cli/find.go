package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"maillab/internal/control"
	"maillab/internal/engine"
	"maillab/internal/instance"
)

// running is an instance with the engine that runs it.
type running struct {
	instance.Instance
	engine engine.Engine
}

// client reaches its gateway. The caller closes it.
func (r running) client() *control.Client { return instance.Connect(r.engine, r.Name) }

// survey is what all engines that answer are running.
type survey struct {
	engines   []engine.Engine
	instances []running
	images    []engine.Resource
	problems  []error // of engines that do not answer
}

// look asks every engine (or the one that --engine names) side by side for the instances called name, or for all.
func (a *app) look(ctx context.Context, name string) (survey, error) {
	makers, err := a.makers()
	if err != nil {
		return survey{}, err
	}
	type answer struct {
		engine    engine.Engine
		resources []engine.Resource
		err       error
	}
	answers := make([]answer, len(makers))
	var wg sync.WaitGroup
	for i, m := range makers {
		wg.Go(func() {
			e, err := m.Make(ctx)
			if err != nil {
				answers[i].err = fmt.Errorf("engine %s: %w", m.Name, err)
				return
			}
			answers[i].engine = e
			answers[i].resources, err = e.Observe(ctx, name)
			if err != nil {
				answers[i].err = fmt.Errorf("engine %s: %w", m.Name, err)
			}
		})
	}
	wg.Wait()
	var s survey
	for _, answer := range answers {
		if answer.err != nil {
			s.problems = append(s.problems, answer.err)
			continue
		}
		s.engines = append(s.engines, answer.engine)
		for _, i := range instance.Of(answer.resources) {
			s.instances = append(s.instances, running{Instance: i, engine: answer.engine})
		}
		for _, r := range answer.resources {
			if r.Kind == engine.Image {
				s.images = append(s.images, r)
			}
		}
	}
	if len(s.engines) == 0 {
		return s, errors.Join(s.problems...)
	}
	return s, nil
}

// makers are the engines that --engine allows.
func (a *app) makers() ([]EngineMaker, error) {
	if a.flags.engine == "" {
		return a.Engines, nil
	}
	var names []string
	for _, m := range a.Engines {
		if m.Name == a.flags.engine {
			return []EngineMaker{m}, nil
		}
		names = append(names, m.Name)
	}
	return nil, usagef("no engine is called %q: %s", a.flags.engine, strings.Join(names, ", "))
}

// the finds the instance that a verb is about: -n, or the only one.
func (a *app) the(ctx context.Context) (running, error) {
	s, err := a.look(ctx, a.flags.instance)
	if err != nil {
		return running{}, err
	}
	switch {
	case len(s.instances) == 1:
		return s.instances[0], nil
	case len(s.instances) == 0 && len(s.problems) > 0:
		return running{}, a.perhapsThere(s)
	case len(s.instances) == 0 && a.flags.instance != "":
		return running{}, withHint(fmt.Errorf("%w: no instance is called %q", engine.ErrNotFound, a.flags.instance), "maillab ls lists those that there are")
	case len(s.instances) == 0:
		return running{}, withHint(fmt.Errorf("%w: no instance is up", engine.ErrNotFound), "maillab up brings one up")
	case a.flags.instance != "":
		return running{}, usagef("%q runs on two engines: say which with --engine", a.flags.instance)
	}
	var names []string
	for _, i := range s.instances {
		names = append(names, i.Name)
	}
	return running{}, usagef("several instances are up: say which with -n: %s", strings.Join(names, ", "))
}

// perhapsThere is that nothing was found while an engine that may have it does not answer.
func (a *app) perhapsThere(s survey) error {
	what := "no instance is up on the engines that answer"
	if a.flags.instance != "" {
		what = fmt.Sprintf("no instance is called %q on the engines that answer", a.flags.instance)
	}
	return &failure{err: fmt.Errorf("%w: %s", engine.ErrNotFound, what), code: exitNoEngine, hint: unanswered(s) +
		"\nmaillab doctor looks at the engines; --engine asks one only"}
}

// unanswered tells which engines did not answer.
func unanswered(s survey) string { return "not asked: " + errors.Join(s.problems...).Error() }

// some are the sandboxes of these students, each once; all of them when none is named.
func some(i instance.Instance, students []string) ([]instance.Sandbox, error) {
	if len(students) == 0 {
		return i.Sandboxes, nil
	}
	var chosen []instance.Sandbox
	var wrong []error
	seen := map[int]bool{}
	for _, student := range students {
		s, err := i.Find(student)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		if !seen[s.Seat] {
			seen[s.Seat] = true
			chosen = append(chosen, s)
		}
	}
	if len(wrong) > 0 {
		return nil, usage(errors.Join(wrong...))
	}
	return chosen, nil
}

// those finds the instance that a verb is about, and the sandboxes of these students in it.
func (a *app) those(ctx context.Context, students []string) (running, []instance.Sandbox, error) {
	i, err := a.the(ctx)
	if err != nil {
		return running{}, nil, err
	}
	chosen, err := some(i.Instance, students)
	return i, chosen, err
}

// completionPatience bounds what a shell's user waits for after Tab.
const completionPatience = time.Second

// completing bounds a completion. Cobra does not prepare one, so the flags that say where to look come from the environment
// here.
func (a *app) completing(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	a.flags.instance = cmp.Or(a.flags.instance, a.Getenv(flagVariable("instance")))
	a.flags.engine = cmp.Or(a.flags.engine, a.Getenv(flagVariable("engine")))
	return context.WithTimeout(cmd.Context(), completionPatience)
}

// first completes so many arguments only.
func first(most int, complete cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(cmd, args, start)
	}
}

// completeInstances completes -n.
func (a *app) completeInstances(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := a.completing(cmd)
	defer cancel()
	s, _ := a.look(ctx, "")
	var names []string
	for _, i := range s.instances {
		names = append(names, i.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeStudents completes students of the instance.
func (a *app) completeStudents(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := a.completing(cmd)
	defer cancel()
	i, err := a.the(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return i.Students(), cobra.ShellCompDirectiveNoFileComp
}
