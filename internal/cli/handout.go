package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/handout"
	"maillab/internal/listing"
)

func handoutVerb(a *app) *cobra.Command {
	var out, form string
	cmd := &cobra.Command{
		Use:   "handout [STUDENT…]",
		Short: "A sheet for each student: where to connect, accounts, passwords",
		Long: `A sheet for each student, in the student's language: where to connect, accounts, passwords, what to type. On standard
output as Markdown, or as --form says. With --out DIR all forms go into a folder: a sheet a student (Markdown and HTML), the
class in one HTML page that prints a student a page, a CSV, and an ssh_config to include. Files are readable by you only.`,
		Example: `  maillab handout alice
  maillab handout --out sheets
  maillab handout --form html > class.html`,
		ValidArgsFunction: completion{a}.students,
		RunE: func(cmd *cobra.Command, args []string) error {
			class, err := sheetsOf(cmd.Context(), a, args)
			if err != nil {
				return err
			}
			if out != "" {
				if err := class.Write(out); err != nil {
					return err
				}
				a.Fprintf(a.Err, "the sheets of %s are in %s\n", classroom.Students(len(class.Sheets)), out)
				return nil
			}
			if a.flags.output != "table" && !cmd.Flags().Changed("form") {
				form = a.flags.output
			}
			return printSheets(a, class, form)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "write all forms into this folder")
	cmd.Flags().StringVar(&form, "form", "md", "md, html, csv or ssh-config")
	_ = cmd.RegisterFlagCompletionFunc("form", fixed("md", "html", "csv", "ssh-config"))
	return cmd
}

// sheets puts together what was kept at the last up, what labels say, and the host keys.
func sheetsOf(ctx context.Context, a *app, names []string) (handout.Class, error) {
	c, err := a.class(ctx)
	if err != nil {
		return handout.Class{}, err
	}
	people, err := a.people(c.running)
	if err != nil {
		return handout.Class{}, err
	}
	chosen, err := c.Choose(people, names)
	if err != nil {
		return handout.Class{}, usage(err)
	}
	kept, err := a.folder(c.Name).Sheet()
	if err != nil {
		return handout.Class{}, err
	}
	if kept == nil {
		return handout.Class{}, withHint(fmt.Errorf("the accounts of %s are not known on this machine", c.Name),
			fmt.Sprintf("they are in its folder where it was brought up: copy that to %s", a.folder(c.Name).Path()))
	}
	class, keys := handout.Class{Instance: c.Name, Title: kept.Title}, map[int]string{}
	if c.up {
		keys = classroom.HostKeys(ctx, c.running, chosen.Sandboxes)
	} else {
		c.old(kept.AsOf)
	}
	called := people.Called()
	for _, s := range chosen.Sandboxes {
		for _, p := range chosen.In(s) {
			if sheet, ok := classroom.SheetOf(kept, c.Instance, s, p, called[p.Key]); ok {
				sheet.HostKey = keys[s.Seat]
				class.Sheets = append(class.Sheets, sheet)
			}
		}
	}
	return class, nil
}

func printSheets(a *app, class handout.Class, form string) error {
	switch form {
	case "md", "table":
		_, err := io.WriteString(a.Out, class.Markdown())
		return err
	case "html":
		return text(a.Out, class.HTML)
	case "csv":
		return text(a.Out, class.CSV)
	case "ssh-config":
		_, err := io.WriteString(a.Out, class.SSHConfig(""))
		return err
	case "json":
		return a.print(listing.List{Value: class})
	}
	return usagef("no form is called %q: md, html, csv or ssh-config", form)
}

func text(out io.Writer, form func() (string, error)) error {
	all, err := form()
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, all)
	return err
}
