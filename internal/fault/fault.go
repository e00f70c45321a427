// Package fault is what goes wrong on purpose in a student's mail server: the faults as values, which of them are in force, when each of
// them strikes, and connections that they are on (docs/faults.md).
//
// The words are toxiproxy's for lines (latency, jitter, bandwidth, slow_close, timeout, reset_peer, limit_data, toxicity) and those of
// Mailpit's chaos for replies (a probability and an error code by command). When a fault strikes is drawn from the lab, the student and the
// fault: the same student in the same lab has the same faults in the same order, and again after a reset.
//
// A fault never takes back what was acknowledged: it strikes before a reply, or on the line. Probes, control and what the teacher
// or a check sends are spared.
package fault

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"maillab/internal/period"
	"maillab/internal/spelling"
)

// Fault is one thing that goes wrong. Which keys it has follows from its type.
type Fault struct {
	// Service is where: on port 25, 110 or 143, in the name server, in the mailbox, or in the certificate of STARTTLS (tls).
	Service string `yaml:"service" json:"service" jsonschema:"required,enum=smtp,enum=pop3,enum=imap,enum=dns,enum=mailbox,enum=tls"`
	// Type is what goes wrong.
	Type string `yaml:"type" json:"type" jsonschema:"required,enum=error,enum=greylist,enum=latency,enum=bandwidth,enum=slow_close,enum=timeout,enum=reset_peer,enum=limit_data,enum=mx,enum=full,enum=expired"`
	// Command is the one that error answers (message is the end of the data; with pop3 and imap it is login), or, for limit_data, data:
	// the octets of messages are counted.
	Command string `yaml:"command" json:"command,omitempty" jsonschema:"enum=connect,enum=helo,enum=auth,enum=mail,enum=rcpt,enum=data,enum=message,enum=login"`
	// Code is the reply's of error: 4xx or 5xx; absent: 451.
	Code int `yaml:"code" json:"code,omitempty" jsonschema:"minimum=400,maximum=599"`
	// Text is the reply's, after the code, its enhanced code first; absent: one that fits.
	Text string `yaml:"text" json:"text,omitempty"`
	// Probability is how often error or full strikes, in percent; absent: each time.
	Probability int `yaml:"probability" json:"probability,omitempty" jsonschema:"minimum=1,maximum=100"`
	// Toxicity is the share of connections, or of questions, that are struck, such as 0.5; absent: all.
	Toxicity float64 `yaml:"toxicity" json:"toxicity,omitempty" jsonschema:"minimum=0,maximum=1"`
	// Times is how often it strikes in all; absent: for ever.
	Times int `yaml:"times" json:"times,omitempty" jsonschema:"minimum=1,maximum=10000"`
	// Latency is how long each answer takes longer, such as 2s or 300ms.
	Latency Length `yaml:"latency" json:"latency,omitempty"`
	// Jitter is how much the latency differs, either way.
	Jitter Length `yaml:"jitter" json:"jitter,omitempty"`
	// Delay is how long the end of a connection takes longer (slow_close), or how long who is unknown has to wait (greylist; absent: 60s).
	Delay Length `yaml:"delay" json:"delay,omitempty"`
	// Timeout is after how long a connection is closed: nothing passes until then (timeout), or as usual (reset_peer; absent: at once).
	Timeout Length `yaml:"timeout" json:"timeout,omitempty"`
	// Rate is how many octets a second pass each way, such as 1KiB.
	Rate Octets `yaml:"rate" json:"rate,omitempty"`
	// Bytes is after how many octets a connection breaks off.
	Bytes Octets `yaml:"bytes" json:"bytes,omitempty"`
	// Domain is the one whose MX record is wrong; absent: the student's own.
	Domain string `yaml:"domain" json:"domain,omitempty"`
	// Host is what the MX record says instead.
	Host string `yaml:"host" json:"host,omitempty"`
}

// Services are where faults are, and Types what they are, each in the order in which they are told.
func Services() []string { return []string{"smtp", "pop3", "imap", "dns", "mailbox", "tls"} }

