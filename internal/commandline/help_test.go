package commandline

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"maillab/internal/say"
)

// TestSpeak: a help in French is French throughout, but for what is typed.
func TestSpeak(t *testing.T) {
	did := ""
	root := program(&did)
	up, _, err := root.Find([]string{"up"})
	if err != nil {
		t.Fatal(err)
	}
	up.Short, up.Example = "Run the lab's checks", "  maillab up"
	up.Flags().Int("parallel", 8, "how many things to do with the engine at the same time")
	Speak(root, say.In("fr"))
	var out bytes.Buffer
	root.SetOut(&out)
	for _, line := range []string{"up --help", "help"} {
		root.SetArgs(strings.Fields(line))
		if err := root.Execute(); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		"Lancer les vérifications du TP\n\nEmploi :\n  maillab up [options]\n\nExemples :\n  maillab up\n\nOptions :\n",
		"      --parallel int   combien de choses demander au moteur à la fois (par défaut 8)\n",
		"  -h, --help           aide de up\n",
		"\nCommandes :\n", "  up          Lancer les vérifications du TP\n",
		"« maillab COMMANDE --help » en dit plus sur une commande.\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

// TestSpokenArguments: in usage lines, too, what stands for something is French, and what is told by them is right.
func TestSpokenArguments(t *testing.T) {
	for line, want := range map[string]string{
		"ssh":                "ÉTUDIANT is missing: maillab ssh ÉTUDIANT [-- COMMANDE…]",
		"passwd Zoé Lefèvre": "maillab passwd takes one student, and was given Zoé Lefèvre",
	} {
		did := ""
		root := program(&did)
		Speak(root, say.In("fr"))
		root.SetArgs(strings.Fields(line))
		if err := root.Execute(); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

// TestEnglishIsLeftAlone: nothing of cobra's is touched where nothing is translated.
func TestEnglishIsLeftAlone(t *testing.T) {
	cmd := &cobra.Command{Use: "x STUDENT", Short: "Run the lab's checks"}
	Speak(cmd, say.In("en"))
	if cmd.Use != "x STUDENT" || cmd.Short != "Run the lab's checks" || cmd.Annotations != nil {
		t.Errorf("%+v", cmd)
	}
}
