package docker

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maillab/internal/engine"
)

// contextOf is a build context of these files.
func contextOf(files map[string]string) func(io.Writer) error {
	return func(w io.Writer) error {
		out := tar.NewWriter(w)
		for name, text := range files {
			header := tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(text))}
			if err := out.WriteHeader(&header); err != nil {
				return err
			}
			if _, err := io.WriteString(out, text); err != nil {
				return err
			}
		}
		return out.Close()
	}
}

// builder is the engine with something to build from. The base is the tiny image, unless slim is on this machine.
func builder(t *testing.T, short string, context func(io.Writer) error) (*Engine, engine.Resource) {
	t.Helper()
	e := *open(t)
	e.build = Build{Context: context, Base: tinyImage, Lock: filepath.Join(t.TempDir(), "lock")}
	r := engine.Resource{Kind: engine.Image, Image: &engine.ImageSpec{Tag: "maillab/" + instanceName(short) + ":1"}}
	t.Cleanup(func() { forget(t, &e, r.Image.Tag) })
	return &e, r
}

func forget(t *testing.T, e *Engine, tag string) {
	t.Helper()
	if err := e.Remove(context.Background(), engine.Resource{Kind: engine.Image, Image: &engine.ImageSpec{Tag: tag}}); err != nil {
		t.Error(err)
	}
}

// TestTheImageIsBuiltOnce: of two that need it at the same time, one builds it; it is observed; a later Put does nothing.
func TestTheImageIsBuiltOnce(t *testing.T) {
	var built atomic.Int32
	files := contextOf(map[string]string{"Dockerfile": "ARG BASE\nFROM ${BASE}\nCOPY word /word\n", "word": instanceName("")})
	e, r := builder(t, "built", func(w io.Writer) error {
		built.Add(1)
		return files(w)
	})
	var mu sync.Mutex
	var lines []string
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			if err := e.Put(context.Background(), r, func(line string) {
				mu.Lock()
				defer mu.Unlock()
				lines = append(lines, line)
			}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if err := e.Put(context.Background(), r, nil); err != nil {
		t.Error(err)
	}
	if n := built.Load(); n != 1 {
		t.Errorf("built %d times", n)
	}
	if text := strings.Join(lines, "\n"); !strings.Contains(text, "Step 2/") || !strings.Contains(text, "COPY word") {
		t.Errorf("progress:\n%s", text)
	}
	rs, err := e.Observe(context.Background(), "nobody")
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, o := range rs {
		found = found || o.ID() == r.ID()
	}
	if !found {
		t.Errorf("%s is not among %v", r.ID(), rs)
	}
}

// TestABuildThatFailsSaysWhy, and leaves no image.
func TestABuildThatFailsSaysWhy(t *testing.T) {
	broken := errors.New("bin/maild is missing")
	for name, test := range map[string]struct {
		context func(io.Writer) error
		want    string
	}{
		"a step":      {contextOf(map[string]string{"Dockerfile": "ARG BASE\nFROM ${BASE}\nCOPY nothing /\n"}), "COPY failed"},
		"the context": {func(io.Writer) error { return broken }, broken.Error()},
		"no context":  {nil, "carries nothing to build it from"},
	} {
		t.Run(name, func(t *testing.T) {
			e, r := builder(t, "fails", test.context)
			if err := e.Put(context.Background(), r, nil); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v", err)
			}
			if there, err := e.hasImage(context.Background(), r.Image.Tag); there || err != nil {
				t.Errorf("there is an image, %v", err)
			}
		})
	}
}

