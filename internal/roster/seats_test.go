package roster

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// person is a student by "key name|number|email".
func person(text string) Student {
	part := strings.Split(text+"||", "|")
	return Student{Key: keyOf(part[0]), Name: part[0], Number: part[1], Email: part[2]}
}

func people(texts ...string) (c Class) {
	for _, text := range texts {
		c.Students = append(c.Students, person(text))
	}
	return c
}

// TestSeat: who is known again, by what, and who is not.
func TestSeat(t *testing.T) {
	first := Seat(nil, people("Lefevre Zoe|1|zoe@x", "Martin Léa|2|lea@x", "bruno")).Given
	for _, c := range []struct {
		name    string
		class   Class
		seats   map[string]int // of the class
		changed []string
	}{
		{"first again", people("Lefevre Zoe|1|zoe@x", "Martin Léa|2|lea@x", "bruno"), map[string]int{"Lefevre Zoe": 1, "Martin Léa": 2, "bruno": 3}, nil},
		{"another order and case", people("BRUNO", "martin léa|2", "Lefevre Zoe|0001"), map[string]int{"Lefevre Zoe": 1, "Martin Léa": 2, "bruno": 3},
			[]string{"Lefevre Zoe (seat 1): number 0001 instead of 1", "Martin Léa (seat 2): renamed, Martin Léa is martin léa", "bruno (seat 3): renamed, bruno is BRUNO"}},
		{"corrected, by number", people("Lefèvre-Durand Zoé|1"), map[string]int{"Lefevre Zoe": 1}, []string{"Lefevre Zoe (seat 1): renamed, Lefevre Zoe is Lefèvre-Durand Zoé"}},
		{"corrected, by e-mail", people("Durand Zoé||ZOE@x"), map[string]int{"Lefevre Zoe": 1},
			[]string{"Lefevre Zoe (seat 1): email ZOE@x instead of zoe@x", "Lefevre Zoe (seat 1): renamed, Lefevre Zoe is Durand Zoé"}},
		{"corrected, by the name's words", people("LEFÈVRE, Zoé", "Léa Martin"), map[string]int{"Lefevre Zoe": 1, "Martin Léa": 2},
			[]string{"Lefevre Zoe (seat 1): renamed, Lefevre Zoe is LEFÈVRE, Zoé", "Martin Léa (seat 2): renamed, Martin Léa is Léa Martin"}},
		{"another address", people("bruno||b@x", "Martin Léa|2|lea@y"), map[string]int{"bruno": 3, "Martin Léa": 2}, []string{"Martin Léa (seat 2): email lea@y instead of lea@x"}},
		{"a corrected number", people("Lefevre Zoe|7|zoe@x"), map[string]int{"Lefevre Zoe": 1}, []string{"Lefevre Zoe (seat 1): number 7 instead of 1"}},
		{"a homonym comes", people("Martin Léa|2", "Martin Léa|9"), map[string]int{"Martin Léa": 2, "Martin Léa 9": 4}, nil},
		{"a homonym of one who left", people("Martin Léa|9|lea.martin@x"), map[string]int{"Martin Léa 9": 4}, nil},
		{"two of one name, and nothing says who was there", people("Bruno|8", "bruno|9"), map[string]int{"Bruno 8": 4, "bruno 9": 5}, nil},
		{"numbers go before addresses", people("Zoe|2|zoe@x"), map[string]int{"Martin Léa": 2},
			[]string{"Martin Léa (seat 2): email zoe@x instead of lea@x", "Martin Léa (seat 2): renamed, Martin Léa is Zoe"}},
		{"an address of two says nothing", people("A|7|zoe@x", "B|8|zoe@x"), map[string]int{"A": 4, "B": 5}, nil},
		{"nobody", people(), map[string]int{}, nil},
	} {
		before, _ := json.Marshal(first)
		got := Seat(first, c.class)
		seats, changed := map[string]int{}, []string(nil)
		for _, s := range got.Class.Students {
			seats[s.Key] = got.Given[s.Key].Seat
		}
		for _, ch := range got.Changed {
			changed = append(changed, ch.String())
		}
		if diff := cmp.Diff(c.seats, seats); diff != "" {
			t.Errorf("%s: seats: -want +got:\n%s", c.name, diff)
		}
		if diff := cmp.Diff(c.changed, changed); diff != "" {
			t.Errorf("%s: changes: -want +got:\n%s", c.name, diff)
		}
		for key, h := range first {
			if got.Given[key].Seat != h.Seat {
				t.Errorf("%s: %s lost seat %d", c.name, key, h.Seat)
			}
		}
		if after, _ := json.Marshal(first); string(after) != string(before) {
			t.Errorf("%s: previous was changed", c.name)
		}
		if again := Seat(got.Given, c.class); len(again.Changed) > 0 || !cmp.Equal(again.Given, got.Given) || !cmp.Equal(again.Class, got.Class) {
			t.Errorf("%s: the same list again changes %v", c.name, again.Changed)
		}
	}
}

