package classroom

import (
	"cmp"
	"context"
	"sync"

	"maillab/internal/deploy"
	"maillab/internal/handout"
	"maillab/internal/instance"
)

// HostKeys asks sandboxes that run; a sheet without one is still a sheet.
func HostKeys(ctx context.Context, i deploy.Running, chosen []instance.Sandbox) map[int]string {
	keys := map[int]string{}
	if !i.Engine.Capabilities().System || !i.Gateway {
		return keys
	}
	client := i.Client()
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	var mu sync.Mutex
	instance.Each(ctx, chosen, func(ctx context.Context, s instance.Sandbox) error {
		key, err := client.Seat(s.Seat).HostKey(ctx)
		mu.Lock()
		defer mu.Unlock()
		keys[s.Seat] = key
		return err
	})
	return keys
}

// SheetOf is the sheet of a student, who is called so; ok is false where nothing was kept of that student's accounts.
func SheetOf(kept *instance.Sheet, i instance.Instance, s instance.Sandbox, p instance.Person, called string) (sheet handout.Sheet, ok bool) {
	sheet = handout.Sheet{Student: p.Key, Seat: p.Seat, Tasks: len(kept.Tasks), Points: kept.Points, Web: i.WebAddress()}
	if !i.Expires.IsZero() {
		sheet.Until = i.Expires.In(kept.Zone()).Format("2006-01-02 15:04")
	}
	if called != p.Key {
		sheet.Name = called
	}
	addresses := s.Addresses(i.Host)
	for _, name := range []string{"ssh", "smtp", "pop3", "imap"} {
		if addresses[name] != "" {
			sheet.Services = append(sheet.Services, handout.Service{Name: name, Address: addresses[name]})
		}
	}
	for _, sandbox := range kept.Sandboxes {
		if sandbox.Seat != s.Seat {
			continue
		}
		sheet.Domain, sheet.Hostname = sandbox.Domain, sandbox.Hostname
		for _, account := range sandbox.Accounts {
			if account.Student == p.Key {
				sheet.Accounts = append(sheet.Accounts, handout.Account{Name: account.Name, Password: account.Password, Own: account.Own})
				sheet.Lang, sheet.Statement = cmp.Or(sheet.Lang, account.Lang), cmp.Or(sheet.Statement, account.Statement)
			}
		}
	}
	return sheet, len(sheet.Accounts) > 0
}
