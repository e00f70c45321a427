package worksheet

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"maillab/internal/lab/task"
	"maillab/internal/zone"
)

// domain is a server's domain, in the language of whoever calls.
type domain struct {
	Lang string `json:"lang"`
	zone.Report
}

func (s server) domain(r *http.Request, who Student) (domain, error) {
	report, err := s.desk.Domain(r.Context())
	return domain{who.Lang, report}, err
}

// zone shows the records of the student's domain, and what is wrong in the file that they come from.
func (c *command) zone(ctx context.Context) (int, error) {
	var d domain
	if err := c.request(ctx, http.MethodGet, "/v1/lab/zone", nil, &d); err != nil {
		return ExitFailed, err
	}
	for _, p := range d.Problems {
		fmt.Fprintf(c.Out, "~/zone:%d: %s\n    %s\n", p.Line, c.paint("31", p.Message.In(d.Lang)), p.Mend.In(d.Lang))
	}
	if len(d.Problems) > 0 {
		fmt.Fprintln(c.Out, task.Text{
			"fr": "Tant que cela reste, personne ne trouve " + d.Domain + ".", "en": "While this stands nobody finds " + d.Domain + ".",
		}.In(d.Lang))
		return ExitFailed, nil
	}
	from := task.Text{"fr": d.Domain + ", d'après ~/zone :", "en": d.Domain + ", from ~/zone:"}
	if d.Given {
		from = task.Text{"fr": d.Domain + " : il n'y a pas de ~/zone, voici ce que donne le TP.", "en": d.Domain + ": there is no ~/zone, this is what the lab gives."}
	}
	fmt.Fprintln(c.Out, from.In(d.Lang))
	for _, record := range d.Records {
		fmt.Fprintln(c.Out, "  "+strings.Join(strings.Fields(record), " "))
	}
	return ExitDone, nil
}
