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
	alone := map[int]spec.Sandbox{1: specs[1]} // who has left has had accounts all the same
	owned, err := h.Owned()
	if err = errors.Join(err, h.KeepSheet(alone, Tasks{}, 1, Reach{})); err != nil || !slices.Equal(owned["zoe"], []string{"util1"}) {
		t.Fatal(owned, err)
	}
	if again, err := h.Owned(); err != nil || !slices.Equal(again["zoe"], owned["zoe"]) || !slices.Equal(again["alice"], []string{"util1"}) {
		t.Errorf("%v, %v", again, err)
	}
	if err = errors.Join(h.KeepSheet(specs, Tasks{}, 1, Reach{}), h.Erase(zoe, owned["zoe"])); err != nil {
		t.Fatal(err)
	}
	seats, _ := h.Seats()
	class, _ := h.Class()
	passwords, _ := h.Passwords()
	issued, _ := h.Certificates()
	kept, _ := h.Register()
	sheet, err = h.Sheet()
	if owned, err := h.Owned(); err != nil || len(owned) != 1 {
		t.Errorf("%v, %v", owned, err)
	}
	if err != nil || len(seats) != 1 || len(class.Students) != 1 || len(passwords) != 1 || len(issued.Issued) != 1 || !slices.Equal(kept.Students(), []string{"alice"}) ||
		len(sheet.Sandboxes) != 1 || sheet.Sandboxes[0].Accounts[0].Password != "hers" {
		t.Errorf("%v\n%v\n%v\n%v\n%v\n%v, %v", seats, class, passwords, issued, kept, sheet, err)
	}
	if names := zoe.Names(nil); !slices.Equal(names, []string{"Zoé Z"}) {
		t.Errorf("%q", names)
	}
}

// TestEraseTheOnlyOne: a changed password and a certificate that nobody else has are erased, too.
func TestEraseTheOnlyOne(t *testing.T) {
	h, err := OpenFolder(t.TempDir(), "monday").Lock(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Release()
	err = errors.Join(h.KeepSeats(roster.Given{"zoe": {Seat: 2}}), h.KeepPassword(2, "util1", "secret"), h.KeepCertificates(certificate.Set{Authority: "ca", Issued: map[string]string{"2": "z"}}))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Erase(Person{Key: "zoe", Seat: 2, sandbox: 2}, []string{"util1"}); err != nil {
		t.Fatal(err)
	}
	passwords, err1 := h.Passwords()
	issued, err2 := h.Certificates()
	if len(passwords) != 0 || len(issued.Issued) != 0 || err1 != nil || err2 != nil {
		t.Errorf("%v, %v, %v, %v", passwords, issued.Issued, err1, err2)
	}
}

// TestNamesOfHomonyms: what another student is called, too, tells nothing of who is looked for.
func TestNamesOfHomonyms(t *testing.T) {
	lea := Person{Key: "Martin Léa 20901202", Name: "Martin Léa", Number: "20901202", EMail: "lea@univ.example"}
	everybody := People{lea, {Key: "Martin Léa 20901203", Name: "Martin Léa", Number: "20901203"}}
	if names := lea.Names(everybody); !slices.Equal(names, []string{"Martin Léa 20901202", "20901202", "lea@univ.example"}) {
		t.Errorf("%q", names)
	}
}

// TestEver: who has left the class can be found, and is of the server that the class shares, or of a sandbox of an own seat.
func TestEver(t *testing.T) {
	given := roster.Given{"alice": {Seat: 1}, "gone": {Seat: 2, Number: "7"}}
	for _, c := range []struct{ first, want int }{{1, 2}, {0, 0}} {
		i := Instance{Name: "monday", Sandboxes: []Sandbox{{Seat: c.first, Students: []string{"alice"}}}}
		all := i.Ever(given)
		found, err := all.Find("7")
		if len(all) != 2 || err != nil || found[0].Key != "gone" || found[0].Seat != 2 || found[0].sandbox != c.want {
			t.Errorf("%+v, %+v, %v", all, found, err)
		}
	}
}
