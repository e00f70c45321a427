package studio

import (
	"bytes"
	"context"
	_ "embed" // what is run there
	"encoding/base64"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"maillab/internal/author"
	"maillab/internal/control"
	"maillab/internal/deploy"
	"maillab/internal/instance"
	"maillab/internal/login"
)

// looking lists, of the home, what was written since a time: mode and path, content, and of a script what it writes, each a line in
// base64. What a shell and mail readers leave there is not of the exercise.
//
//go:embed looking.sh
var looking string

// files are those of the home that are new, where the engine has homes.
func (s Session) files(ctx context.Context, client *control.Client, i deploy.Running) (files []author.File, err error) {
	out, err := s.inside(ctx, client, i, "since=@"+s.Since+"\n"+looking)
	if err != nil {
		return nil, fmt.Errorf("files of %s: %w", s.Student, err)
	}
	lines := strings.Split(out, "\n")
	for ; len(lines) >= 3; lines = lines[3:] {
		mode, path, _ := strings.Cut(lines[0], " ")
		text, err := base64.StdEncoding.DecodeString(lines[1])
		if err != nil || !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
			continue // no text: a script cannot write it again
		}
		wrote, _ := base64.StdEncoding.DecodeString(lines[2]) // what can be read of it
		files = append(files, author.File{Path: path, Text: string(text), Executable: strings.HasPrefix(mode, "7"), Output: string(wrote)})
	}
	return files, nil
}

// clock is the time inside, by which files there are old or new: the machine that the sandbox is on may have another than this one.
func (s Session) clock(ctx context.Context, client *control.Client, i deploy.Running) (string, error) {
	out, err := s.inside(ctx, client, i, "date +%s.%N")
	return strings.TrimSpace(out), err
}

// inside is what a command writes that is run as the student, where the engine has homes.
func (s Session) inside(ctx context.Context, client *control.Client, i deploy.Running, line string) (string, error) {
	if !i.Engine.Capabilities().System {
		return "", nil
	}
	var out, errs bytes.Buffer
	command := login.Command{Words: []string{line}, Limit: time.Minute}
	where := instance.Sandbox{Seat: s.Seat, Students: []string{s.Student}}
	code, err := command.In(ctx, i.Engine, client, i.Name, where, s.Student, strings.NewReader(""), &out, &errs)
	if err == nil && code != 0 {
		err = fmt.Errorf("exit code %d: %s", code, errs.String())
	}
	return out.String(), err
}
