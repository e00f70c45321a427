package check

import (
	"regexp"
	"strings"

	"maillab/internal/dialogue"
	"maillab/internal/lab/task"
)

// pace says whether a dialogue was typed, with the reasons. While a script runs that the check itself has started,
// nobody types: whatever its pauses are, they are the script's (docs/decisions/0007).
func (x *sheet) pace(d dialogue.Dialogue) (byHand bool, why task.Text) {
	if x.running {
		return false, both("lancé par la vérification", "started by the check")
	}
	return pace(d)
}

func pace(d dialogue.Dialogue) (byHand bool, why task.Text) {
	byHand, reasons := dialogue.ByHand(d)
	var texts []task.Text
	for _, reason := range reasons {
		texts = append(texts, task.Text{"en": reason, "fr": inFrench(reason)})
	}
	return byHand, join(", ", texts...)
}

// wording is a form of dialogue.ByHand's reasons.
type wording struct {
	en *regexp.Regexp
	fr string
}

// inFrench says a reason in French. A form that is not known stays as it is.
func inFrench(reason string) string {
	decimal := strings.NewReplacer(".", ",")
	for _, w := range []wording{
		{regexp.MustCompile(`^no command was typed$`), "aucune commande n'a été tapée"},
		{regexp.MustCompile(`^(\d+) of (\d+) lines? came faster than anybody types, (".*") after ([\d.]+) s$`), "$1 lignes sur $2 sont venues plus vite que personne ne tape, $3 après $4 s"},
		{regexp.MustCompile(`^1 line, each of them there the moment that the server had answered$`), "1 ligne, là dès que le serveur avait répondu"},
		{regexp.MustCompile(`^(\d+) lines, each of them there the moment that the server had answered$`), "$1 lignes, chacune là dès que le serveur avait répondu"},
		{regexp.MustCompile(`^(\d+) lines? came at once$`), "$1 lignes sont venues d'un coup"},
		{regexp.MustCompile(`^(\d+) of (\d+) lines? came after pauses of whole half seconds, as a script makes them$`), "$1 lignes sur $2 sont venues après des demi-secondes entières, comme d'un script"},
		{regexp.MustCompile(`^(\d+) of (\d+) lines? came after pauses that are all the same, as a script makes them$`), "$1 lignes sur $2 sont venues après des pauses toutes égales, comme d'un script"},
		{regexp.MustCompile(`^1 line, with pauses as a person makes: a median of ([\d.]+) s, ([\d.]+) s at least$`), "1 ligne, avec les pauses d'une personne : médiane de $1 s, $2 s au moins"},
		{regexp.MustCompile(`^(\d+) lines, with pauses as a person makes: a median of ([\d.]+) s, ([\d.]+) s at least$`), "$1 lignes, avec les pauses d'une personne : médiane de $2 s, $3 s au moins"},
	} {
		m := w.en.FindStringSubmatchIndex(reason)
		if m == nil {
			continue
		}
		out := w.en.ExpandString(nil, w.fr, reason, m)
		return seconds.ReplaceAllStringFunc(string(out), decimal.Replace)
	}
	return reason
}

// seconds is a number with decimals before its unit.
var seconds = regexp.MustCompile(`\d+\.\d+ s\b`)
