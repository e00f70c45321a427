package cli

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/engine/enginetest"
	"maillab/internal/instance"
	"maillab/internal/spec"
)

// TestDownSince: who asks for a class that was taken down is told so, since when in the lab's zone, and what goes on; one of which
// nothing is kept is none.
func TestDownSince(t *testing.T) {
	for _, typed := range []string{"", "monday"} {
		a, _ := testApp(t, nil)
		a.flags.instance = typed
		a.Engines = []deploy.Maker{{Name: "embedded", Make: func(context.Context) (engine.Engine, error) { return nobody{}, nil }}}
		h := held(t, a.folder("monday"))
		if err := h.ForgetPlace(noon()); err != nil {
			t.Fatal(err)
		}
		if _, err := a.the(t.Context()); err == nil || strings.Contains(err.Error(), "down since") {
			t.Errorf("nothing is kept of it, and: %v", err)
		}
		err := errors.Join(h.KeepSheet(map[int]spec.Sandbox{1: {Timezone: "Asia/Tokyo"}}, instance.Tasks{}, 0, instance.Reach{}), h.ForgetPlace(noon()))
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.the(t.Context())
		want := "monday is down since " + noon().Format("2006-01-02") + " 21:00"
		if err == nil || err.Error() != want || !errors.Is(err, engine.ErrNotFound) || exitCode(err) != exitFailed || !strings.HasPrefix(hintFor(err), "maillab up -n monday ") {
			t.Errorf("%v, %q; want %q", err, hintFor(err), want)
		}
		if err := h.KeepPlace(instance.Place{Engine: "embedded"}); err != nil {
			t.Fatal(err)
		}
		if since, err := h.DownSince(); err != nil || !since.IsZero() {
			t.Errorf("it is up, and down since %v, %v", since, err)
		}
	}
}

// TestVolumesLeft: of a class of which an engine has volumes alone nothing is asked; what is kept of it is told, and nothing is
// kept beside what the volumes know. down finds it. Where it was not taken down, somebody may be at work on it.
func TestVolumesLeft(t *testing.T) {
	left := []deploy.Maker{{Name: "memory", Make: func(context.Context) (engine.Engine, error) { return volumes{&enginetest.Memory{}}, nil }}}
	for _, taken := range []bool{true, false} {
		want := "maillab: monday is half there: an up or a down is at work, or was broken off"
		for _, line := range []string{"status", "check", "check alice", "mark alice journal passed", "forget alice -y", "reset -y", "down --dry-run"} {
			a, out := testApp(t, nil)
			var said bytes.Buffer
			a.Err, a.Engines = &said, left
			folder := kept(t, a)
			h := held(t, folder)
			if err := h.Enter(checkedClass()[:2]...); err != nil {
				t.Fatal(err)
			}
			if taken {
				if err := h.ForgetPlace(noon()); err != nil {
					t.Fatal(err)
				}
				since, err := h.DownSince()
				if err != nil {
					t.Fatal(err)
				}
				want = "maillab: monday is down since " + since.In(a.zone("monday")).Format("2006-01-02 15:04") + ", and mail and homes are kept"
			}
			h.Release()
			code := Run(t.Context(), a.Env, strings.Fields("-n monday "+line))
			verb, _, _ := strings.Cut(line, " ")
			switch verb {
			case "check":
				if code != exitChecks || !strings.HasPrefix(said.String(), want+": this is as of ") || !strings.Contains(out.String(), "1.5/") {
					t.Errorf("%s: %d: %s%s", line, code, out, &said)
				}
			case "down":
				if code != exitDone || !strings.Contains(out.String(), "remove     volume 1 home") {
					t.Errorf("%s: %d: %s%s", line, code, out, &said)
				}
			default:
				if code != exitFailed || !strings.HasPrefix(said.String(), want+"\nmaillab up -n monday brings it up again") || out.Len() > 0 {
					t.Errorf("%s: %d: %s%s", line, code, out, &said)
				}
			}
		}
	}
}

// volumes is an engine that has a volume of monday, and nothing that runs.
type volumes struct{ *enginetest.Memory }

func (volumes) Observe(context.Context, string) ([]engine.Resource, error) {
	return []engine.Resource{{Kind: engine.Volume, Instance: "monday", Seat: 1, Part: "home",
		Labels: map[string]string{engine.LabelInstance: "monday", engine.LabelSeat: "1", engine.LabelStudent: "alice"}}}, nil
}

// TestLabWithoutGateway: lab says that the instance has no gateway and what mends it, and does not speak of a mail server.
func TestLabWithoutGateway(t *testing.T) {
	a, _ := testApp(t, nil)
	a.flags.instance = "monday"
	a.Engines = []deploy.Maker{{Name: "memory", Make: func(context.Context) (engine.Engine, error) { return gatewayless{&enginetest.Memory{}}, nil }}}
	verb := labVerb(a)
	verb.SetArgs([]string{"check"})
	err := verb.ExecuteContext(t.Context())
	var closed *deploy.NoGatewayError
	if !errors.As(err, &closed) || closed.Instance != "monday" {
		t.Errorf("%v", err)
	}
}

// gatewayless is an engine with a sandbox that runs, and no gateway.
type gatewayless struct{ *enginetest.Memory }

func (gatewayless) Observe(context.Context, string) ([]engine.Resource, error) {
	return []engine.Resource{{Kind: engine.Sandbox, Instance: "monday", Seat: 1, State: engine.Running, Labels: map[string]string{engine.LabelInstance: "monday",
		engine.LabelSeat: "1", engine.LabelStudent: "alice"}}}, nil
}

func (gatewayless) Dial(context.Context, string) (net.Conn, error) {
	return nil, errors.New("no gateway")
}
