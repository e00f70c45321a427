package worksheet

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"maillab/internal/lab/task"
	"maillab/internal/mail/submit"
	"maillab/internal/progress"
)

// Env is what the lab command takes from outside.
type Env struct {
	In       io.Reader // an answer that is not in the arguments
	Asks     bool      // In is a terminal: say what is wanted of it
	Out, Err io.Writer
	Color    bool
	Width    int                 // of the terminal; 0 is 80
	Getenv   func(string) string // MAILLAB_SOCKET says where the daemon is; LANG in what language its absence is told
	// Addresses are where smtp, pop3 and imap are (host:port) for who is outside of the sandbox, where hints name its own ports.
	Addresses map[string]string
	// Transport reaches a daemon elsewhere; nil is the sandbox's own, at its socket.
	Transport http.RoundTripper
}

// Exit codes of the lab command.
const (
	ExitDone   = 0
	ExitFailed = 1 // a task that was checked has not passed, or something went wrong
	ExitUsage  = 2
	ExitLeft   = 130 // interrupted by Ctrl-C
)

// Main is the lab command; args are without its name. It returns the exit code.
func Main(ctx context.Context, args []string, env Env) int {
	code, err := Run(ctx, args, env)
	switch {
	case errors.Is(err, context.Canceled): // who pressed Ctrl-C knows
		fmt.Fprintln(env.Err)
		return ExitLeft
	case err != nil:
		fmt.Fprintf(env.Err, "lab: %v\n", err)
	}
	return code
}

// Run is Main for who tells the error in other words.
func Run(ctx context.Context, args []string, env Env) (code int, err error) {
	if env.Transport == nil {
		env.Transport = inside(cmp.Or(env.Getenv("MAILLAB_SOCKET"), submit.DefaultSocket))
	}
	return (&command{env}).run(ctx, args)
}

// inside reaches the sandbox's own daemon.
func inside(socket string) http.RoundTripper {
	return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}, DisableKeepAlives: true}
}

// command is one call.
type command struct{ Env }

func (c *command) run(ctx context.Context, args []string) (int, error) {
	if len(args) == 0 {
		args = []string{"tasks"}
	}
	verb, args := args[0], args[1:]
	switch {
	case verb == "tasks" && len(args) == 0:
		return c.show(ctx, http.MethodGet, "/v1/lab", nil, c.list)
	case verb == "check":
		return c.show(ctx, http.MethodPost, "/v1/lab/check", map[string]any{"tasks": args}, c.checked)
	case verb == "show" && len(args) == 1:
		return c.show(ctx, http.MethodGet, "/v1/lab", nil, only(args[0], c.whole))
	case verb == "hint" && len(args) == 1:
		return c.show(ctx, http.MethodGet, "/v1/lab", nil, only(args[0], c.hint))
	case verb == "answer" && len(args) >= 1 && !strings.HasPrefix(args[0], "-"):
		return c.answer(ctx, args[0], strings.Join(args[1:], " "))
	case verb == "zone" && (len(args) == 0 || len(args) == 1 && args[0] == "check"):
		return c.zone(ctx)
	case verb == "mail" && len(args) == 2 && args[0] == "explain":
		return c.explain(ctx, args[1])
	case verb == "dkim" && len(args) == 0:
		return c.dkim(ctx)
	case verb == "dkim" && (len(args) == 2 || len(args) == 3) && args[0] == "genkey":
		return c.genkey(ctx, args[1], strings.Join(args[2:], ""))
	case verb == "server" && len(args) == 1 && slices.Contains(serverWords(), args[0]):
		return c.server(ctx, args[0])
	}
	french := c.speaksFrench(ctx)
	fmt.Fprintf(c.Err, "lab: %s\n%s", wrong(verb, args, french), usage(french))
	return ExitUsage, nil
}

// wrong says what is wrong with a call.
func wrong(verb string, args []string, french bool) string {
	text := task.Text{"fr": fmt.Sprintf("« %s » n'existe pas", verb), "en": fmt.Sprintf("there is no “%s”", verb)}
	switch {
	case strings.HasPrefix(verb, "-"):
		text = task.Text{"fr": "lab n'a pas d'option " + verb, "en": "lab has no option " + verb}
	case verb == "tasks":
		text = task.Text{"fr": "lab tasks ne prend rien de plus", "en": "lab tasks takes nothing more"}
	case (verb == "show" || verb == "hint" || verb == "answer") && len(args) == 0:
		text = task.Text{"fr": "de quelle tâche ? lab tasks les montre toutes", "en": "which task? lab tasks shows them all"}
	case verb == "show" || verb == "hint":
		text = task.Text{"fr": "une seule tâche à la fois", "en": "one task at a time"}
	case verb == "zone":
		text = task.Text{"fr": "lab zone ne prend rien de plus", "en": "lab zone takes nothing more"}
	case verb == "mail":
		text = task.Text{"fr": "lab mail explain prend un fichier, - ou le numéro d'un message", "en": "lab mail explain takes a file, -, or a message's number"}
	case verb == "dkim":
		text = task.Text{"fr": "lab dkim genkey prend un sélecteur, par exemple s1", "en": "lab dkim genkey takes a selector, such as s1"}
	case verb == "server":
		text = task.Text{"fr": "lab server stop, start ou status", "en": "lab server stop, start or status"}
	case verb == "answer":
		text = task.Text{"fr": "lab answer n'a pas d'option " + args[0], "en": "lab answer has no option " + args[0]}
	}
	return text.In(map[bool]string{true: "fr", false: "en"}[french])
}

