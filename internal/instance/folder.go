package instance

import (
	"context"
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
	"sync"

	"maillab/internal/filelock"
)

// Folder is what of an instance outlives what runs: small plain files, written aside and renamed, mode 0600.
//
//	seats.json   {"alice": 1, …}: seats once given
//	secret       32 random bytes: generated passwords follow from it
//	hashes.json  crypt(3) hashes by their passwords' MACs, so that one password keeps one hash
//	lock         locked by whoever is changing the instance
//	lab          where the lab of the last up is
//	class.csv    the roster of the last up, word for word
//	publish.json where the doors of the last up were: a Published
//
// Nothing in it is needed to look at an instance or to take it down.
type Folder struct{ path string }

// OpenFolder names an instance's folder below the data directory; it is made when something is first kept in it.
func OpenFolder(data, name string) Folder {
	return Folder{path: filepath.Join(data, "instances", name)}
}

// Seats are those that were ever given.
func (f Folder) Seats() (map[string]int, error) {
	seats := map[string]int{}
	text, err := f.read("seats.json")
	if err != nil || text == nil {
		return seats, err
	}
	if err := json.Unmarshal(text, &seats); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(f.path, "seats.json"), err)
	}
	return seats, nil
}

// KeepSeats keeps them.
func (f Folder) KeepSeats(seats map[string]int) error {
	text, err := json.MarshalIndent(seats, "", "  ")
	if err != nil {
		return err
	}
	return f.write("seats.json", append(text, '\n'))
}

// Lab is where the lab of the last up is, "" when that is not known.
func (f Folder) Lab() (string, error) {
	text, err := f.read("lab")
	return strings.TrimSpace(string(text)), err
}

// KeepLab keeps it.
func (f Folder) KeepLab(ref string) error { return f.write("lab", []byte(ref+"\n")) }

// Roster is the last class list, nil when there is none.
func (f Folder) Roster() ([]byte, error) { return f.read("class.csv") }

// KeepRoster keeps it; nil forgets it.
func (f Folder) KeepRoster(text []byte) error {
	if text != nil {
		return f.write("class.csv", text)
	}
	if err := os.Remove(filepath.Join(f.path, "class.csv")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Published is where the doors of the last up were, for one that finds nothing running.
type Published struct {
	Listen string `json:"listen,omitempty"` // as it was asked for, in place of the lab's
	Base   int    `json:"base,omitempty"`   // in mode ports
}

// Published is nil when nothing was kept.
func (f Folder) Published() (*Published, error) {
	text, err := f.read("publish.json")
	if err != nil || text == nil {
		return nil, err
	}
	p := new(Published)
	if err := json.Unmarshal(text, p); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(f.path, "publish.json"), err)
	}
	return p, nil
}

// KeepPublished keeps it.
func (f Folder) KeepPublished(p Published) error { return f.keep("publish.json", p) }

// Secrets returns what generated passwords are made with: the same name gives the same words for the instance's life.
func (f Folder) Secrets() (func(name string) string, error) {
	secret, err := f.read("secret")
	if err == nil && secret == nil {
		secret = newSecret()
		err = f.write("secret", secret)
	}
	return wordsOf(secret), err
}

// TrialSecrets is Secrets for a dry run: where there is no secret yet, its words hold for this time only.
func (f Folder) TrialSecrets() (func(name string) string, error) {
	secret, err := f.read("secret")
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

// Lock makes this process the only one that changes the instance, until release is called. waiting is called when that
// takes a while.
func (f Folder) Lock(ctx context.Context, waiting func()) (release func(), err error) {
	if err := os.MkdirAll(f.path, 0o700); err != nil {
		return nil, err
	}
	return filelock.Wait(ctx, filepath.Join(f.path, "lock"), waiting)
}

// Remove forgets everything about the instance.
func (f Folder) Remove() error { return os.RemoveAll(f.path) }

// read returns nil for a file that is not there.
func (f Folder) read(name string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(f.path, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

func (f Folder) write(name string, text []byte) error {
	if err := os.MkdirAll(f.path, 0o700); err != nil {
		return err
	}
	aside, err := os.CreateTemp(f.path, name+".*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(aside.Name())
	_, err = aside.Write(text)
	if err := errors.Join(err, aside.Sync(), aside.Close()); err != nil {
		return err
	}
	return os.Rename(aside.Name(), filepath.Join(f.path, name))
}

// Hasher returns hash with a memory, hashes.json: the same password always gets the same hash in an instance. Hashes are
// salted, and a sandbox takes another hash for another password: without the memory, each change of a lab would undo
// what students changed with passwd. A password is named by its MAC under the secret, never kept.
func (f Folder) Hasher(hash func(password string) (string, error)) (func(password string) (string, error), error) {
	name, err := f.Secrets()
	if err != nil {
		return nil, err
	}
	known := map[string]string{}
	text, err := f.read("hashes.json")
	if err == nil && text != nil {
		err = json.Unmarshal(text, &known)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(f.path, "hashes.json"), err)
	}
	var mu sync.Mutex
	return func(password string) (string, error) {
		key := name("hash/" + password)
		mu.Lock()
		made, ok := known[key]
		mu.Unlock()
		if ok {
			return made, nil
		}
		made, err := hash(password)
		if err != nil {
			return "", err
		}
		mu.Lock()
		defer mu.Unlock()
		known[key] = made
		text, err := json.Marshal(known)
		if err != nil {
			return "", err
		}
		return made, f.write("hashes.json", text)
	}, nil
}
