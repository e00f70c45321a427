// Command maillab brings a class of mail servers up and looks after it. Everything is in internal/cli; here the engines
// are put together and the process's own things are handed over.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
	_ "time/tzdata" // where no time zones are installed: Windows, slim containers

	"maillab/images"
	"maillab/internal/cli"
	"maillab/internal/commandline"
	"maillab/internal/deploy"
	"maillab/internal/engine"
	"maillab/internal/engine/docker"
	"maillab/internal/engine/embedded"
	"maillab/internal/say"
)

// Set by the linker.
var version, commit = "dev", "unknown"

func main() {
	os.Exit(run())
}

func run() int {
	ctx, stop := commandline.Interruptible(endings()...)
	defer stop()
	data, err := dataDir()
	program, err2 := os.Executable()
	if err := errors.Join(err, err2); err != nil {
		tongue := say.In(say.Chosen(os.Args[1:], commandline.Variable("lang"), os.Getenv))
		tongue.Fprintln(os.Stderr, "maillab: "+err.Error())
		return 1
	}
	return cli.Run(ctx, cli.Env{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Getenv: os.Getenv, Now: time.Now, DataDir: data, Version: version, Commit: commit, Program: program,
		Engines: []deploy.Maker{
			{Name: "docker", Make: func(ctx context.Context) (engine.Engine, error) { return openDocker(ctx, data) }},
			{Name: "embedded", Make: func(context.Context) (engine.Engine, error) { return openEmbedded(program, data), nil }},
			{Name: "swarm", Aside: true, Make: func(ctx context.Context) (engine.Engine, error) { return openSwarm(ctx, data) }},
		},
		Serve: embedded.Serve,
		Here: func(seats string, serve func(runtime, data string)) engine.Engine {
			return embedded.New(embedded.Config{Runtime: runtimeDir(), Data: data, Seats: seats, Here: serve})
		},
	}, os.Args[1:])
}

// endings are the signals upon which the program takes leave in good order. A hangup that is ignored (nohup) stays so.
func endings() []os.Signal {
	all := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		all = append(all, syscall.SIGHUP)
	}
	return all
}

// dataDir is where instance folders are: $MAILLAB_DATA, else maillab in the user's data directory (XDG).
func dataDir() (string, error) {
	if dir := os.Getenv("MAILLAB_DATA"); dir != "" {
		return filepath.Abs(dir)
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "maillab"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no place for instance folders: %w: set MAILLAB_DATA", err)
	}
	return filepath.Join(home, ".local", "share", "maillab"), nil
}

// openEmbedded starts processes of this program, below the user's runtime directory.
func openEmbedded(program, data string) engine.Engine {
	return embedded.New(embedded.Config{Runtime: runtimeDir(), Data: data, Command: func(runtime, data string) *exec.Cmd {
		return exec.Command(program, cli.ServeEmbedded, runtime, data)
	}})
}

// runtimeDir is where embedded instances are found again: $MAILLAB_RUNTIME, else maillab in the user's runtime directory
// (XDG), else a folder of the user's own among temporary files.
func runtimeDir() string {
	if dir := os.Getenv("MAILLAB_RUNTIME"); dir != "" {
		return dir
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "maillab")
	}
	if uid := os.Getuid(); uid >= 0 {
		return filepath.Join(os.TempDir(), fmt.Sprintf("maillab-%d", uid))
	}
	return filepath.Join(os.TempDir(), "maillab") // Windows, where that folder is the user's own
}

func openDocker(ctx context.Context, data string) (engine.Engine, error) {
	return docker.OpenHere(ctx, build(data))
}

func openSwarm(ctx context.Context, data string) (engine.Engine, error) {
	return docker.OpenSwarmHere(ctx, build(data))
}

// build is how the sandbox image is made where it is missing.
func build(data string) docker.Build {
	return docker.Build{Tag: images.Tag, Context: images.Context, Base: images.Base, Lock: filepath.Join(data, "build.lock")}
}
