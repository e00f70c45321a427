package handout

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// full is a class whose sheets hold as much as those of the labs on board do: twenty accounts, each with a password of its own.
func full() Class {
	c := Class{Instance: "lundi", Title: map[string]string{"fr": "TD protocoles SMTP, POP, IMAP", "en": "SMTP, POP and IMAP by hand"}}
	for seat := 1; seat <= 3; seat++ {
		s := Sheet{Student: fmt.Sprintf("Étudiante-Numéro Prénom%d", seat), Seat: seat, Lang: []string{"fr", "en"}[seat%2], Domain: "local.isri.fr",
			Hostname: "test6isri.local.isri.fr", Statement: "statement.fr.md", Tasks: 20, Points: 34, Until: "2026-03-27 18:00"}
		for i, service := range []string{"ssh", "smtp", "pop3", "imap"} {
			s.Services = append(s.Services, Service{service, fmt.Sprintf("machine-de-tp-42.informatique.univ.example:%d", 10000+100*seat+[]int{22, 25, 10, 43}[i])})
		}
		for n := 1; n <= 20; n++ {
			s.Accounts = append(s.Accounts, Account{fmt.Sprintf("util%d", n), fmt.Sprintf("x7kq%d-mv4hd", n), n <= 2})
		}
		c.Sheets = append(c.Sheets, s)
	}
	return c
}

// TestAPageAStudent prints the sheets on both papers, as a browser does.
func TestAPageAStudent(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed: what is printed was not counted")
	}
	html, err := full().HTML()
	if err != nil {
		t.Fatal(err)
	}
	for _, paper := range []string{"A4", "Letter"} {
		dir := t.TempDir()
		file, pdf := filepath.Join(dir, "class.html"), filepath.Join(dir, "class.pdf")
		sized := strings.Replace(html, "@page{", "@page{size:"+paper+";", 1)
		if err := os.WriteFile(file, []byte(sized), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		out, err := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", "--user-data-dir="+filepath.Join(dir, "profile"),
			"--print-to-pdf="+pdf, "file://"+file).CombinedOutput()
		printed, missing := os.ReadFile(pdf)
		if missing != nil {
			t.Fatalf("%s: %v, %v\n%s", paper, missing, err, out)
		}
		if pages := len(regexp.MustCompile(`/Type\s*/Page\b[^s]`).FindAll(printed, -1)); pages != len(full().Sheets) {
			t.Errorf("%s: %d students on %d pages", paper, len(full().Sheets), pages)
		}
		if keep := os.Getenv("MAILLAB_KEEP_SHEETS"); keep != "" { // to be looked at
			if err := os.WriteFile(filepath.Join(keep, paper+".pdf"), printed, 0o600); err != nil {
				t.Error(err)
			}
		}
	}
}
