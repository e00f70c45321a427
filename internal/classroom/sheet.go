package classroom

import (
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
		key, err := client.HostKey(ctx, s.Seat)
		mu.Lock()
		defer mu.Unlock()
		keys[s.Seat] = key
		return err
	})
	return keys
}

func SheetOf(kept *instance.Sheet, s instance.Sandbox, student, host string) (handout.Sheet, bool) {
	sheet := handout.Sheet{Student: student, Seat: s.Seat, Domain: kept.Domain, Hostname: kept.Hostname}
	addresses := s.Addresses(host)
	for _, name := range []string{"ssh", "smtp", "pop3", "imap"} {
		if addresses[name] != "" {
			sheet.Services = append(sheet.Services, handout.Service{Name: name, Address: addresses[name]})
		}
	}
	for _, sandbox := range kept.Sandboxes {
		if sandbox.Seat != s.Seat {
			continue
		}
		for _, account := range sandbox.Accounts {
			if account.Student == student {
				sheet.Accounts = append(sheet.Accounts, handout.Account{Name: account.Name, Password: account.Password, Own: account.Own})
				if sheet.Lang == "" {
					sheet.Lang = account.Lang
				}
			}
		}
	}
	return sheet, len(sheet.Accounts) > 0
}
