// Package request reads what a deployment is asked for: a lab, a class, and what of them is to be otherwise, as flags, the
// instance's folder, or the folder of the lab say it. What it refuses is an error of usage.
package request

import (
	"bytes"
	"cmp"
	"io"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"maillab/internal/commandline"
	"maillab/internal/deploy"
	"maillab/internal/instance"
	"maillab/internal/lab"
	"maillab/internal/lab/source"
	"maillab/internal/roster"
	"maillab/internal/say"
	"maillab/labs"
)

// Flags are what a command line says of it.
type Flags struct {
	Lab string
	List
	Students     int
	Listen, Host string
	Passwords    string // lab, generate, column=NAME, or "": as last time
	Gateway      string // host, ports, or "": as it is, or as the engine can
	Base         int
	TTL          time.Duration
	Page         *bool // nil: it was not said
	Serving      deploy.PageFlags

	// Of an instance that vanishes with its command.
	Alone  bool              // one student is enough, where each has a sandbox of their own
	Run    string            // value of maillab.run: ports anywhere on this machine
	Labels map[string]string // further ones, on everything
}

// Ports are those that can be the first, as in a lab file.
func Ports() commandline.Range { return commandline.Range{Least: 1024, Most: 65000} }

// AddLab adds the flag of the lab.
func (f *Flags) AddLab(cmd *cobra.Command, byDefault string) {
	cmd.Flags().StringVarP(&f.Lab, "lab", "f", byDefault, "the lab: a folder, a file, or the name of one on board")
	_ = cmd.RegisterFlagCompletionFunc("lab", CompleteLabs)
}

// AddClass adds the flags of the class list, or of how many there are without one.
func (f *Flags) AddClass(cmd *cobra.Command, usage string) {
	f.List.Add(cmd, usage)
	commandline.Count(cmd.Flags(), &f.Students, "students", 0, commandline.From(1), "so many students without a list")
	cmd.MarkFlagsMutuallyExclusive("class", "students")
}

// CompleteLabs completes the labs on board, and files.
func CompleteLabs(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	names, _ := labs.List()
	return names, cobra.ShellCompDirectiveDefault
}

// Name is what an instance is called that was given no name: as its lab.
func (f Flags) Name() (string, error) {
	_, l, err := Lab(cmp.Or(f.Lab, labs.Default))
	if err != nil {
		return "", err
	}
	return l.Name, commandline.Usage(instance.CheckName(l.Name))
}

// Lab finds a lab, a folder, a file, or the name of one on board, and reads it.
func Lab(ref string) (s source.Lab, l *lab.Lab, err error) {
	if s, err = source.Find(ref); err == nil {
		l, err = s.Parse()
	}
	return s, l, commandline.Usage(err)
}

// Placed tells problems of a lab as ones of usage, where they are in the user's files.
func Placed(s source.Lab, err error) error {
	if problems, are := s.Placed(err); are {
		return commandline.Usage(problems)
	}
	return err
}

// Read reads what was asked for: the lab and the class, or those of the last up. It tells what it understood of a class list.
func (f Flags) Read(name string, folder instance.Folder, tell io.Writer, t say.Tongue) (r deploy.Request, s source.Lab, err error) {
	ref := f.Lab
	if ref == "" {
		if ref, err = folder.Lab(); err != nil {
			return r, s, err
		}
	}
	r = deploy.Request{
		Name: name, Owner: Owner(), TTL: f.TTL, Listen: f.Listen, Host: f.Host, Base: f.Base, Gateway: f.Gateway, Web: f.Page,
		Passwords: f.Passwords, Assumed: f.assumed(), Run: f.Run, Labels: f.Labels,
	}
	if s, r.Lab, err = Lab(cmp.Or(ref, labs.Default)); err != nil {
		return r, s, err
	}
	r.Source = s.Lasting()
	if r.Page, err = f.Serving.Read(); err != nil {
		return r, s, commandline.Usage(err)
	}
	if r.Class, err = f.class(s, folder, tell, t); err != nil {
		return r, s, err
	}
	if r.Roster = r.Class.CSV(); f.Alone && r.Lab.Topology == lab.Isolated && f.assumed() {
		r.Class, r.Roster = r.Class.Alone(), nil
	}
	return r, s, nil
}

// assumed tells whether nothing was said of who is in the class.
func (f Flags) assumed() bool { return f.Class == "" && f.Students == 0 }

// class is who was named, else who was there last time, else who is listed beside the lab, else one student.
func (f Flags) class(s source.Lab, folder instance.Folder, tell io.Writer, t say.Tongue) (class roster.Class, err error) {
	if f.Class != "" {
		return f.List.Read(tell, t)
	}
	if _, err := f.options(); err != nil || f.Students > 0 {
		return roster.Count(f.Students), err
	}
	text, err := folder.Roster()
	if text != nil {
		class, _, err = roster.Read("the class list of the last up", bytes.NewReader(text), roster.Options{})
		return class, commandline.Usage(err)
	}
	if err != nil {
		return class, commandline.Usage(err)
	}
	class, _, err = f.List.Or(s, tell, t)
	return class, err
}

// Owner is who asks.
func Owner() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}
