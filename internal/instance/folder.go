package instance

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"maillab/internal/certificate"
	"maillab/internal/control"
	"maillab/internal/outline"
	"maillab/internal/register"
	"maillab/internal/roster"
)

// Folder is what of an instance outlives what runs: small plain files, each written aside and renamed, mode 0600.
//
//	seats.json     a roster.Given: seats once given, and to whom
//	secret         32 random bytes: generated passwords follow from it
//	hashes.json    crypt(3) hashes by their passwords' MACs, so that one password keeps one hash
//	lab            where the lab of the last up is
//	class.csv      the class of the last up, as roster.Class.CSV has it
//	publish.json   where the doors of the last up were: a Published
//	place.json     on which engine it is: a Place; gone when it was taken down
//	down.json      since when it is down: a time; gone while it is up
//	accounts.json  what the last up gave everybody: a Sheet
//	owned.json     which accounts students have or had
//	instead.json   what ups were told in place of the lab: an Instead; with the key of a certificate that was given
//	outlines.json  what the last up wanted each sandbox to be, in outline, by seat (package outline)
//	passwords.json {"3": {"util1": "…"}}: passwords by seat and account that the teacher changed since
//	register.json  a register.Register: what students did, as the sandboxes told it last
//	certificates.json  a certificate.Set: the instance's authority, and a certificate by seat; with their keys
//	snapshots      see package snapshot
//	lock           locked by whoever is changing the instance: a Held
//
// Reading needs no lock. Nothing in it is needed to look at an instance or to take it down.
type Folder struct{ path string }

// OpenFolder names an instance's folder below the data directory; it is made by whoever holds it first.
func OpenFolder(data, name string) Folder {
	return Folder{path: filepath.Join(data, "instances", name)}
}

// Kept are the names of instances that were up, in order.
func Kept(data string) (names []string) {
	kept, _ := filepath.Glob(filepath.Join(data, "instances", "*", accountsFile))
	for _, file := range kept {
		names = append(names, filepath.Base(filepath.Dir(file)))
	}
	return names
}

// RenderedFolder is the folder of what is rendered under a name, which no engine runs.
func RenderedFolder(data, name string) Folder {
	return Folder{path: filepath.Join(data, "rendered", name)}
}

// Name is the instance's.
func (f Folder) Name() string { return filepath.Base(f.path) }

// Path is where it is.
func (f Folder) Path() string { return f.path }

// Exists tells whether anything was ever kept of the instance.
func (f Folder) Exists() bool {
	_, err := os.Stat(f.path)
	return err == nil
}

// Snapshots is the folder of the instance's snapshots (package snapshot). It may not be there yet.
func (f Folder) Snapshots() string { return filepath.Join(f.path, "snapshots") }

// Seats are those that were ever given, and to whom.
func (f Folder) Seats() (roster.Given, error) {
	seats := roster.Given{}
	_, err := f.value(seatsFile, &seats)
	return seats, err
}

// Lab is where the lab of the last up is, "" when that is not known.
func (f Folder) Lab() (string, error) {
	text, err := f.read(labFile)
	return strings.TrimSpace(string(text)), err
}

// Roster is the last class list, nil when there is none.
func (f Folder) Roster() ([]byte, error) { return f.read(rosterFile) }

// Class is the class of the last up, by the keys that its students have; empty when there was no list.
func (f Folder) Class() (roster.Class, error) {
	text, err := f.Roster()
	if err != nil || text == nil {
		return roster.Class{}, err
	}
	known, err := f.Seats()
	if err != nil {
		return roster.Class{}, err
	}
	class, _, err := roster.Read("the class list of the last up", bytes.NewReader(text), roster.Options{})
	return roster.Seat(known, class).Class, err
}

// Published is where the doors of the last up were, for one that finds nothing running.
type Published struct {
	Listen string  `json:"listen,omitempty"` // as it was asked for, in place of the lab's
	Blocks []Block `json:"blocks,omitempty"` // in mode ports
}

