package cli

import (
	"github.com/spf13/cobra"

	"maillab/internal/commandline"
)

func caVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "ca",
		Short: "The certificate that mail programs can be given to trust an instance",
		Long: `Print the certificate of the instance's own authority, in PEM. A client that trusts it trusts the certificate of each
sandbox of a lab with tls: starttls, and need be given no other: each is for the addresses and names that students are told,
and every up renews what changes or ends within sixty days. The authority is made by the first up, stays with the instance's
folder, and is good for ten years. docs/clients.md says how programs take it.`,
		Example: `  maillab ca > ca.pem
  openssl s_client -starttls smtp -connect 127.0.0.1:10125 -CAfile ca.pem -verify_return_error`,
		Args: commandline.Takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			name := a.flags.instance
			if name == "" {
				i, err := a.the(cmd.Context())
				if err != nil {
					return err
				}
				name = i.Name
			}
			set, err := a.folder(name).Certificates()
			if err != nil {
				return err
			}
			text := set.CA()
			if text == nil {
				return withHint(usagef("%s has no certificates", name), "a lab with tls: starttls has, on the machine where maillab up was run")
			}
			_, err = a.Out.Write(text)
			return err
		},
	}
}
