package dialogue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"maillab/internal/ring"
)

// version of the files.
const version = 1

// headMark is how a piece's first line begins, and no other does.
const headMark = `{"v":`

// header is a piece's first line.
type header struct {
	Version  int       `json:"v"` // first: see headMark
	ID       string    `json:"id"`
	Part     int       `json:"part"`
	Service  string    `json:"service"`
	Peer     string    `json:"peer"`
	Start    time.Time `json:"start"`
	Inside   string    `json:"inside,omitempty"`
	From     string    `json:"from,omitempty"`
	Epoch    int       `json:"epoch"`
	Accounts []string  `json:"accounts"`
	Skipped  int       `json:"skipped,omitempty"`
	Cut      bool      `json:"cut,omitempty"`
	End      *int64    `json:"end,omitempty"` // milliseconds after the start
}

// entry is any other line; one of its fields beside Ms is set.
type entry struct {
	Ms     int64   `json:"ms"`
	Client *string `json:"c,omitempty"`
	Server *string `json:"s,omitempty"`
	Data   *int    `json:"data,omitempty"`
	Fault  *string `json:"fault,omitempty"`
}

// appendJSON appends a header or an entry as a line.
func appendJSON(to []byte, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("dialogue: a line does not marshal: %v", err)) // plain data: our own bug
	}
	return append(append(to, text...), '\n')
}

// parseHeader reads a piece's first line.
func parseHeader(line []byte) (header, error) {
	var h header
	if err := json.Unmarshal(line, &h); err != nil {
		return header{}, fmt.Errorf("dialogue header: %w", err)
	}
	if h.Version != version || h.ID == "" {
		return header{}, fmt.Errorf("dialogue header of version %d, want %d", h.Version, version)
	}
	return h, nil
}

// record is what the ring is told of a piece: whose it is. An account is vouched for by a password or by the kernel; of who
// has neither, those who sent mail are told apart by what they said to be, so that idle talk pushes no mail out.
func (h header) record() ring.Record {
	r := ring.Record{Key: h.ID, At: h.Start, Part: h.Part}
	host, _, err := net.SplitHostPort(h.Peer)
	if err != nil {
		host = h.Peer
	}
	switch {
	case len(h.Accounts) > 0:
		r.Owner = "accounts/" + level(h.Accounts[0])
	case h.Inside != "":
		r.Owner = "accounts/" + level(h.Inside)
	case h.From != "":
		r.Owner = ring.Guests + "/mail/" + level(host) + "/" + level(h.From)
	default:
		r.Owner = ring.Guests + "/idle/" + level(host)
	}
	return r
}

// level is a name as one level of an owner.
func level(name string) string { return strings.ReplaceAll(name, "/", "_") }

// dialogue is what a header says.
func (h header) dialogue() Dialogue {
	d := Dialogue{
		ID: h.ID, Service: h.Service, Peer: h.Peer, Inside: h.Inside, Accounts: slices.Clone(h.Accounts), Start: h.Start.UTC(),
		Epoch: h.Epoch, Skipped: h.Skipped, Cut: h.Cut,
	}
	if d.Accounts == nil {
		d.Accounts = []string{}
	}
	if h.End != nil {
		d.End = d.after(*h.End)
	}
	return d
}

// after is a time of the dialogue.
func (d Dialogue) after(ms int64) time.Time { return d.Start.Add(time.Duration(ms) * time.Millisecond) }

// parse reads the pieces of one dialogue, in order. A torn end, or a lost beginning, is said as Cut.
func parse(pieces ...[]byte) (Dialogue, error) {
	if len(pieces) == 0 {
		return Dialogue{}, errors.New("dialogue without a piece")
	}
	var d Dialogue
	var torn bool
	for i, piece := range pieces {
		first, rest, _ := bytes.Cut(piece, []byte{'\n'})
		h, err := parseHeader(first)
		if err != nil {
			return Dialogue{}, err
		}
		lines := d.Lines
		d = h.dialogue()
		d.Lines = lines
		torn = !d.addLines(rest) || torn || h.Part != i
	}
	d.Cut = d.Cut || torn
	return d, nil
}

// addLines takes a piece's lines in, as far as they are whole.
func (d *Dialogue) addLines(text []byte) bool {
	for len(text) > 0 {
		line, rest, whole := bytes.Cut(text, []byte{'\n'})
		var e entry
		if err := json.Unmarshal(line, &e); err != nil || !whole {
			return false
		}
		d.add(e)
		text = rest
	}
	return true
}

func (d *Dialogue) add(e entry) {
	at := d.after(e.Ms)
	switch {
	case e.Client != nil:
		d.Lines = append(d.Lines, Line{At: at, From: Client, Kind: Command, Text: *e.Client})
	case e.Server != nil:
		d.Lines = append(d.Lines, Line{At: at, From: Server, Kind: Reply, Text: *e.Server})
	case e.Fault != nil:
		d.Lines = append(d.Lines, Line{At: at, From: Server, Kind: Fault, Text: *e.Fault})
	case e.Data != nil:
		d.Lines = append(d.Lines, Line{At: at, From: dataFrom(d.Service), Kind: Data, Bytes: *e.Data})
	}
}

// readable is a line as text: octets that are not UTF-8 are taken for Latin-1, as old terminals send them.
func readable(line string) string {
	if utf8.ValidString(line) {
		return line
	}
	runes := make([]rune, 0, len(line))
	for i := 0; i < len(line); {
		r, n := utf8.DecodeRuneInString(line[i:])
		if r == utf8.RuneError && n == 1 {
			r = rune(line[i])
		}
		runes = append(runes, r)
		i += n
	}
	return string(runes)
}

// shorten cuts a line that is too long, at a character.
func shorten(line string) string {
	if len(line) <= maxLine {
		return line
	}
	cut := maxLine
	for cut > 0 && !utf8.RuneStart(line[cut]) {
		cut--
	}
	return line[:cut] + "…"
}
