package roster

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"

	"maillab/internal/lab/problem"
)

func encoded(t *testing.T, m *charmap.Charmap, text string) string {
	t.Helper()
	out, err := m.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func inUTF16(text string, little, bom bool) string {
	if bom {
		text = "\uFEFF" + text
	}
	var out []byte
	for _, u := range utf16.Encode([]rune(text)) {
		if little {
			out = append(out, byte(u), byte(u>>8))
		} else {
			out = append(out, byte(u>>8), byte(u))
		}
	}
	return string(out)
}

const apogee = "XX-APO_TITRES-XX\r\napoC_annee\t2025/2026\r\napoC_lib_dip\tMaster \"ISRI\r\napoC_Titre1\tExport Apogée du 13/09/2025 à 14:29\r\n\r\n" +
	"XX-APO_TYP_RES-XX\r\n10\tAB1\tAB2\tABI : Absence\r\n\r\nXX-APO_COLONNES-XX\r\n" +
	"apoL_a01_code\tType Objet\tCode\tVersion\tAnnée\tSession\tAdmission/Admissibilité\tType Rés.\t\t\tEtudiant\tNuméro\r\n" +
	"apoL_a02_nom\t\t\t\t\t\t\t\t\t\t1\tNom\r\napoL_a03_prenom\t\t\t\t\t\t\t\t\t\t1\tPrénom\r\napoL_a04_naissance\t\t\t\t\t\t\t\t\tSession\tAdmissibilité\tNaissance\r\n" +
	"APO_COL_VAL_DEB\r\napoL_c0001\tVET\tV1CJ\t111\t2025\t0\t1\tN\tV1CJ - M1\t0\t1\tNote\r\nAPO_COL_VAL_FIN\r\napoL_c0030\tAPO_COL_VAL_FIN\r\n\r\n" +
	"XX-APO_VALEURS-XX\t\t\r\napoL_a01_code\tapoL_a02_nom\tapoL_a03_prenom\tapoL_a04_naissance\tapoL_c0001\r\n" +
	"20901201\tLEFÈVRE\tZoé\t 23/09/2003\t\r\n20901202\tDUPONT\tJean\t 01/02/2004\t\r\n"

// TestLists: lists as they come, and what is said of them. want is key|number|email|group of each student.
func TestLists(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		o     Options
		want  []string
		said  string
		field string // "column=value" of the first student
	}{
		"sep":                       {"sep=;\nname;number\nalice;1\n", Options{}, []string{"alice|1||"}, "1 student", ""},
		"sep, quoted and with CRLF": {"\"sep=,\"\r\nname,mail\r\n\"Dupont; Jean\",j@x\r\n", Options{}, []string{"Dupont Jean||j@x|"}, "1 student; email from «mail»", ""},
		"sep is a tab":              {"sep=\t\nname\tnumber\nalice\t1\n", Options{}, []string{"alice|1||"}, "1 student", ""},
		"tabs":                      {"name\tnumber\nalice\t1\n", Options{}, []string{"alice|1||"}, "1 student", ""},
		"lines before": {"Université de Picardie;;\n\"M1, \"\"ISRI\"\"\";;\n\nN° étudiant;Nom;Prénom\n20901201;Lefèvre;Zoé\n", Options{}, []string{"Lefèvre Zoé|20901201||"},
			"1 student; name from «Nom», «Prénom»; number from «N° étudiant»; 2 lines before the header left out", "n° étudiant=20901201"},
		"a stray quote before": {"Liste \"M1\nNom;Prénom\nLefèvre;Zoé\n", Options{}, []string{"Lefèvre Zoé|||"}, "1 student; name from «Nom», «Prénom»; 1 line before the header left out", ""},
		"Apogée": {encoded(t, charmap.ISO8859_1, apogee), Options{}, []string{"LEFÈVRE Zoé|20901201||", "DUPONT Jean|20901202||"},
			"2 students; name from «apoL_a02_nom», «apoL_a03_prenom»; number from «apoL_a01_code»; 16 lines before the header left out", "apol_a04_naissance=23/09/2003"},
		"Apogée's tables": {"COD_ETU,LIB_NOM_PAT_IND,LIB_NOM_USU_IND,LIB_PR1_IND\n1,DURAND,LEFÈVRE,Zoé\n2,DUPONT,,Jean\n", Options{}, []string{"LEFÈVRE Zoé|1||", "DUPONT Jean|2||"},
			"2 students; name from «LIB_NOM_USU_IND», «LIB_NOM_PAT_IND», «LIB_PR1_IND»; number from «COD_ETU»", ""},
		"Moodle's participants in French": {"\uFEFFPrénom,Nom,\"Adresse de courriel\",Groupes\nZoé,Lefèvre,zoe@etu.example,\"TP1, TD2\"\nJean,Dupont,jean@etu.example,\n", Options{},
			[]string{"Lefèvre Zoé||zoe@etu.example|TP1, TD2", "Dupont Jean||jean@etu.example|"}, "2 students; name from «Nom», «Prénom»; email from «Adresse de courriel»; group from «Groupes»", "email=zoe@etu.example"},
		"Moodle's grades in French": {"Prénom,Nom de famille,\"Numéro d’identification\",Institution,Département,\"Adresse de courriel\",\"Devoir\u00a0: TP (Brut)\",\"Dernier téléchargement depuis ce cours\"\nZoé,Lefèvre,20901201,,,zoe@x,-,1700000000\n", Options{},
			[]string{"Lefèvre Zoé|20901201|zoe@x|"}, "1 student; name from «Nom de famille», «Prénom»; number from «Numéro d’identification»; email from «Adresse de courriel»", "devoir : tp (brut)=-"},
		"Moodle in English": {"\"First name\",\"Last name\",\"ID number\",\"Email address\",Groups\nZoe,Lefevre,20901201,zoe@x,TP1\n", Options{},
			[]string{"Lefevre Zoe|20901201|zoe@x|TP1"}, "1 student; name from «Last name», «First name»; number from «ID number»; email from «Email address»; group from «Groups»", "first name=Zoe"},
		"Moodle before 4, an assignment": {"Identifiant,\"Nom complet\",\"Adresse de courriel\",Statut,Note\n\"Participant 12\",\"Zoé Lefèvre\",zoe@x,,\n", Options{},
			[]string{"Zoé Lefèvre||zoe@x|"}, "1 student; name from «Nom complet»; email from «Adresse de courriel»", ""},
		"Surname":              {"Surname;First name\nLefevre;Zoe\n", Options{}, []string{"Lefevre Zoe|||"}, "1 student; name from «Surname», «First name»", ""},
		"Name is the last one": {"Name;First name\nLefevre;Zoe\n", Options{}, []string{"Lefevre Zoe|||"}, "1 student; name from «Name», «First name»", "name=Lefevre Zoe"},
		"Étudiant":             {"Code étudiant;Étudiant\n 0012 ;LEFÈVRE Zoé\n", Options{}, []string{"LEFÈVRE Zoé|0012||"}, "1 student; name from «Étudiant»; number from «Code étudiant»", ""},
		"Nom, prénom":          {"Nom, prénom;Groupe TD\nLefèvre, Zoé;TD1\n", Options{}, []string{"Lefèvre Zoé|||TD1"}, "1 student; name from «Nom, prénom»; group from «Groupe TD»", ""},
		"the name in use, where there is one": {"Nom de famille;Nom d'usage;Prénom\nDurand;Lefèvre;Zoé\nDupont;;Jean\n", Options{}, []string{"Lefèvre Zoé|||", "Dupont Jean|||"},
			"2 students; name from «Nom d'usage», «Nom de famille», «Prénom»", ""},
		"last names alone": {"nom;groupe\nDupont;A\n", Options{}, []string{"Dupont|||A"}, "1 student; name from «nom»; group from «groupe»", ""},
		"no names":         {"number,email\n12,zoe.lefevre@x\n13,\n", Options{}, []string{"zoe.lefevre|12|zoe.lefevre@x|", "13|13||"}, "2 students", "name=zoe.lefevre"},
		"no-break blanks": {"N°\u00a0étudiant;Nom\u202fcomplet\n2090\u00a01;\u00a0Zoé\u00a0\u00a0Lefèvre\u00a0\n", Options{}, []string{"Zoé Lefèvre|2090 1||"},
			"1 student; name from «Nom complet»; number from «N° étudiant»", "n° étudiant=2090 1"},
		"UTF-16 little":          {inUTF16("name\tnumber\r\nÉlodie\t1\r\n", true, true), Options{}, []string{"Élodie|1||"}, "1 student", ""},
		"UTF-16 big":             {inUTF16("name\tnumber\r\nÉlodie\t1\r\n", false, true), Options{}, []string{"Élodie|1||"}, "1 student", ""},
		"UTF-16 little, no mark": {inUTF16("name;number\nÉlodie;1\n", true, false), Options{}, []string{"Élodie|1||"}, "1 student", ""},
		"UTF-16 big, no mark":    {inUTF16("name;number\nÉlodie;1\n", false, false), Options{}, []string{"Élodie|1||"}, "1 student", ""},
		"Windows":                {encoded(t, charmap.Windows1252, "name;note\nÉlodie d’Œuf;5 €\n"), Options{}, []string{"Élodie d’Œuf|||"}, "1 student", "note=5 €"},
		"old Excel for Mac":      {encoded(t, charmap.Macintosh, "nom;prénom\rLefèvre;Zoé\rDupont;\"Jean\rJojo\""), Options{}, []string{"Lefèvre Zoé|||", "Dupont Jean Jojo|||"}, "2 students; name from «nom», «prénom»", ""},
		"Windows with CR":        {encoded(t, charmap.Windows1252, "nom;prénom\rLefèvre;Zoé"), Options{}, []string{"Lefèvre Zoé|||"}, "1 student; name from «nom», «prénom»", ""},
		"numbers as formulas":    {"name,number,x\nalice,=\"00123\",\"a,=\"\"b\"\nbruno,\"=\"\"00124\"\"\",\n", Options{}, []string{"alice|00123||", "bruno|00124||"}, "2 students", `x=a,="b`},
		"numbers as quantities": {"name;number\na;2.0901201E7\nb;2,0901202E+07\nc;1.2345E7\nd;20901203,00\ne;20901204.0\nf;-\ng;1.5\nh;1E5\n", Options{},
			[]string{"a|20901201||", "b|20901202||", "c|12345000||", "d|20901203||", "e|20901204||", "f|||", "g|1.5||", "h|1E5||"}, "8 students", ""},
		"addresses": {"name;mail\na;Zoé <zoe@x>\nb;mailto:b@x\nc;néant\nd;d@x, e@x\n", Options{}, []string{"a||zoe@x|", "b||b@x|", "c|||", "d||d@x|"}, "4 students; email from «mail»", ""},
		"map": {"N°;Matr.;Qui;Passe\n1;12;alice;x\n", Options{Map: map[string]string{"number": "matr", "name": "QUI", "password": "passe"}}, []string{"alice|12||"},
			"1 student; name from «Qui»; number from «Matr.»; password from «Passe»", "password=x"},
		"map goes before":           {"number;Code;name\n1;20901201;alice\n", Options{Map: map[string]string{"number": "Code"}}, []string{"alice|20901201||"}, "1 student; number from «Code»", "number=20901201"},
		"map to nothing":            {"name;langue;number\nalice;espagnol;1\n", Options{Map: map[string]string{"lang": "", "number": ""}}, []string{"alice|||"}, "1 student", "langue=espagnol"},
		"group":                     {"name;groupes\na;TP1\nb;TP2\nc;\"TP 1, TD2\"\n", Options{Group: "tp1"}, []string{"a|||TP1", "c|||TP 1, TD2"}, "2 students; group from «groupes»; group tp1: 2 of 3", ""},
		"two columns of groups":     {"name;Groupe TD;Groupe TP\na;1;B\nb;2;A\n", Options{Group: "B"}, []string{"a|||1, B"}, "1 student; group from «Groupe TD», «Groupe TP»; group B: 1 of 2", ""},
		"one of both groups, twice": {"name;number;groupe\na;1;TP1\na;1;TP2\n", Options{Group: "TP2"}, []string{"a|1||TP2"}, "1 student; group from «groupe»; group TP2: 1 of 2", ""},
		"homonyms":                  {"name,number,email\nLéa,1,\nLéa,2,\nlea,,\nLéa,,lea.b@x\n", Options{}, []string{"Léa 1|1||", "Léa 2|2||", "lea|||", "Léa lea.b||lea.b@x|"}, "4 students", ""},
		"keys":                      {"key,name,number\nzoe,\"Lefèvre, Zoé\",1\n,\"Dupont, Jean\",2\n", Options{}, []string{"zoe|1||", "Dupont Jean|2||"}, "2 students", "name=Lefèvre, Zoé"},
		"a page's header again":     {"Nom;Prénom\nLefèvre;Zoé\nNom;Prénom\nDupont;Jean\n", Options{}, []string{"Lefèvre Zoé|||", "Dupont Jean|||"}, "2 students; name from «Nom», «Prénom»", ""},
		"lines below": {"Nom;Prénom\nLefèvre;Zoé\nDupont;Jean\n\nTotal : 2 étudiants\nÉdité le 12/09/2026;\n", Options{}, []string{"Lefèvre Zoé|||", "Dupont Jean|||"},
			"2 students; name from «Nom», «Prénom»; 2 lines below the list left out", ""},
		"the last has a number only": {"name;number\na;1\nb;2\n;3\n", Options{}, []string{"a|1||", "b|2||", "3|3||"}, "3 students", ""},
		"the last has a name only":   {"name;number\na;1\nb;2\nchloé\n", Options{}, []string{"a|1||", "b|2||", "chloé|||"}, "3 students", ""},
		"other columns twice":        {"name;note;note\nalice;1;2\n", Options{}, []string{"alice|||"}, "1 student; «note» is there twice, the first counts", "note=1"},
		"a title is one more word":   {"Étudiant;;\nNom;Prénom;Groupe\nLefèvre;Zoé;A\n", Options{}, []string{"Lefèvre Zoé|||A"}, "1 student; name from «Nom», «Prénom»; group from «Groupe»; 1 line before the header left out", ""},
	} {
		class, understood, err := Read("m1.csv", strings.NewReader(c.text), c.o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.want, shown(class)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
		if understood.String() != c.said {
			t.Errorf("%s: said\n%s, want\n%s", name, understood, c.said)
		}
		if column, value, _ := strings.Cut(c.field, "="); class.Students[0].Fields[column] != value {
			t.Errorf("%s: field %s is %q", name, c.field, class.Students[0].Fields)
		}
		keeps(t, name, class)
	}
}

func shown(c Class) (all []string) {
	for _, s := range c.Students {
		all = append(all, strings.Join([]string{s.Key, s.Number, s.Email, s.Fields["group"]}, "|"))
	}
	return all
}

// keeps checks that what is kept of a class is the class.
func keeps(t *testing.T, name string, class Class) {
	t.Helper()
	again, understood, err := Read("kept", strings.NewReader(string(class.CSV())), Options{})
	if err != nil {
		t.Errorf("%s: kept as\n%s: %v", name, class.CSV(), err)
		return
	}
	if understood.Before > 0 || understood.After > 0 {
		t.Errorf("%s: of what was kept lines are left out: %s", name, understood)
	}
	if diff := cmp.Diff(strip(class), strip(again)); diff != "" {
		t.Errorf("%s: kept as\n%s-want +got:\n%s", name, class.CSV(), diff)
	}
}

// strip leaves out where a class is from, and fields that nobody has.
func strip(c Class) (all []Student) {
	for _, s := range c.Students {
		fields := map[string]string{}
		for name, value := range s.Fields {
			if value != "" {
				fields[name] = value
			}
		}
		if s.Fields["lang"] != "" {
			fields["lang"] = s.Lang
		}
		s.Fields, s.Line = fields, 0
		all = append(all, s)
	}
	return all
}

func TestOptionProblems(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		o    Options
		want string
	}{
		"no such column": {"Nom;Groupe\na;1\n", Options{Map: map[string]string{"number": "Code", "email": "Mél"}},
			"m1.csv:1: --map email=\"Mél\": there is no such column; the columns are «Nom», «Groupe»\nm1.csv:1: --map number=\"Code\": there is no such column; the columns are «Nom», «Groupe»"},
		"no such column, and no header": {"A;B\n1;2\n", Options{Map: map[string]string{"number": "Code"}}, "m1.csv: --map number=\"Code\": there is no such column; the columns are «A», «B»"},
		"no groups":                     {"Nom;Prénom\na;b\n", Options{Group: "TP1"}, "m1.csv:1: no column of groups, so nobody is in TP1; the columns are «Nom», «Prénom» (say what it is called: --map group=COLUMN)"},
		"no such group":                 {"name;group\na;TP2\nb;\"TP2,TD1\"\n", Options{Group: "TP1"}, "m1.csv: nobody is in group TP1; the groups are TD1 (1), TP2 (2)"},
	} {
		_, _, err := Read("m1.csv", strings.NewReader(c.text), c.o)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := Read("x", failing{}, Options{}); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

var errBroken = errors.New("broken")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errBroken }

// FuzzRead: whatever the file, the class is sound and can be kept, or there are problems; and seats never clash.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"name,lang\nalice,fr\nbruno,\n", "\xEF\xBB\xBFname;number\r\nAlice;\"1;2\"\r\n", "name\n\xE9lodie\n", "name;x\na;\"b\n", "\xFF\xFEn\x00", ";;\n\n",
		"name,name\na,b\n", "name\nA\na\n", "name,\u00a0lang\nx,EN\n", "sep=;\nNom;Prénom;N° étudiant;Groupes\na;b;=\"01\";\"TP1, TP2\"\n", apogee,
		"name;number;email\nLéa;1;\nLéa;2;a@b\nLéa;;c@d\nTotal: 3\n",
	} {
		f.Add([]byte(seed), "TP1")
		f.Add([]byte(seed), "")
	}
	f.Fuzz(func(t *testing.T, data []byte, group string) {
		class, _, err := Read("f", strings.NewReader(string(data)), Options{Group: group})
		if err != nil {
			var list problem.List
			if !errors.As(err, &list) || len(list) == 0 || len(list) > maxProblem {
				t.Fatalf("problems: %v", err)
			}
			return
		}
		seen := map[string]bool{}
		for _, s := range class.Students {
			if s.Key == "" || len(s.Key) > maxKey || keyOf(s.Key) != s.Key || seen[strings.ToLower(s.Key)] {
				t.Fatalf("unsound: %+v", s)
			}
			seen[strings.ToLower(s.Key)] = true
		}
		keeps(t, "fuzz", class)
		seating := Seat(Given{"gone": {Seat: 2}}, class)
		taken := map[int]bool{}
		for _, seat := range seating.Given.Seats() {
			if seat < 1 || taken[seat] {
				t.Fatalf("seat %d", seat)
			}
			taken[seat] = true
		}
		if again := Seat(seating.Given, class); !cmp.Equal(again, Seating{Class: seating.Class, Given: seating.Given}) {
			t.Fatalf("the same list again:\n%s", cmp.Diff(seating, again))
		}
	})
}
