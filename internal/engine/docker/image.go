package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/build"

	"maillab/internal/engine"
)

// putImage builds the image when there is none of that tag. Builds of one user wait for each other, and look again
// before they begin: of two commands that need the image, one builds it.
func (e *Engine) putImage(ctx context.Context, image engine.ImageSpec, progress engine.Progress) error {
	if there, err := e.hasImage(ctx, image.Tag); there || err != nil {
		return err
	}
	if e.build.Context == nil {
		return errors.New("it is missing, and this program carries nothing to build it from")
	}
	unlock, err := lockFile(ctx, e.build.Lock, func() { progress("waiting for another build") })
	if err != nil {
		return err
	}
	defer unlock()
	if there, err := e.hasImage(ctx, image.Tag); there || err != nil {
		return err
	}
	base, err := e.base(ctx, progress)
	if err != nil {
		return fmt.Errorf("base image: %w", err)
	}
	return e.buildImage(ctx, image, base, progress)
}

func (e *Engine) hasImage(ctx context.Context, tag string) (bool, error) {
	_, err := e.api.ImageInspect(ctx, tag)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// buildImage uses the classic builder: engine 20.10 has it without a session, and newer ones still do.
func (e *Engine) buildImage(ctx context.Context, image engine.ImageSpec, base string, progress engine.Progress) error {
	progress("building " + image.Tag + " on " + base)
	reader, writer := io.Pipe()
	defer reader.Close() // ends the writer, if the daemon did not read all
	go func() { writer.CloseWithError(e.build.Context(writer)) }()
	response, err := e.api.ImageBuild(ctx, reader, build.ImageBuildOptions{
		Version: build.BuilderV1, Tags: []string{image.Tag}, Remove: true, ForceRemove: true,
		Dockerfile: image.Recipe,
		BuildArgs:  map[string]*string{"BASE": &base},
		Labels:     map[string]string{labelImage: image.Tag},
	})
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return follow(response.Body, progress)
}

// message is one line of JSON of the daemon's answer to a build, pull or import.
type message struct {
	Stream string `json:"stream"`
	Status string `json:"status"`
	ID     string `json:"id"`
	Error  string `json:"error"`
}

// follow passes what the daemon tells on, a line at a time, and returns its error, if it ends with one. A download's
// many lines on its own progress are left out.
func follow(r io.Reader, progress engine.Progress) error {
	d := json.NewDecoder(r)
	for {
		var m message
		switch err := d.Decode(&m); {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("the daemon's answer: %w", err)
		case m.Error != "":
			return errors.New(strings.TrimSpace(m.Error))
		}
		for line := range strings.Lines(m.Stream) {
			if line = strings.TrimSpace(line); line != "" {
				progress(line)
			}
		}
		if m.Status != "" && m.Status != "Downloading" && m.Status != "Extracting" {
			progress(strings.TrimSpace(m.ID + " " + m.Status))
		}
	}
}
