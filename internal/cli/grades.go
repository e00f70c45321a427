package cli

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"maillab/internal/classroom"
	"maillab/internal/commandline"
	"maillab/internal/control"
	"maillab/internal/gradebook"
	"maillab/internal/listing"
	"maillab/internal/safeio"
)

func gradesVerb(a *app) *cobra.Command {
	var w gradebook.Wanted
	var excel bool
	var by, fill, file, epoch string
	cmd := &cobra.Command{
		Use:   "grades [STUDENT…]",
		Short: "Marks as gradebooks take them: CSV, Excel, Moodle",
		Long: `Check, and print the class's marks: points, and the grade that they make with --out-of and --round. Who did nothing has a
dash and no grade. The maximum stands with each column: points /14.

-o csv is a row a student, with commas and decimal points; --excel the same for a French Excel, to be opened by a double
click; --file marks.xlsx a workbook; --file results.html a page a student, with your comments, to hand back. --moodle makes a file for Moodle's Grades, Import, CSV file, in which users are known
by email, idnumber or username; its columns become new items (out of 100) or go to items that there are. --fill takes a
worksheet that was downloaded from an assignment (Submissions, Download grading worksheet) and fills in grades, out of the
assignment's maximum, and your comments; everything else in it stays as it is. Whom a file cannot have is told.`,
		Example: `  maillab grades --out-of 20 --round 0.5
  maillab grades --excel --out-of 20 --file marks.csv
  maillab grades --file marks.xlsx
  maillab grades --file results.html --out-of 20
  maillab grades --moodle email --out-of 100 --file moodle.csv
  maillab grades --fill Grades-TP-SMTP-4711.csv --file filled.csv`,
		ValidArgsFunction: completion{a}.students,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			w.By, w.Name = gradebook.Identifier(by), fill
			w.Form = gradebook.FormWith(excel, by != "", fill != "", file, a.flags.output == "csv")
			if fill != "" {
				w.Worksheet, err = os.ReadFile(fill)
			}
			if named := gradebook.FormOf(file); named != "" && named != w.Form {
				return usagef("--file %s is no CSV, and --excel, --moodle and --fill make one", file)
			}
			if err = errors.Join(err, w.Judge()); err != nil {
				return usage(err)
			}
			return runGrades(cmd.Context(), a, args, w, file, epoch)
		},
	}
	commandline.Positive(cmd.Flags(), &w.Scale.OutOf, "out-of", 0, "what the maximum becomes, such as 20; by default it stays")
	commandline.Positive(cmd.Flags(), &w.Scale.Step, "round", 0, "round grades to steps of this, halves upwards, such as 0.5; by default hundredths")
	cmd.Flags().StringSliceVar(&w.Columns, "column", nil, "a column of the class list beside the name; may be given several times (default number and email)")
	cmd.Flags().BoolVar(&excel, "excel", false, "CSV for a French Excel")
	cmd.Flags().StringVar(&by, "moodle", "", "CSV for Moodle's import, with users by email, idnumber or username")
	cmd.Flags().BoolVar(&w.Tasks, "tasks", false, "with --moodle: a column for each task, too")
	cmd.Flags().StringVar(&fill, "fill", "", "fill in this worksheet of a Moodle assignment")
	cmd.Flags().StringVar(&file, "file", "", "where to; a name in .xlsx makes a workbook, one in .html a page a student to hand back (default standard output)")
	cmd.Flags().StringVar(&epoch, "epoch", "", "how tasks stood in an earlier epoch: its number, or a time in it (2026-03-26, 2026-03-26 14:00)")
	cmd.MarkFlagsMutuallyExclusive("excel", "moodle", "fill")
	_ = cmd.RegisterFlagCompletionFunc("moodle", fixed(string(gradebook.ByEmail), string(gradebook.ByNumber), string(gradebook.ByUsername)))
	return cmd
}

func runGrades(ctx context.Context, a *app, typed []string, w gradebook.Wanted, file, epoch string) error {
	c, err := a.class(ctx)
	if err != nil {
		return err
	}
	class, err := a.folder(c.Name).Class()
	if err != nil {
		return err
	}
	if w.Columns, err = classroom.Columns(class, w.Columns); err != nil {
		return usage(err)
	}
	r, err := c.results(ctx, typed, control.CheckRequest{})
	if err == nil && len(r.Failed) > 0 { // a gradebook without somebody would be taken for one with everybody
		return a.failures(r.Chosen.Sandboxes, r.Failed)
	}
	sheet, err2 := a.known(c.Name)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	if r, err = r.In(epoch, c.zone(c.Name)); err != nil {
		return usage(err)
	}
	book := classroom.Book(c.Name, a.Language, sheet, r.Entries, class)
	if r.Chosen.All() {
		book.Absent = classroom.Absent(r.Entries, class)
	}
	if err := putGrades(a, c.Name, book, w, file); err != nil {
		return err
	}
	a.mention(book.Told())
	return nil
}

// putGrades writes a gradebook to its file, or to standard output; a table only there.
func putGrades(a *app, instance string, book gradebook.Book, w gradebook.Wanted, file string) error {
	if w.Form == "" {
		header, rows := book.Table(w.Columns, w.Scale).Short()
		return a.print(listing.List{Value: book.Graded(instance, w.Scale), Header: header, Rows: rows})
	}
	w.Say = a.Text
	text, n, told, err := w.File(book)
	var no *gradebook.Refused
	if errors.As(err, &no) {
		return &commandline.Error{Err: err, Code: exitUsage, Mend: no.Mend}
	}
	if err != nil {
		return err
	}
	a.mention(told)
	if file == "" {
		_, err = a.Out.Write(text)
		return err
	}
	if err = safeio.WriteFile(file, text, 0o600, safeio.Whole); err == nil {
		a.Fprintf(a.Err, "the marks of %s are in %s\n", classroom.Students(n), file)
	}
	return err
}

// mention tells beside the data.
func (a *app) mention(lines []string) {
	for _, line := range lines {
		a.Fprintln(a.Err, "maillab: "+line)
	}
}