func TestLines(t *testing.T) {
	var told []string
	l := &lines{tell: func(line string) { told = append(told, line) }}
	for _, piece := range []string{"I: on", "e\n\n", "10%\r20%\r\n", "a\nb\nc\nd\nlast without an end"} {
		if n, err := io.WriteString(l, piece); n != len(piece) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if d := cmp.Diff([]string{"I: one", "10%", "20%", "a", "b", "c", "d"}, told); d != "" {
		t.Errorf("told: -want +got\n%s", d)
	}
	if d := cmp.Diff([]string{"20%", "a", "b", "c", "d"}, l.last); d != "" {
		t.Errorf("last: -want +got\n%s", d)
	}
}

// fakeDebootstrap puts a program named mmdebstrap first into the path.
func fakeDebootstrap(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mmdebstrap"), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// TestABaseIsMade of what mmdebstrap writes, and not when it fails, even in the middle of writing.
func TestABaseIsMade(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root.tar")
	for name, test := range map[string]struct {
		script, want string
	}{
		"it works":               {"cat " + root, ""},
		"it fails at once":       {"echo 'E: no route to mirror' >&2; exit 25", "no route to mirror"},
		"it fails in the middle": {"head -c 100000 " + root + "; echo 'E: disk full' >&2; exit 25", "disk full"},
	} {
		t.Run(name, func(t *testing.T) {
			e, r := builder(t, "base", nil)
			e.build.Base = r.Image.Tag
			if err := os.WriteFile(root, tinyRoot(t), 0o644); err != nil {
				t.Fatal(err)
			}
			fakeDebootstrap(t, test.script)
			err := e.makeBase(context.Background(), func(string) {})
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v", err)
			}
			if there, err := e.hasImage(context.Background(), r.Image.Tag); there != (test.want == "") || err != nil {
				t.Errorf("there is an image: %v, %v", there, err)
			}
		})
	}
}

// TestABaseWhoseMakingIsCancelled ends the program.
func TestABaseWhoseMakingIsCancelled(t *testing.T) {
	e, r := builder(t, "cancel", nil)
	e.build.Base = r.Image.Tag
	began := filepath.Join(t.TempDir(), "began")
	fakeDebootstrap(t, "mkfifo "+began+"; echo >"+began+"; exec tail -f /dev/null")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.makeBase(ctx, func(string) {}) }()
	for {
		if _, err := os.ReadFile(began); err == nil { // reads from the fifo: blocks until it is written to
			break
		}
	}
	cancel()
	if err := <-done; err == nil {
		t.Error("no error")
	}
	if there, err := e.hasImage(context.Background(), r.Image.Tag); there || err != nil {
		t.Errorf("there is an image: %v", err)
	}
}

// TestARegistryThatDoesNotAnswerIsGivenUp, though it accepts connections; one that goes on telling is not.
func TestARegistryThatDoesNotAnswerIsGivenUp(t *testing.T) {
	mute := fakeDaemon(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	if err := mute.pull(context.Background(), slim, time.Millisecond, func(string) {}); !errors.Is(err, errSilent) {
		t.Errorf("a mute one: %v", err)
	}
	refuses := fakeDaemon(t, func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, `{"message":"Get https://registry-1.docker.io/v2/: no such host"}`, http.StatusInternalServerError)
	})
	if err := refuses.pull(context.Background(), slim, time.Hour, func(string) {}); err == nil || !strings.Contains(err.Error(), "no such host") {
		t.Errorf("one that is not there: %v", err)
	}
	tells := fakeDaemon(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, `{"status":"Pull complete"}`) })
	if err := tells.pull(context.Background(), slim, time.Hour, func(string) {}); err != nil {
		t.Errorf("one that has it: %v", err)
	}
}

// fakeDaemon answers pings itself and pulls with the handler.
func fakeDaemon(t *testing.T, pull http.HandlerFunc) *Engine {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		if strings.HasSuffix(r.URL.Path, "/images/create") {
			io.Copy(io.Discard, r.Body) //nolint:errcheck // or the server does not see its client go
			pull(w, r)
		}
	}))
	t.Cleanup(server.Close)
	api, err := Endpoint{Host: "tcp://" + server.Listener.Addr().String()}.client()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { api.Close() })
	return &Engine{api: api}
}
