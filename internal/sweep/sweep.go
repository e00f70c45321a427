// Package sweep removes an instance's volumes from the machine on which it runs. On a swarm only a node's own engine can, so
// the controller has this run there for a moment, with that engine's socket (docs/decisions/0101).
package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Label is what volumes of a swarm's instance have, with its name. It is none of those by which the engine of one machine
// finds its own.
const Label = "maillab.swarm"

// Socket is where a node's engine listens.
const Socket = "/var/run/docker.sock"

// inUse is how long is waited before a volume is tried again that a container still has, which is on its way out.
const inUse = 100 * time.Millisecond

// Volumes removes the volumes of an instance that are called one of names, or, without names, all of them. It returns when they
// are gone, or with the first that could not be removed when ctx ends.
func Volumes(ctx context.Context, socket, instance string, names []string) error {
	engine := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	found, err := list(ctx, engine, instance)
	if err != nil {
		return fmt.Errorf("volumes of %s: %w", instance, err)
	}
	var failed []error
	for _, name := range found {
		if len(names) > 0 && !slices.Contains(names, name) {
			continue
		}
		if err := remove(ctx, engine, name); err != nil {
			failed = append(failed, fmt.Errorf("volume %s: %w", name, err))
		}
	}
	return errors.Join(failed...)
}

func list(ctx context.Context, engine *http.Client, instance string) (names []string, err error) {
	filters, err := json.Marshal(map[string][]string{"label": {Label + "=" + instance}})
	if err != nil {
		return nil, err
	}
	_, body, err := call(ctx, engine, http.MethodGet, "/volumes?filters="+url.QueryEscape(string(filters)))
	if err != nil {
		return nil, err
	}
	var answer struct {
		Volumes []struct{ Name string }
		Message string
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("%s: %w", body, err)
	}
	if answer.Message != "" {
		return nil, errors.New(answer.Message)
	}
	for _, v := range answer.Volumes {
		names = append(names, v.Name)
	}
	return names, nil
}

func remove(ctx context.Context, engine *http.Client, name string) error {
	for {
		status, body, err := call(ctx, engine, http.MethodDelete, "/volumes/"+url.PathEscape(name))
		switch {
		case err != nil:
			return err
		case status == http.StatusNoContent, status == http.StatusNotFound:
			return nil
		case status != http.StatusConflict:
			return fmt.Errorf("%d %s", status, body)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s", body)
		case <-time.After(inUse):
		}
	}
}

// answerMost bounds what an engine may answer, in bytes: a thousand seats' volumes take a fortieth of it.
const answerMost = 64 << 20

func call(ctx context.Context, engine *http.Client, method, path string) (status int, body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://engine"+path, nil)
	if err != nil {
		return 0, nil, err
	}
	response, err := engine.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, answerMost))
	return response.StatusCode, body, err
}
