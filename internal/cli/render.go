package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"maillab/images"
	"maillab/internal/classroom"
	"maillab/internal/commandline"
	"maillab/internal/compose"
	"maillab/internal/deploy"
	"maillab/internal/instance"
	"maillab/internal/mail/auth"
	"maillab/internal/request"
	"maillab/labs"
)

func renderVerb(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "render",
		Short: "An instance as a file that others understand",
		Args:  commandline.Takes(0, 0),
	}
	cmd.AddCommand(renderCompose(a), renderSpec(a))
	return cmd
}

func renderCompose(a *app) *cobra.Command {
	var f upFlags
	var folder string
	cmd := &cobra.Command{
		Use:   "compose",
		Short: "An instance as a compose file",
		Long: `Print an instance as a compose file, for docker compose v2 and docker-compose 1.29. The class starts with
  docker compose -f FILE up -d
on a machine without maillab, and is what the file says: maillab's own verbs (status, reset, check, snapshot …) do not
reach it. Students have all the rest: accounts, SSH, telnet, mail, lab check. Peers in mail.log are what Docker's port
publishing shows, on 127.0.0.1 the bridge's own address. Docker runs a process for each published port, which leads to a
gateway; the sandboxes have no network, and each rendering gives them new tokens by which the gateway knows them.

The image must be there: maillab up on the same machine builds it. With --context DIR the file builds it by itself, from
what is in DIR; where there is no such folder, it is made. Where debian:bookworm-slim cannot be pulled, set MAILLAB_BASE
to another base.`,
		Example: `  maillab render compose --class m1.csv > class.yaml
  maillab render compose --context ./image > sandbox.yaml && docker compose -f sandbox.yaml up`,
		Args: commandline.Takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return runRenderCompose(cmd.Context(), a, f, folder) },
	}
	renderFlags(cmd, &f)
	cmd.Flags().StringVar(&folder, "context", "", "folder to build the image from; made when it is not there")
	return cmd
}

func renderSpec(a *app) *cobra.Command {
	var f upFlags
	var seat int
	cmd := &cobra.Command{
		Use:   "spec",
		Short: "What one sandbox is told to be, for maild serve",
		Long:  `Print what the sandbox of one seat is told to be, as JSON: maild serve -spec FILE -dir DIR serves it by itself.`,
		Args:  commandline.Takes(0, 0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return runRenderSpec(cmd.Context(), a, f, seat) },
	}
	renderFlags(cmd, &f)
	commandline.Count(cmd.Flags(), &seat, "seat", -1, commandline.From(0), "whose; by default the first")
	return cmd
}

func renderFlags(cmd *cobra.Command, f *upFlags) {
	f.AddLab(cmd, labs.Default)
	f.AddClass(cmd, "the class list")
	cmd.Flags().StringVar(&f.Listen, "listen", "", "address that ports are published on, instead of the lab's")
	commandline.Count(cmd.Flags(), &f.Base, "base", 0, request.Ports(), "where the ports begin, instead of the lab's")
}

// rendered is an instance that is not up: what it would be, and what of it a compose file can say. What it keeps, so that the
// next rendering has the same seats, passwords and hashes, is not the folder of an instance that is up; it begins with what
// that has.
func rendered(ctx context.Context, a *app, f upFlags) (deploy.Decision, compose.Stack, error) {
	none := func(err error) (deploy.Decision, compose.Stack, error) {
		return deploy.Decision{}, compose.Stack{}, err
	}
	name, err := f.instance(a)
	if err != nil {
		return none(err)
	}
	h, err := instance.RenderedFolder(a.DataDir, name).Lock(ctx, a.waiting(name))
	if err != nil {
		return none(err)
	}
	defer h.Release()
	r, s, err := f.request(a, name, a.folder(name))
	if err != nil {
		return none(err)
	}
	if err := errors.Join(h.BeginWith(a.folder(name)), h.KeepSecret()); err != nil {
		return none(err)
	}
	d, err := deploy.Render(ctx, h, r)
	if err != nil {
		return none(request.Placed(s, err))
	}
	hash, err := h.Hasher(auth.Hash)
	if err != nil {
		return none(err)
	}
	stack, err := compose.Of(d, hash)
	return d, stack, err
}

func runRenderCompose(ctx context.Context, a *app, f upFlags, folder string) error {
	d, stack, err := rendered(ctx, a, f)
	if err != nil {
		return err
	}
	stack.Image, stack.Filter, stack.Context = images.Tag(), images.FilterTag(), folder
	stack.Comment = []string{
		fmt.Sprintf("%s for %s, made by maillab render compose. There is no controller in it:", d.Lab.Name, classroom.Students(len(d.Class.Students))),
		"accounts, SSH, telnet, mail and lab check are there; reset, snapshot, status and check from outside are not.",
	}
	if folder != "" {
		stack.Image, stack.Filter = images.Repository+":compose", images.FilterRepository+":compose"
		if err := images.Unpack(folder); err != nil {
			return err
		}
	}
	text, err := compose.Render(stack)
	if err != nil {
		return usage(err)
	}
	_, err = a.Out.Write(text)
	return err
}

func runRenderSpec(ctx context.Context, a *app, f upFlags, seat int) error {
	_, stack, err := rendered(ctx, a, f)
	if err != nil {
		return err
	}
	seats := map[int]compose.Sandbox{}
	for _, s := range stack.Sandboxes {
		seats[s.Seat] = s
	}
	if seat < 0 {
		seat = slices.Min(slices.Collect(maps.Keys(seats)))
	}
	one, ok := seats[seat]
	if !ok {
		return usagef("no sandbox has seat %d", seat)
	}
	encoder := json.NewEncoder(a.Out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(one.Spec)
}
