package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"runtime"

	"github.com/spf13/cobra"

	"maillab/internal/commandline"
	"maillab/internal/control"
	"maillab/internal/listing"
)

func webVerb(a *app) *cobra.Command {
	var open bool
	cmd := &cobra.Command{
		Use:   "web",
		Short: "The class's page: a link that makes a browser the teacher's",
		Long: `Print the address of the class's page with a code that makes one browser the teacher's: it works once, within a quarter of
an hour, and lasts for half a day. Students open the same address without the code, and log in with their name and password.

A class has a page when its lab says web: {}, or with maillab up --web; maillab up --web=false takes it away.`,
		Example: `  maillab up --web
  maillab web --open`,
		Args: commandline.Takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return showLink(cmd.Context(), a, open) },
	}
	cmd.Flags().BoolVar(&open, "open", false, "open it in the browser, too")
	return cmd
}

// link is -o json of web.
type link struct {
	Address string `json:"address"`
	Teacher string `json:"teacher"`
}

func showLink(ctx context.Context, a *app, open bool) error {
	i, err := a.the(ctx)
	if err != nil {
		return err
	}
	address := i.WebAddress()
	if address == "" {
		return withHint(fmt.Errorf("%s has no page", i.Name), "maillab up -n "+i.Name+" --web gives it one")
	}
	client := i.Client()
	defer client.Close()
	code, err := client.Codes(ctx)
	var told *control.Error
	if errors.As(err, &told) {
		return withHint(fmt.Errorf("%s: %w", i.Name, err), "maillab up -n "+i.Name+" mends it")
	} else if err != nil {
		return err
	}
	l := link{address, address + "teacher?code=" + url.QueryEscape(code.Code)}
	if open {
		if err := browse(ctx, l.Teacher); err != nil {
			a.Fprintf(a.Err, "no browser: %v\n", err)
		}
	}
	return a.print(listing.List{Value: l, Header: []string{"students", "teacher, once"}, Rows: [][]string{{l.Address, l.Teacher}}})
}

// browse opens a link in the user's browser.
func browse(ctx context.Context, link string) error {
	switch runtime.GOOS {
	case "windows":
		return exec.CommandContext(ctx, "rundll32", "url.dll,FileProtocolHandler", link).Run()
	case "darwin":
		return exec.CommandContext(ctx, "open", link).Run()
	}
	return exec.CommandContext(ctx, "xdg-open", link).Run()
}