// french tells whether to speak French before the daemon has said so.
func (c *command) french() bool { return strings.HasPrefix(c.Getenv("LANG"), "fr") }

// speaksFrench tells the student's language, as far as the daemon can be asked for it.
func (c *command) speaksFrench(ctx context.Context) bool {
	if sheet, err := c.ask(ctx, http.MethodGet, "/v1/lab", nil); err == nil {
		return sheet.Lang == "fr"
	}
	return c.french()
}

// usage lists the verbs.
func usage(french bool) string {
	if french {
		return `lab tasks               les tâches, et où vous en êtes
lab show TÂCHE          une tâche en entier
lab check [TÂCHE…]      vérifier ce que vous avez fait
lab hint TÂCHE          un indice
lab answer TÂCHE        répondre à une question : la réponse se tape ensuite
lab zone                votre domaine, si le TP en donne un, et ce qui ne va pas dans ~/zone
lab mail explain N      comment le message N (ou un fichier, ou -) est jugé : SPF, DKIM, DMARC
lab dkim                comment votre courrier est signé, et ce qui ne va pas
lab dkim genkey SÉL     fabriquer une clé, qui s'appelle SÉL
lab server stop|start   arrêter votre serveur de mail et le redémarrer, si le TP le permet ; status dit où il en est
`
	}
	return `lab tasks             the tasks, and where you are
lab show TASK         one task in full
lab check [TASK…]     check what you have done
lab hint TASK         a hint
lab answer TASK       answer a question: the answer is typed afterwards
lab zone              your domain, if the lab gives one, and what is wrong in ~/zone
lab mail explain N    how message N (or a file, or -) is judged: SPF, DKIM, DMARC
lab dkim              how your mail is signed, and what is wrong
lab dkim genkey SEL   make a key, which is called SEL
lab server stop|start stop your mail server and start it again, if the lab lets you; status tells how it is
`
}

// show makes a request and hands the sheet to be printed.
func (c *command) show(ctx context.Context, method, path string, body any, print func(Sheet) (int, error)) (int, error) {
	sheet, err := c.ask(ctx, method, path, body)
	if err != nil {
		return ExitFailed, err
	}
	return print(sheet)
}

func (c *command) ask(ctx context.Context, method, path string, body any) (Sheet, error) {
	var sheet Sheet
	err := c.request(ctx, method, path, body, &sheet)
	for i, t := range sheet.Tasks {
		sheet.Tasks[i].Ask, sheet.Tasks[i].Hint = c.reached(t.Ask), c.reached(t.Hint)
	}
	return sheet, err
}

// request asks the daemon.
func (c *command) request(ctx context.Context, method, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	client := http.Client{Transport: c.Transport}
	request, err := http.NewRequestWithContext(ctx, method, "http://maild"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		if c.french() {
			return errors.New("le serveur de mail ne répond pas : réessayez dans un instant")
		}
		return errors.New("the mail server does not answer: try again in a moment")
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		var f failure
		if json.NewDecoder(response.Body).Decode(&f) != nil || f.Text == "" {
			f.Text = response.Status
		}
		return errors.New(f.Text)
	}
	return json.NewDecoder(response.Body).Decode(into)
}

// called is a call of a service inside the sandbox.
var called = regexp.MustCompile(`\b(telnet|nc) [A-Za-z0-9][A-Za-z0-9.-]* (25|110|143)\b`)

// reached is a text in which such calls lead to where the caller reaches the service.
func (c *command) reached(text string) string {
	return called.ReplaceAllStringFunc(text, func(call string) string {
		words := strings.Fields(call)
		service := map[string]string{"25": "smtp", "110": "pop3", "143": "imap"}[words[2]]
		host, port, err := net.SplitHostPort(c.Addresses[service])
		if err != nil {
			return call
		}
		return words[0] + " " + host + " " + port
	})
}

// only prints one task.
func only(id string, print func(Sheet, Task) (int, error)) func(Sheet) (int, error) {
	return func(s Sheet) (int, error) {
		var names []string
		for _, t := range s.Tasks {
			if t.ID == id {
				return print(s, t)
			}
			names = append(names, t.ID)
		}
		return ExitFailed, errors.New(inWords(noTask(names, id), s.Lang))
	}
}

// unpassed is the exit code of what was checked.
func unpassed(s Sheet) int {
	for _, t := range s.Tasks {
		if t.State != progress.Passed {
			return ExitFailed
		}
	}
	return ExitDone
}
