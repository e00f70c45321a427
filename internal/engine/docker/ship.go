package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"

	"maillab/internal/engine"
)

// The image's tag is a hash over all that it was built from. An engine that has it under its tag needs nothing more; to engines that
// did not build it, it is brought as an archive, or by a registry, under HOST/PREFIX/sandbox and the same hash.

// SaveImage implements engine.Shipper.
func (e *Engine) SaveImage(ctx context.Context, tag string, w io.Writer) error {
	archive, err := e.api.ImageSave(ctx, []string{tag})
	if err == nil {
		defer archive.Close()
		_, err = io.Copy(w, archive)
	}
	return explain(err, "save %s", tag)
}

// LoadImage implements engine.Shipper.
func (e *Engine) LoadImage(ctx context.Context, tag string, archive io.Reader, progress engine.Progress) error {
	if progress == nil {
		progress = func(string) {}
	}
	loaded, err := e.api.ImageLoad(ctx, archive)
	if err == nil {
		defer loaded.Body.Close()
		err = follow(loaded.Body, progress)
	}
	if err != nil {
		return explain(err, "load %s", tag)
	}
	there, err := e.hasImage(ctx, tag)
	if err == nil && !there {
		err = fmt.Errorf("%w: the archive has another image: it was saved by another version of maillab", engine.ErrNotFound)
	}
	return explain(err, "load %s", tag)
}

// PushImage implements engine.Shipper. The image keeps one name in a registry: that of an earlier push is forgotten here.
func (e *Engine) PushImage(ctx context.Context, tag, registry string, progress engine.Progress) (string, error) {
	if progress == nil {
		progress = func(string) {}
	}
	there, err := inRegistry(registry, tag)
	if err != nil {
		return "", fmt.Errorf("push %s: %w", tag, err)
	}
	name, err := e.push(ctx, tag, there, progress)
	return name, explain(err, "push %s to %s", tag, registry)
}

// push leaves the image with its names as they were where it fails.
func (e *Engine) push(ctx context.Context, tag string, there reference.NamedTagged, progress engine.Progress) (string, error) {
	auth, err := e.authFor(there)
	if err != nil {
		return "", err
	}
	found, err := e.api.ImageInspect(ctx, tag)
	if err == nil {
		err = e.api.ImageTag(ctx, tag, there.String())
	}
	if err != nil {
		return "", err
	}
	body, err := e.api.ImagePush(ctx, there.String(), image.PushOptions{RegistryAuth: auth})
	if err == nil {
		defer body.Close()
		err = follow(body, progress)
	}
	if err == nil {
		found.RepoTags = []string{tag, reference.FamiliarString(there)}
	}
	now, failed := e.api.ImageInspect(context.WithoutCancel(ctx), tag)
	if failed == nil {
		failed = e.untag(context.WithoutCancel(ctx), now, found.RepoTags...)
	}
	now.RepoTags = found.RepoTags
	return named(now, tag), errors.Join(err, failed)
}

// untag takes an image's names away but these.
func (e *Engine) untag(ctx context.Context, found image.InspectResponse, keep ...string) error {
	for _, name := range found.RepoTags {
		if slices.Contains(keep, name) {
			continue
		}
		if _, err := e.api.ImageRemove(ctx, name, image.RemoveOptions{}); err != nil {
			return err
		}
	}
	return nil
}

// removeImage removes an image with all its names.
func (e *Engine) removeImage(ctx context.Context, tag string) error {
	found, err := e.api.ImageInspect(ctx, tag)
	if err == nil {
		err = e.untag(ctx, found, tag)
	}
	if err == nil {
		_, err = e.api.ImageRemove(ctx, tag, image.RemoveOptions{PruneChildren: true})
	}
	return err
}

// inRegistry is a tag's name in a registry, HOST/PREFIX.
func inRegistry(registry, tag string) (reference.NamedTagged, error) {
	name, err := reference.ParseNormalizedNamed(strings.TrimSuffix(registry, "/") + "/" + path.Base(tag))
	if err != nil {
		return nil, fmt.Errorf("registry %q: %w", registry, err)
	}
	tagged, is := name.(reference.NamedTagged)
	if !is {
		return nil, fmt.Errorf("registry %q: %s has no tag", registry, tag)
	}
	return tagged, nil
}

// named is how other engines are to name an image: in the registry to which it was pushed by its digest, else by its ID. By a tag
// each start would ask a registry for it first.
func named(found image.InspectResponse, tag string) string {
	for _, digest := range slices.Sorted(slices.Values(found.RepoDigests)) {
		repository, _, _ := strings.Cut(digest, "@")
		pushed := func(name string) bool { return name != tag && strings.HasPrefix(name, repository+":") }
		if slices.ContainsFunc(found.RepoTags, pushed) {
			return digest
		}
	}
	return found.ID
}

// authFor is what the user has to show at the registry of a name, as the daemon takes it; "" where there is nothing.
func (e *Engine) authFor(name reference.Named) (string, error) {
	if e.auth == nil {
		return "", nil
	}
	host := reference.Domain(name)
	user, secret, err := e.auth(host)
	if err != nil {
		return "", fmt.Errorf("what docker's config.json has for %s: %w", host, err)
	}
	shown := registry.AuthConfig{Username: user, Password: secret, ServerAddress: host}
	switch {
	case secret == "":
		return "", nil
	case user == "":
		shown = registry.AuthConfig{IdentityToken: secret, ServerAddress: host}
	}
	return registry.EncodeAuthConfig(shown)
}
