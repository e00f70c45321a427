package operator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"maillab/images"
	"maillab/internal/commandline"
	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/safeio"
	"maillab/internal/screen"
)

// Stock is what the image's verbs stand on.
type Stock interface {
	// Makers are the engines that may have the image, the preferred one first.
	Makers() ([]deploy.Maker, error)
	Streams() (in io.Reader, out io.Writer)
	// Said is told what happens, a line at a time.
	Said(line string)
}

// Image is the verb that brings the sandbox image to other machines.
func Image(s Stock) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "image",
		Short: "Bring the sandbox image to the machines of a swarm",
		Long: `Bring the sandbox image to the machines of a swarm. Each of them needs it before it gets seats, and nobody asks a registry for
it that was not named here. Its name is a hash over all that it is made of, so another version of maillab has another image.

Without a registry, for each machine: maillab image save | ssh NODE docker load
With one, once: maillab image push --registry HOST/PREFIX`,
		Args: commandline.Takes(0, 0),
	}
	cmd.AddCommand(save(s), load(s), push(s))
	return cmd
}

func save(s Stock) *cobra.Command {
	return &cobra.Command{
		Use:   "save [FILE]",
		Short: "Write the image to a file, or to standard output",
		Long: `Write the image to a file, or to standard output, as an archive that maillab image load and docker load take in. It is built
first where it is missing.`,
		Args: commandline.Takes(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, out := s.Streams()
			if len(args) == 0 && screen.IsTerminal(out) {
				return &deploy.RefusedError{Err: errors.New("an image is nothing for a terminal: name a file, or | ssh NODE docker load")}
			}
			e, err := built(cmd.Context(), s)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return e.SaveImage(cmd.Context(), images.Tag(), out)
			}
			return safeio.Write(args[0], 0o600, safeio.Durable, func(f *os.File) error { return e.SaveImage(cmd.Context(), images.Tag(), f) })
		},
	}
}

func load(s Stock) *cobra.Command {
	return &cobra.Command{
		Use:   "load [FILE]",
		Short: "Take the image in from a file, or from standard input",
		Long: `Take the image in from a file, or from standard input, as maillab image save writes it. It has to be of the same version of
maillab.`,
		Args: commandline.Takes(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, _ := s.Streams()
			if len(args) == 0 && screen.IsTerminal(in) {
				return &deploy.RefusedError{Err: errors.New("an image is not typed: name a file, or there: maillab image save | ssh HERE maillab image load")}
			}
			if len(args) > 0 {
				file, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer file.Close()
				in = file
			}
			_, e, err := shipper(cmd.Context(), s)
			if err != nil {
				return err
			}
			return e.LoadImage(cmd.Context(), images.Tag(), in, s.Said)
		},
	}
}

func push(s Stock) *cobra.Command {
	var registry string
	cmd := &cobra.Command{
		Use:   "push --registry HOST/PREFIX",
		Short: "Bring the image into a registry, where a swarm's machines find it",
		Long: `Bring the image into a registry, and print by which name. Classes that are brought up from then on have the machines of a swarm get
it there, with what docker login has kept for you (credential helpers, too). It is built first where it is missing.

It is named by its contents, so what somebody else pushes later changes nothing. A further push to another registry takes the place
of this one.`,
		Args: commandline.Takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !hostPrefix(registry) {
				return &deploy.RefusedError{Err: fmt.Errorf("registry %q is not HOST/PREFIX: say --registry, with a host's full name", registry)}
			}
			e, err := built(cmd.Context(), s)
			if err != nil {
				return err
			}
			name, err := e.PushImage(cmd.Context(), images.Tag(), registry, s.Said)
			if err != nil {
				return err
			}
			_, out := s.Streams()
			_, err = fmt.Fprintln(out, name)
			return err
		},
	}
	cmd.Flags().StringVar(&registry, "registry", "", "where to: HOST/PREFIX")
	return cmd
}

// hostPrefix tells whether a registry is HOST/PREFIX, by the rule by which docker tells hosts from its own registry's users.
func hostPrefix(registry string) bool {
	host, prefix, _ := strings.Cut(registry, "/")
	return prefix != "" && host != "" && (strings.ContainsAny(host, ".:") || host == "localhost")
}

// shipper is the first engine that answers and has images.
func shipper(ctx context.Context, s Stock) (engine.Engine, engine.Shipper, error) {
	makers, err := s.Makers()
	if err != nil {
		return nil, nil, err
	}
	var failed []error
	for _, m := range makers {
		e, err := m.Make(ctx)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", m.Name, err))
			continue
		}
		if with, is := e.(engine.Shipper); is {
			return e, with, nil
		}
	}
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	return nil, nil, errors.Join(append(failed, fmt.Errorf("%w: sandboxes have an image on docker only", engine.ErrUnavailable))...)
}

// built is it, with the image.
func built(ctx context.Context, s Stock) (engine.Shipper, error) {
	e, with, err := shipper(ctx, s)
	if err != nil {
		return nil, err
	}
	return with, e.Put(ctx, engine.Resource{Kind: engine.Image, Image: &engine.ImageSpec{Tag: images.Tag()}}, s.Said)
}
