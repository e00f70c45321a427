package shelf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"maillab/internal/commandline"
	"maillab/internal/request"
	"maillab/labs"
)

// labsVerbs are labs' own verbs.
func verbsOfLabs(d Desk, list *cobra.Command) []*cobra.Command {
	ls := &cobra.Command{Use: "ls", Short: "List them", Long: list.Long, Args: commandline.Takes(0, 0), RunE: list.RunE}
	show := &cobra.Command{
		Use:   "show LAB [FILE]",
		Short: "Print a lab's file, or another file of its folder",
		Long: `Print lab.yaml of a lab on board, or another file of its folder, such as statement.fr.md. Files that there are: see
maillab labs copy.`,
		Args:              commandline.Takes(1, 2),
		ValidArgsFunction: commandline.ThenFile(request.CompleteLabs),
		RunE: func(_ *cobra.Command, args []string) error {
			file := labs.File
			if len(args) == 2 {
				file = args[1]
			}
			return showLab(d, args[0], file)
		},
	}
	copied := &cobra.Command{
		Use:   "copy LAB [FOLDER]",
		Short: "Copy a lab's folder, to make one of your own from it",
		Long: `Copy a lab's folder, with its statement, mail and files, to a new folder (by default of the lab's name, here), and the
JSON Schema beside it, where the lab's first line tells editors to look for it. -f takes the folder.`,
		Example: `  maillab labs copy amiens-smtp-pop-imap my-lab
  maillab up -f my-lab`,
		Args:              commandline.Takes(1, 2),
		ValidArgsFunction: commandline.ThenFile(request.CompleteLabs),
		RunE: func(_ *cobra.Command, args []string) error {
			return copyLab(d, args[0], args[len(args)-1])
		},
	}
	return []*cobra.Command{ls, show, copied}
}

func showLab(d Desk, name, file string) error {
	folder, err := labs.Open(name)
	if err != nil {
		return commandline.Usage(err)
	}
	text, err := fs.ReadFile(folder, file)
	if err != nil {
		return commandline.Usage(fmt.Errorf("lab %s: %w", name, err))
	}
	_, err = d.Data().Write(text)
	return err
}

func copyLab(d Desk, name, to string) error {
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return commandline.Usagef("%s is there already: nothing was copied", to)
	}
	if err := labs.Copy(name, to); errors.Is(err, fs.ErrNotExist) {
		return commandline.Usage(err)
	} else if err != nil {
		return err
	}
	tell, t := d.Told()
	t.Fprintf(tell, "%s is in %s: change it, then maillab validate %s and maillab up -f %s\n", name, to, to, to)
	return nil
}
