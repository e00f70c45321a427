// Command dist builds a release: for every platform an archive with maillab and maild, stamped, and the pages; SHA256SUMS
// and an SBOM.
//
//	go run ./internal/tools/dist -version v1.2.3 -commit abc1234 -daemons "maild labinit gateway lab" -out dist
//
// The same source and toolchain give the same bytes, wherever the tree lies and whatever is in its images/sandbox/bin: each
// maillab carries the sandbox's programs for Linux on its own processor, built here and laid over the tree.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

// everywhere are the platforms of a release.
const everywhere = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64"

// release is what is built.
type release struct {
	version, commit string
	daemons         string // programs in the sandbox image, with blanks between
	out             string
	work            string // for the sandbox's programs, by processor, and in built/ the release's
	goTool          string
	cache           string // GOCACHE; "" is the user's
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var r release
	flags := flag.NewFlagSet("dist", flag.ContinueOnError)
	flags.StringVar(&r.version, "version", "dev", "stamped into maillab")
	flags.StringVar(&r.commit, "commit", "unknown", "stamped into maillab")
	flags.StringVar(&r.daemons, "daemons", "", "the programs in the sandbox image, with blanks between")
	flags.StringVar(&r.out, "out", "dist", "folder, emptied before")
	flags.StringVar(&r.goTool, "go", "go", "the go command")
	flags.StringVar(&r.cache, "cache", "", "build cache instead of the user's")
	platforms := flags.String("platforms", everywhere, "os/arch, comma separated")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if r.daemons == "" {
		return errors.New("-daemons is needed")
	}
	var err error
	if r.out, err = filepath.Abs(r.out); err != nil {
		return err
	}
	if r.work, err = os.MkdirTemp("", "maillab-dist-"); err != nil {
		return err
	}
	defer os.RemoveAll(r.work)
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	for _, p := range strings.Split(*platforms, ",") {
		system, processor, ok := strings.Cut(p, "/")
		if !ok {
			return fmt.Errorf("platform %q is not os/arch", p)
		}
		if err := r.platform(ctx, system, processor); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	return r.describe()
}

// platform builds both programs for one, and packs them.
func (r *release) platform(ctx context.Context, system, processor string) error {
	overlay, err := r.sandboxPrograms(ctx, processor)
	if err != nil {
		return err
	}
	stamp := fmt.Sprintf("-s -w -buildid= -X main.version=%s -X main.commit=%s", r.version, r.commit)
	programs := map[string]string{}
	for _, program := range []string{"maillab", "maild"} {
		suffix := ""
		if system == "windows" {
			suffix = ".exe"
		}
		flags := []string{"-overlay", overlay, "-ldflags", stamp}
		if program == "maild" { // not stamped: it is the one that is in the image
			flags = []string{"-ldflags", "-s -w -buildid="}
		}
		built := filepath.Join(r.work, "built", r.named(program, system, processor)+suffix)
		if err := r.build(ctx, system, processor, built, program, flags...); err != nil {
			return err
		}
		programs[program+suffix] = built
	}
	name := r.named("maillab", system, processor) + archiveSuffix
	fmt.Fprintln(os.Stderr, name)
	return pack(filepath.Join(r.out, name), programs, os.DirFS("."))
}

func (r *release) named(program, system, processor string) string {
	return fmt.Sprintf("%s_%s_%s_%s", program, r.version, system, processor)
}

// sandboxPrograms builds what the image of one processor holds, once, and returns a file for go build -overlay that puts
// it into images/sandbox/bin.
func (r *release) sandboxPrograms(ctx context.Context, processor string) (overlay string, err error) {
	dir := filepath.Join(r.work, processor)
	overlay = filepath.Join(dir, "overlay.json")
	if _, err := os.Stat(overlay); err == nil {
		return overlay, nil
	}
	bin, err := filepath.Abs("images/sandbox/bin")
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	there, err := os.ReadDir(bin)
	if err != nil {
		return "", err
	}
	for _, f := range there {
		if f.Name() != "README" {
			replace[filepath.Join(bin, f.Name())] = "" // not there, as far as this build goes
		}
	}
	for _, program := range strings.Fields(r.daemons) {
		built := filepath.Join(dir, program)
		if err := r.build(ctx, "linux", processor, built, program, "-ldflags", "-s -w -buildid="); err != nil {
			return "", err
		}
		replace[filepath.Join(bin, program)] = built
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	return overlay, os.WriteFile(overlay, text, 0o644)
}

func (r *release) build(ctx context.Context, system, processor, out, program string, flags ...string) error {
	args := append([]string{"build", "-trimpath", "-buildvcs=false", "-o", out}, flags...)
	cmd := exec.CommandContext(ctx, r.goTool, append(args, "./cmd/"+program)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOOS="+system, "GOARCH="+processor)
	if r.cache != "" {
		cmd.Env = append(cmd.Env, "GOCACHE="+r.cache)
	}
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build %s: %w", program, err)
	}
	return nil
}

// describe writes the SBOM and, over everything, the checksums.
func (r *release) describe() error {
	programs, err := filepath.Glob(filepath.Join(r.work, "built", "*"))
	if err != nil {
		return err
	}
	sbom, err := materials(r.version, programs)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.out, "maillab_"+r.version+".cdx.json"), sbom, 0o644); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(r.out, "*"))
	if err != nil {
		return err
	}
	var sums strings.Builder
	for _, path := range files {
		sum, err := sumOf(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%s  %s\n", sum, filepath.Base(path))
	}
	return os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(sums.String()), 0o644)
}

func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
