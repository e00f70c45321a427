package instance

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"maillab/internal/certificate"
	"maillab/internal/filelock"
	"maillab/internal/outline"
	"maillab/internal/register"
	"maillab/internal/roster"
	"maillab/internal/safeio"
	"maillab/internal/spec"
)

// Held is the folder of an instance that this process is the only one to change, until Release. Nothing in a folder can be
// changed but through one; so whoever changes something has held the folder since before it read what the change follows
// from, as long as it looks at the instance anew once it holds it.
type Held struct {
	Folder
	release func()
}

// Lock holds the folder, and makes it when it is not there. waiting is called when that takes a while.
func (f Folder) Lock(ctx context.Context, waiting func()) (*Held, error) {
	for {
		if err := os.MkdirAll(f.path, 0o700); err != nil {
			return nil, err
		}
		release, err := filelock.Wait(ctx, filepath.Join(f.path, lockFile), waiting)
		if errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil {
			continue // somebody has removed the folder just now
		}
		if err != nil {
			return nil, err
		}
		return &Held{Folder: f, release: release}, nil
	}
}

// Release lets others change the instance. A folder in which nothing was kept goes with it, also one that has a secret from
// which nothing was made, as after an up that was refused.
func (h *Held) Release() {
	entries, err := os.ReadDir(h.path)
	kept := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() != lockFile && e.Name() != secretFile })
	if err == nil && !kept {
		_ = h.Remove() // an empty folder that stays is of no harm
	}
	h.release()
}

// Remove forgets everything about the instance.
func (h *Held) Remove() error { return os.RemoveAll(h.path) }

// KeepSeats keeps the seats that were given.
func (h *Held) KeepSeats(seats roster.Given) error { return h.keep(seatsFile, seats) }

// KeepLab keeps where the lab is.
func (h *Held) KeepLab(ref string) error { return h.write(labFile, []byte(ref+"\n")) }

// KeepRoster keeps a class list; nil forgets it.
func (h *Held) KeepRoster(text []byte) error {
	if text == nil {
		return h.forget(rosterFile)
	}
	return h.write(rosterFile, text)
}

// KeepPublished keeps where the doors are.
func (h *Held) KeepPublished(p Published) error { return h.keep(publishedFile, p) }

// KeepInstead keeps what was said in place of the lab.
func (h *Held) KeepInstead(i Instead) error { return h.keep(insteadFile, i) }

// KeepOutlines keeps what the sandboxes are to be.
func (h *Held) KeepOutlines(all map[int]outline.Outline) error { return h.keep(outlinesFile, all) }

// KeepPlace keeps on which engine the instance is. It is kept before anything of it is there, so that nobody begins it anew
// elsewhere while that engine does not answer.
func (h *Held) KeepPlace(p Place) error {
	if err := h.keep(placeFile, p); err != nil {
		return err
	}
	return h.forget(downFile)
}

// KeepDown is for when nothing of the instance runs: where anything is kept of it, so is since when it is down.
func (h *Held) KeepDown(now time.Time) error {
	sheet, err := h.Sheet()
	since, sinceErr := h.DownSince()
	if err = errors.Join(err, sinceErr); err != nil || sheet == nil || !since.IsZero() {
		return err
	}
	return h.keep(downFile, now.UTC())
}

// ForgetPlace is for when nothing of the instance is left.
func (h *Held) ForgetPlace(now time.Time) error {
	if err := h.KeepDown(now); err != nil {
		return err
	}
	return h.forget(placeFile)
}

// KeepSecret sees to it that there is a secret from now on.
func (h *Held) KeepSecret() error {
	secret, err := h.read(secretFile)
	if err != nil || secret != nil {
		return err
	}
	return h.write(secretFile, newSecret())
}

// KeepCertificates keeps the authority and what it issued.
func (h *Held) KeepCertificates(set certificate.Set) error { return h.keep(issuedFile, set) }

// Enter puts entries into the register, in place of older ones.
func (h *Held) Enter(entries ...register.Entry) error {
	all, err := h.Register()
	if err != nil {
		return err
	}
	return h.keep(registerFile, all.With(entries...))
}

// KeepPassword keeps a password that the teacher gave an account.
func (h *Held) KeepPassword(seat int, account, password string) error {
	changed, err := h.Passwords()
	if err != nil {
		return err
	}
	if changed[seat] == nil {
		changed[seat] = map[string]string{}
	}
	changed[seat][account] = password
	return h.keep(passwordsFile, changed)
}

// KeepSheet keeps what everybody is given, and the names of the tasks. Of a student's accounts the first so many are those
// that the lab assigns.
func (h *Held) KeepSheet(specs map[int]spec.Sandbox, tasks Tasks, assigned int, r Reach) error {
	sheet := sheetOf(specs, tasks, assigned, r)
	return errors.Join(h.own(sheet), h.keep(accountsFile, sheet))
}

// Hasher returns hash with a memory: the same password always gets the same hash in an instance. Hashes are salted, and a
// sandbox takes another hash for another password: without the memory, each change of a lab would undo what students changed
// with passwd. A password is named by its MAC under the secret, never kept.
func (h *Held) Hasher(hash func(password string) (string, error)) (func(password string) (string, error), error) {
	if err := h.KeepSecret(); err != nil {
		return nil, err
	}
	name, err := h.Secrets()
	if err != nil {
		return nil, err
	}
	known := map[string]string{}
	if _, err := h.value(hashesFile, &known); err != nil {
		return nil, err
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
		return made, h.keep(hashesFile, known)
	}, nil
}

// BeginWith has a folder in which there are no seats yet begin with those of another, its secret and its hashes.
func (h *Held) BeginWith(other Folder) error {
	if seats, err := h.read(seatsFile); err != nil || seats != nil {
		return err
	}
	for _, name := range []string{secretFile, hashesFile, seatsFile} {
		text, err := other.read(name)
		if err == nil && text != nil {
			err = h.write(name, text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (h *Held) keep(name string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return h.write(name, append(text, '\n'))
}

func (h *Held) write(name string, text []byte) error {
	return safeio.WriteFile(filepath.Join(h.path, name), text, 0o600, safeio.Durable)
}

func (h *Held) forget(name string) error {
	if err := os.Remove(filepath.Join(h.path, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