// Instead is what ups were told in place of what the lab says; it counts until another up says otherwise.
type Instead struct {
	Passwords string       `json:"passwords,omitempty"` // as lab.ParsePasswords reads it
	Page      control.Page `json:"page,omitzero"`       // with TLS and no certificate it has one of the instance's authority
}

// Instead is empty when nothing was said.
func (f Folder) Instead() (i Instead, err error) {
	_, err = f.value(insteadFile, &i)
	return i, err
}

// Published is nil when nothing was kept.
func (f Folder) Published() (*Published, error) {
	p := new(Published)
	if there, err := f.value(publishedFile, p); err != nil || !there {
		return nil, err
	}
	return p, nil
}

// Place is the engine on which an instance is.
type Place struct {
	Engine string `json:"engine"`
	Host   string `json:"host,omitempty"` // the machine of the engine, where it is another
}

// DownSince is when the instance was taken down; zero where it is up, or that is not known.
func (f Folder) DownSince() (since time.Time, err error) {
	_, err = f.value(downFile, &since)
	return since, err
}

// Place is nil when the instance is nowhere, as far as is known here.
func (f Folder) Place() (*Place, error) {
	p := new(Place)
	if there, err := f.value(placeFile, p); err != nil || !there {
		return nil, err
	}
	return p, nil
}

// Secrets returns what generated passwords are made with: the same name gives the same words for the instance's life. Where
// there is no secret yet its words hold for this time only: see Held.KeepSecret.
func (f Folder) Secrets() (func(name string) string, error) {
	secret, err := f.read(secretFile)
	if secret == nil {
		secret = newSecret()
	}
	return wordsOf(secret), err
}

func newSecret() []byte {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails, says its documentation
	return secret
}

func wordsOf(secret []byte) func(name string) string {
	return func(name string) string {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(name))
		word := base32.StdEncoding.EncodeToString(mac.Sum(nil))
		// 50 bits, in two halves that can be read out; no letter of base32 looks like one of its digits.
		return strings.ToLower(word[:5] + "-" + word[5:10])
	}
}

// Register is what students did, as the sandboxes told it last.
func (f Folder) Register() (all register.Register, err error) {
	_, err = f.value(registerFile, &all)
	return all, err
}

// Outlines are what the last up wanted the sandboxes to be, by seat.
func (f Folder) Outlines() (all map[int]outline.Outline, err error) {
	_, err = f.value(outlinesFile, &all)
	return all, err
}

// Certificates are the instance's authority and what it issued; none before the first up with TLS.
func (f Folder) Certificates() (set certificate.Set, err error) {
	_, err = f.value(issuedFile, &set)
	return set, err
}

// The files.
const (
	seatsFile     = "seats.json"
	secretFile    = "secret"
	hashesFile    = "hashes.json"
	labFile       = "lab"
	rosterFile    = "class.csv"
	publishedFile = "publish.json"
	placeFile     = "place.json"
	downFile      = "down.json"
	accountsFile  = "accounts.json"
	ownedFile     = "owned.json"
	passwordsFile = "passwords.json"
	insteadFile   = "instead.json"
	outlinesFile  = "outlines.json"
	registerFile  = "register.json"
	issuedFile    = "certificates.json"
	lockFile      = "lock"
)

// read returns nil for a file that is not there.
func (f Folder) read(name string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(f.path, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// value reads a file of JSON, if it is there.
func (f Folder) value(name string, into any) (there bool, err error) {
	text, err := f.read(name)
	if err != nil || text == nil {
		return false, err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return true, fmt.Errorf("%s: %w", filepath.Join(f.path, name), err)
	}
	return true, nil
}

// CheckName keeps to what container names, host names and files can be.
func CheckName(name string) error {
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return fmt.Errorf("an instance's name has lower-case letters, digits and dashes only: %q", name)
		}
	}
	if strings.HasPrefix(name, "-") || name == "" || len(name) > 40 {
		return fmt.Errorf("an instance's name has 1 to 40 characters and begins with a letter or digit: %q", name)
	}
	return nil
}