// kind is what a type of fault may be said of.
type kind struct {
	name     string
	services []string
	needs    []string // keys that it must have
	may      []string // and further ones
	example  string
}

func kinds() []kind {
	lines := []string{"smtp", "pop3", "imap"}
	return []kind{
		{"error", lines, []string{"command"}, []string{"code", "text", "probability", "times"}, "command=rcpt code=451 times=2"},
		{"greylist", []string{"smtp"}, nil, []string{"delay"}, "delay=60s"},
		{"latency", append(slices.Clone(lines), "dns"), []string{"latency"}, []string{"jitter", "toxicity", "times"}, "latency=2s jitter=500ms"},
		{"bandwidth", lines, []string{"rate"}, []string{"toxicity", "times"}, "rate=1KiB"},
		{"slow_close", lines, []string{"delay"}, []string{"toxicity", "times"}, "delay=5s"},
		{"timeout", lines, []string{"timeout"}, []string{"toxicity", "times"}, "timeout=10s"},
		{"reset_peer", lines, nil, []string{"timeout", "toxicity", "times"}, "timeout=2s"},
		{"limit_data", lines, []string{"bytes"}, []string{"command", "toxicity", "times"}, "bytes=512 command=data"},
		{"mx", []string{"dns"}, []string{"host"}, []string{"domain"}, "host=mx.nowhere.lab"},
		{"full", []string{"mailbox"}, nil, []string{"probability", "times"}, "times=2"},
		{"expired", []string{"tls"}, nil, nil, ""},
	}
}

func (f Fault) kind() (kind, bool) {
	for _, k := range kinds() {
		if k.name == f.Type {
			return k, true
		}
	}
	return kind{}, false
}

// Problem is one thing that is wrong with a fault: of which key, what, and how it is mended.
type Problem struct {
	Key, Message, Mend string
}

// Problems are all that is wrong with a fault. Its words and numbers are within the bounds of their tags.
func (f Fault) Problems() (all []Problem) {
	wrong := func(key, mend, format string, args ...any) {
		all = append(all, Problem{key, fmt.Sprintf(format, args...), mend})
	}
	k, known := f.kind()
	switch {
	case !slices.Contains(Services(), f.Service):
		wrong("service", meant(f.Service, Services()), "no service is called %q", f.Service)
		return all
	case !known || !slices.Contains(k.services, f.Service):
		types := TypesOf(f.Service)
		wrong("type", meant(f.Type, types), "%s has no fault %q", f.Service, f.Type)
		return all
	}
	given := f.keys()
	for _, key := range k.needs {
		if !slices.Contains(given, key) {
			wrong(key, f.Service+" "+f.Type+" "+k.example, "%s needs the key %s", f.Type, key)
		}
	}
	for _, key := range given {
		if !slices.Contains(k.needs, key) && !slices.Contains(k.may, key) {
			wrong(key, "take it out", "%s has no key %s", f.Type, key)
		}
	}
	return append(all, f.details()...)
}

// details are what is wrong with values that hang on each other.
func (f Fault) details() (all []Problem) {
	wrong := func(key, mend, format string, args ...any) {
		all = append(all, Problem{key, fmt.Sprintf(format, args...), mend})
	}
	commands := map[string][]string{"smtp": {"connect", "helo", "auth", "mail", "rcpt", "data", "message"}, "pop3": {"login"}, "imap": {"login"}}[f.Service]
	if f.Type == "limit_data" {
		commands = map[string][]string{"smtp": {"data"}}[f.Service]
	}
	if f.Command != "" && !slices.Contains(commands, f.Command) {
		wrong("command", meant(f.Command, commands), "%s %s has no command %q", f.Service, f.Type, f.Command)
	}
	if f.Type == "error" && f.Service != "smtp" && (f.Code != 0 || f.Text != "") {
		wrong("code", "take it out", "%s has its own words: neither code nor text", f.Service)
	}
	if f.Code != 0 && (f.Code < 400 || f.Code > 599) {
		wrong("code", "451, 550 …", "%d is no code of a refusal", f.Code)
	}
	if strings.ContainsFunc(f.Text, func(r rune) bool { return r < ' ' || r > '~' }) || len(f.Text) > mostText {
		wrong("text", "one line of ASCII", "%q cannot be a reply", f.Text)
	}
	if f.Jitter > f.Latency {
		wrong("jitter", "at most "+f.Latency.String(), "a jitter of %s is more than the latency", f.Jitter)
	}
	if f.Service == "dns" && f.Latency > mostLatency {
		wrong("latency", "10s", "who asks a name server does not wait so long: %s", f.Latency)
	}
	for key, name := range map[string]string{"domain": f.Domain, "host": f.Host} {
		if strings.ContainsAny(name, " \t/@") || strings.HasPrefix(name, ".") || len(name) > 250 {
			wrong(key, "mx.nowhere.lab", "%q is no name of a host or domain", name)
		}
	}
	return all
}

