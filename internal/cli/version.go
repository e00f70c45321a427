package cli

import (
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"maillab/images"
	"maillab/internal/commandline"
	"maillab/internal/listing"
	"maillab/internal/spec"
)

func versionVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Which maillab this is",
		Long: `Which maillab this is.

-o json prints {"version","commit","go","os","arch","image","spec"}; image is the sandbox image that it builds.`,
		Args: commandline.Takes(0, 0),
		RunE: func(*cobra.Command, []string) error {
			value := map[string]any{
				"version": a.Version, "commit": a.Commit, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
				"image": images.Tag(), "spec": spec.Version,
			}
			if a.flags.output == "table" {
				_, err := io.WriteString(a.Out, a.Sprintf("maillab %s (%s), %s, %s/%s\nsandbox image %s\n",
					a.Version, a.Commit, runtime.Version(), runtime.GOOS, runtime.GOARCH, images.Tag()))
				return err
			}
			return a.print(listing.List{Value: value, Header: []string{"version", "commit", "image"}, Rows: [][]string{{a.Version, a.Commit, images.Tag()}}})
		},
	}
}
