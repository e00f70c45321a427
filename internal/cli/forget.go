package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/commandline"
	"maillab/internal/deploy"
	"maillab/internal/lab"
)

func forgetVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "forget STUDENT",
		Short: "Erase one student everywhere",
		Long: `Erase one student everywhere in an instance: the sandbox with mail, homes and all that was recorded and logged, what is in
snapshots, results, marks, passwords, the line in the class list, the seat. It says where it looked for what is left. Nothing has
to run for it. A server that the class shares is made anew, and the others get back their mail, homes and results: sessions end, the
server has another SSH host key, and what the others typed so far, waiting mail and mail.log are gone with it.

What others have of the student is theirs: a message in their mailbox. Your own class list, and what you exported, bundled or
printed, it cannot know.`,
		Args:              commandline.Takes(1, 1),
		ValidArgsFunction: completion{a}.students,
		RunE:              func(cmd *cobra.Command, args []string) error { return runForget(cmd.Context(), a, args[0]) },
	}
}

func runForget(ctx context.Context, a *app, typed string) error {
	c, err := a.class(ctx)
	if err = cmp.Or(err, c.away); err != nil {
		return err
	}
	known, err := a.folder(c.Name).Seats()
	if err != nil {
		return err
	}
	everybody := c.Ever(known)
	chosen, err := c.Choose(everybody, []string{typed})
	if err == nil {
		_, err = oneOf(chosen, typed)
	}
	if err != nil {
		return usage(err)
	}
	p := chosen.People[0]
	keys := slices.DeleteFunc(c.Students(), func(key string) bool { return key == p.Key })
	if len(keys) == 0 {
		return withHint(usagef("%s is the only student of %s", p.Key, c.Name), "maillab down --forget forgets all of it")
	}
	if err := a.confirm(ctx, fmt.Sprintf("Erase all there is of %s?", chosen.Meant())); err != nil {
		return err
	}
	h, err := a.lock(ctx, c.Name)
	if err != nil {
		return err
	}
	defer h.Release()
	shared := c.up && c.Topology == lab.Shared // who has left the class has mail and home there all the same
	if shared || c.up && slices.Contains(c.Students(), p.Key) {
		others, err := a.some(c.running, keys)
		if err != nil {
			return err
		}
		up := func() (deploy.Running, error) { return c.upWithout(ctx, h, p.Key) }
		if err := classroom.Leave(ctx, a.carrier(), h, c.running, others, up, a.Now()); err != nil {
			return err
		}
	}
	looked, err := classroom.Erase(h, p, everybody)
	if err != nil {
		return err
	}
	return errors.Join(classroom.WriteLooked(a.Err, a.Tongue, looked, p.Key), a.tellAside(c.Name))
}

// tellAside tells of what a forget that was broken off has left aside.
func (a *app) tellAside(name string) error {
	lines, err := classroom.Aside(snapshotsIn(a, name))
	a.mention(lines)
	return err
}