const (
	mostText    = 400 // of a reply line, RFC 5321 section 4.5.3.1.5
	mostLatency = Length(20 * time.Second)
)

// TypesOf are the faults that a service can have.
func TypesOf(service string) (types []string) {
	for _, k := range kinds() {
		if slices.Contains(k.services, service) {
			types = append(types, k.name)
		}
	}
	return types
}

// Example is a fault of a type as a command line has it, "" where there is none.
func Example(service, kind string) string {
	k, _ := Fault{Type: kind}.kind()
	return strings.TrimSpace(service + " " + kind + " " + k.example)
}

// meant is what a wrong word was probably meant to be, else those that there are.
func meant(word string, words []string) string {
	if near := spelling.Nearest(word, words); near != "" {
		return "did you mean " + near + "?"
	}
	return strings.Join(words, ", ")
}

// keys are those that are set, beside service and type.
func (f Fault) keys() (set []string) {
	v := reflect.ValueOf(f)
	for i := 2; i < v.NumField(); i++ {
		if !v.Field(i).IsZero() {
			set = append(set, v.Type().Field(i).Tag.Get("yaml"))
		}
	}
	return set
}

// String is the fault as a command line has it: smtp error command=rcpt code=451.
func (f Fault) String() string {
	words := []string{f.Service, f.Type}
	v := reflect.ValueOf(f)
	for i := 2; i < v.NumField(); i++ {
		if !v.Field(i).IsZero() {
			words = append(words, fmt.Sprintf("%s=%v", v.Type().Field(i).Tag.Get("yaml"), v.Field(i).Interface()))
		}
	}
	return strings.Join(words, " ")
}

// Parse reads a fault as a command line has it: a service, a type, and keys with values. The error is the first thing that is wrong.
func Parse(words []string) (f Fault, err error) {
	if len(words) < 2 {
		service := ""
		if len(words) == 1 {
			service = words[0]
		}
		if !slices.Contains(Services(), service) {
			return f, fmt.Errorf("no service is called %q (%s)", service, meant(service, Services()))
		}
		return f, fmt.Errorf("which fault of %s? %s", service, strings.Join(TypesOf(service), ", "))
	}
	f.Service, f.Type = words[0], words[1]
	if problems := (Fault{Service: f.Service, Type: f.Type}).Problems(); len(problems) > 0 && slices.Contains([]string{"service", "type"}, problems[0].Key) {
		return f, problems[0]
	}
	for _, word := range words[2:] {
		key, value, found := strings.Cut(word, "=")
		if !found {
			return f, fmt.Errorf("%q is not KEY=VALUE, such as %s", word, Example(f.Service, f.Type))
		}
		if err := f.set(key, value); err != nil {
			return f, err
		}
	}
	if problems := f.Problems(); len(problems) > 0 {
		return f, problems[0]
	}
	return f, nil
}

// set gives a key a value, both as typed.
func (f *Fault) set(key, value string) error {
	v := reflect.ValueOf(f).Elem()
	k, _ := f.kind()
	for i := 2; i < v.NumField(); i++ {
		if v.Type().Field(i).Tag.Get("yaml") != key {
			continue
		}
		return setValue(v.Field(i), key, value)
	}
	keys := append(slices.Clone(k.needs), k.may...)
	return fmt.Errorf("%s %s has no key %q (%s)", f.Service, f.Type, key, meant(key, keys))
}