// TestSeatComesBack: who left, was renamed meanwhile and comes back has the old seat; who has never been there has one
// that nobody had.
func TestSeatComesBack(t *testing.T) {
	given := Seat(nil, people("a|1", "b|2", "c|3")).Given
	given = Seat(given, people("a|1", "c|3", "d|4")).Given
	given = Seat(given, people("a|1", "new b|2", "d|4")).Given
	if diff := cmp.Diff(map[string]int{"a": 1, "b": 2, "c": 3, "d": 4}, given.Seats()); diff != "" {
		t.Error(diff)
	}
	delete(given, "c")
	if got := Seat(given, people("e|5")).Given["e"].Seat; got != 3 {
		t.Errorf("a seat that was given away is %d", got)
	}
}

// TestGivenKept: what is kept is read again, also where only seats are known.
func TestGivenKept(t *testing.T) {
	given := Seat(nil, people("a|1|a@x", "b")).Given
	text, err := json.Marshal(given)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"a":{"seat":1,"name":"a","number":"1","email":"a@x"},"b":{"seat":2,"name":"b"}}`; string(text) != want {
		t.Errorf("kept as %s", text)
	}
	var read Given
	if err := json.Unmarshal(text, &read); err != nil || !cmp.Equal(read, given) {
		t.Error(read, err)
	}
	var bare Given
	if err := json.Unmarshal([]byte(`{"a":7}`), &bare); err != nil || bare["a"] != (Holder{Seat: 7}) {
		t.Error(bare, err)
	}
	if err := json.Unmarshal([]byte(`{"a":"x"}`), &bare); err == nil {
		t.Error("a seat that is no number is taken")
	}
	if got := given.Holding(map[string]int{"a": 5, "z": 6}); got["a"] != (Holder{5, "a", "1", "a@x"}) || got["z"].Seat != 6 || given["a"].Seat != 1 {
		t.Error(got)
	}
}

func TestKeyOf(t *testing.T) {
	for name, want := range map[string]string{
		"alice": "alice", "Lefèvre, Zoé": "Lefèvre Zoé", "a/b": "a b", "-x": "x", ".y.": "y.", " - ": "", "O'Brien": "O'Brien",
		"Dupont  \"Jojo\"\tJean": "Dupont Jojo Jean", "x\u0000y\uFFFD": "x y",
		strings.Repeat("z", 65):                 strings.Repeat("z", 64),
		strings.Repeat("é", 40):                 strings.Repeat("é", 32),
		strings.Repeat("z", 60) + " de la Tour": strings.Repeat("z", 60) + " de",
	} {
		if got := keyOf(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	taken := keysTaken{}
	for _, want := range []string{"Léa", "Léa 12", "Léa lea", "Léa 2", "Léa 3"} {
		s := Student{Key: "Léa", Number: "12", Email: "lea@x"}
		if taken.has("léa LEA") {
			s = Student{Key: "Léa"}
		}
		got := taken.apart(s)
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
		taken.take(got)
	}
	if got := suffixed(strings.Repeat("é", 32), "20901201"); len(got) > maxKey || !strings.HasSuffix(got, " 20901201") {
		t.Errorf("%q", got)
	}
}

// TestKnown: people of another table, such as a gradebook's, are known as a later class list's students are.
func TestKnown(t *testing.T) {
	given := Given{"zoe": {Seat: 1, Name: "Zoé Lefèvre", Number: "00120"}, "bruno": {Seat: 2, Name: "Bruno Martin", Email: "b@univ.fr"}, "lea": {Seat: 3, Name: "Léa Martin", Number: "7"}}
	got := Known(given, []Student{{Name: "Somebody Else", Email: "B@univ.fr"}, {Number: "120"}, {Name: "MARTIN Lea", Number: "8"}, {Name: "Nobody"}})
	if diff := cmp.Diff([]string{"bruno", "zoe", "", ""}, got); diff != "" {
		t.Error(diff)
	}
}

func TestField(t *testing.T) {
	for column, want := range map[string]string{"Adresse de courriel": "email", "N° Étudiant": "number", "Full name": "name", "Username": "username", "Identifiant": "", "Note": "", "": ""} {
		if got := Field(column); got != want {
			t.Errorf("%q: %q, want %q", column, got, want)
		}
	}
}
