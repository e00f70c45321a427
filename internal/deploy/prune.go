package deploy

import (
	"context"
	"fmt"
	"strings"
	"time"

	"maillab/internal/apply"
	"maillab/internal/engine"
	"maillab/internal/instance"
)

// Waste is something to be removed, with the reason.
type Waste struct {
	Engine   engine.Engine
	Instance string           // "" is an image
	Image    *engine.Resource // of no instance
	Reason   string
}

func (w Waste) String() string {
	if w.Image != nil {
		return fmt.Sprintf("%s: %s", w.Image.ID(), w.Reason)
	}
	return fmt.Sprintf("instance %s: %s", w.Instance, w.Reason)
}

// Waste finds what may go: with spools also mail and homes that were kept. Images of these tags are in use.
func (s Survey) Waste(now time.Time, spools bool, tags ...string) (all []Waste) {
	used := map[string]bool{}
	for _, tag := range tags {
		used[tag] = true
	}
	for _, i := range s.Instances {
		for _, r := range i.Resources {
			if r.Sandbox != nil {
				used[r.Sandbox.Image] = true
			}
		}
		if reason := whyWaste(i.Instance, now, spools); reason != "" {
			all = append(all, Waste{Engine: i.Engine, Instance: i.Name, Reason: reason})
		}
	}
	for _, e := range s.Engines {
		for _, r := range s.Images {
			if can := e.Capabilities(); !used[r.Image.Tag] && can.System && !can.Nodes {
				all = append(all, Waste{Engine: e, Image: &r, Reason: "of another version, used by nothing"})
			}
		}
	}
	return all
}

// expired begins the reason of what had its time.
const expired = "expired "

// whyWaste is why an instance may go, "" when it may not.
func whyWaste(i instance.Instance, now time.Time, spools bool) string {
	left := map[engine.Kind]bool{}
	for _, r := range i.Resources {
		left[r.Kind] = true
	}
	switch {
	case !i.Expires.IsZero() && i.Expires.Before(now):
		return expired + i.Expires.Local().Format(time.DateTime)
	case left[engine.Sandbox]:
		return ""
	case left[engine.Gateway] || left[engine.Socket]:
		return "it has no sandbox: a command was interrupted"
	case !left[engine.Volume]:
		return "nothing is left but what was said of it"
	case spools:
		return "mail and homes that were kept"
	}
	return ""
}

// lockPatience is how long prune waits for another command: not at all, but for the moment that it takes to see.
const lockPatience = 200 * time.Millisecond

// Discard looks again when nobody else is at work, and removes what is still waste. There is no result where nothing was.
func (c Carrier) Discard(ctx context.Context, w Waste, folder func(name string) instance.Folder, spools bool) (*apply.Result, error) {
	if w.Image != nil {
		return nil, w.Engine.Remove(ctx, *w.Image)
	}
	patience, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	h, err := folder(w.Instance).Lock(patience, nil)
	if err != nil {
		return nil, fmt.Errorf("another command is at work on it: %w", err)
	}
	defer h.Release()
	now, err := w.Engine.Observe(ctx, w.Instance)
	if err != nil {
		return nil, err
	}
	for _, i := range instance.Of(now) {
		if whyWaste(i, c.Now(), spools) == "" {
			continue
		}
		result, err := c.Down(ctx, h, w.Engine, w.Instance, func(r engine.Resource) bool { // what is only an interrupted command's is no student's mail
			return !spools && r.Kind == engine.Volume && !strings.HasPrefix(w.Reason, expired)
		})
		return &result, err
	}
	return nil, nil
}