func setValue(v reflect.Value, key, value string) (err error) {
	switch to := v.Addr().Interface().(type) {
	case *string:
		*to = value
	case *int:
		*to, err = strconv.Atoi(strings.TrimSuffix(value, "%"))
		if most := map[string]int{"probability": 100, "times": 10000, "code": 599}[key]; err != nil || *to < 1 || *to > most {
			err = fmt.Errorf("%s=%s: a whole number from 1 to %d", key, value, most)
		}
	case *float64:
		if *to, err = strconv.ParseFloat(value, 64); err != nil || !(*to > 0 && *to <= 1) {
			err = fmt.Errorf("%s=%s: a share such as 0.5", key, value)
		}
	case interface{ UnmarshalText([]byte) error }:
		if err = to.UnmarshalText([]byte(value)); err != nil {
			err = fmt.Errorf("%s: %w", key, err)
		}
	}
	return err
}

// Error is the problem with its mend.
func (p Problem) Error() string {
	if p.Mend == "" {
		return p.Message
	}
	return p.Message + " (" + p.Mend + ")"
}

// Check is the first thing that is wrong with any of some faults.
func Check(faults []Fault) error {
	for _, f := range faults {
		if problems := f.Problems(); len(problems) > 0 {
			return problems[0]
		}
	}
	return nil
}

// Misleads tells of an mx whether it is about a domain, where the student's own is the other.
func (f Fault) Misleads(domain, own string) bool {
	of := f.Domain
	if of == "" {
		of = own
	}
	return strings.EqualFold(strings.TrimSuffix(domain, "."), strings.TrimSuffix(of, "."))
}

// Reply is what error answers, "451 4.3.0 …".
func (f Fault) Reply() (code int, text string) {
	code, text = f.Code, f.Text
	if code == 0 {
		code = 451
	}
	if text == "" {
		text = map[bool]string{true: "4.3.0 Error: temporary failure, try again later", false: "5.3.0 Error: refused"}[code < 500]
	}
	return code, text
}

// Length is a length of time, written as 2s, 300ms or 1m30s.
type Length time.Duration

// UnmarshalText reads one that is longer than nothing and an hour at most: what takes longer is no fault in a lesson.
func (l *Length) UnmarshalText(text []byte) error {
	d, err := period.Parse(string(text))
	if err != nil || d <= 0 || d > time.Hour {
		return fmt.Errorf("%q is no length of time such as 2s or 300ms, an hour at most", text)
	}
	*l = Length(d)
	return nil
}

// MarshalText is its form in a lab file.
func (l Length) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

func (l Length) String() string { return period.Format(time.Duration(l)) }

// Octets is a number of octets, written as 512 or 4KiB.
type Octets int64

// mostOctets is more than any message has.
const mostOctets = 1 << 30

// UnmarshalText reads a number with or without a unit.
func (o *Octets) UnmarshalText(text []byte) error {
	number, unit := string(text), int64(1)
	for _, u := range []struct {
		name string
		is   int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"kB", 1e3}, {"MB", 1e6}} {
		if n, has := strings.CutSuffix(number, u.name); has {
			number, unit = strings.TrimSpace(n), u.is
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 || n > mostOctets/unit {
		return fmt.Errorf("%q is no number of octets such as 512 or 4KiB", text)
	}
	*o = Octets(n * unit)
	return nil
}

// MarshalText is the largest binary unit that leaves a whole number.
func (o Octets) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

func (o Octets) String() string {
	switch {
	case o > 0 && o%(1<<20) == 0:
		return fmt.Sprintf("%dMiB", o>>20)
	case o > 0 && o%(1<<10) == 0:
		return fmt.Sprintf("%dKiB", o>>10)
	}
	return strconv.FormatInt(int64(o), 10)
}

// name tells a fault from all others: what it is, in one form.
func (f Fault) name() string {
	text, err := json.Marshal(f)
	if err != nil {
		panic(fmt.Sprintf("fault: %v", err)) // plain data: our own bug
	}
	return string(text)
}
