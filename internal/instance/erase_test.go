package instance

import (
	"errors"
	"slices"
	"testing"

	"maillab/internal/certificate"
	"maillab/internal/register"
	"maillab/internal/roster"
	"maillab/internal/spec"
)

// TestErase: nothing of a student is left in the folder, and the others' is as it was.
func TestErase(t *testing.T) {
	h, err := OpenFolder(t.TempDir(), "monday").Lock(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Release()
	specs := map[int]spec.Sandbox{1: {Seat: 1, Accounts: []spec.Account{{Name: "util1", Student: "alice"}}}, 2: {Seat: 2, Accounts: []spec.Account{{Name: "util1", Student: "zoe"}}}}
	err = errors.Join(
		h.KeepSeats(roster.Given{"alice": {Seat: 1}, "zoe": {Seat: 2, Name: "Zoé Z", Number: "219"}}), h.KeepRoster([]byte("name,number\nalice,218\nzoe,219\n")),
		h.KeepSheet(specs, Tasks{}, 1, Reach{}), h.KeepPassword(1, "util1", "hers"), h.KeepPassword(2, "util1", "secret"),
		h.KeepCertificates(certificate.Set{Authority: "ca", Issued: map[string]string{"1": "a", "2": "z"}}),
		h.Enter(register.Entry{Seat: 1, Student: "alice"}, register.Entry{Seat: 2, Student: "zoe"}))
	if err != nil {
		t.Fatal(err)
	}
	sheet, err := h.Sheet()
	if err != nil {
		t.Fatal(err)
	}
	zoe := sheet.Instance("monday").People(roster.Given{"alice": {Seat: 1}, "zoe": {Seat: 2, Name: "Zoé Z", Number: "219"}})[1]
	if err := h.Erase(zoe, sheet.AccountsOf("zoe")); err != nil {
		t.Fatal(err)
	}
	seats, _ := h.Seats()
	class, _ := h.Class()
	passwords, _ := h.Passwords()
	issued, _ := h.Certificates()
	kept, _ := h.Register()
	sheet, err = h.Sheet()
	if err != nil || len(seats) != 1 || len(class.Students) != 1 || len(passwords) != 1 || len(issued.Issued) != 1 || !slices.Equal(kept.Students(), []string{"alice"}) ||
		len(sheet.Sandboxes) != 1 || sheet.Sandboxes[0].Accounts[0].Password != "hers" || sheet.AccountsOf("zoe") != nil {
		t.Errorf("%v\n%v\n%v\n%v\n%v\n%v, %v", seats, class, passwords, issued, kept, sheet, err)
	}
	if names := zoe.Names(); !slices.Equal(names, []string{"Zoé Z"}) {
		t.Errorf("%q", names)
	}
}
