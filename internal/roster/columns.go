package roster

import (
	"slices"
	"strings"
)

// Names of what is understood of a class list: fields that every list has under these names, however its columns are
// called. The last two make up a name where there is no column for it.
const (
	fieldKey    = "key"
	fieldName   = "name"
	fieldNumber = "number"
	fieldEmail  = "email"
	fieldLogin  = "username"
	fieldGroup  = "group"
	fieldLang   = "lang"
	fieldLast   = "last name"
	fieldFirst  = "first name"
)

// meaning is a field with the column names that are taken for it, as registrars, Moodle and Apogée write them.
type meaning struct {
	field   string
	says    string // whether it says who a student is, and what it is, for people
	aliases []string
}

// identifies says whether a column of this meaning makes a row one of headers.
func (m meaning) identifies() bool {
	return !slices.Contains([]string{fieldLogin, fieldGroup, fieldLang}, m.field)
}

// meanings is the table that docs/teachers.md shows. Of several columns for one field the first in the table counts; where
// a student has nothing in it, the next. A column that is called like the field itself is the only one that counts.
func meanings() []meaning {
	return []meaning{
		{fieldKey, "what the student is called on command lines, if not by name", nil},
		{fieldName, "the whole name", []string{"full name", "student name", "student", "nom complet", "nom et prénom", "nom, prénom",
			"prénom et nom", "prénom nom", "nom de l'étudiant", "étudiant"}},
		{fieldLast, "the last name", []string{"lastname", "surname", "family name", "nom d'usage", "nom usuel", "LIB_NOM_USU_IND", "nom de famille", "nom",
			"nom de naissance", "nom patronymique", "LIB_NOM_PAT_IND", "apoL_a02_nom"}},
		{fieldFirst, "the first name", []string{"firstname", "given name", "prénom d'usage", "prénom usuel", "prénom", "prénom(s)", "prénoms", "LIB_PR1_IND", "apoL_a03_prenom"}},
		{fieldNumber, "the student's number", []string{"student number", "student no", "student id", "ID number", "idnumber", "numéro d'identification",
			"n° étudiant", "no étudiant", "num étudiant", "numéro étudiant", "n° d'étudiant", "numéro d'étudiant", "code étudiant", "COD_ETU", "apoL_a01_code",
			"matricule", "INE", "n° INE", "code INE"}},
		{fieldEmail, "the e-mail address", []string{"e-mail", "mail", "email address", "e-mail address", "adresse de courriel", "courriel",
			"adresse e-mail", "adresse email", "adresse mail", "adresse électronique", "mél", "email étudiant", "mail étudiant",
			"email institutionnel", "mail institutionnel", "email universitaire", "mail universitaire"}},
		{fieldLogin, "the login elsewhere, for gradebooks", []string{"user name", "login", "nom d'utilisateur"}},
		{fieldGroup, "groups, several separated by commas; of several columns all count", []string{"groups", "groupe", "groupes", "groupe de TD", "groupe TD",
			"groupe de TP", "groupe TP"}},
		{fieldLang, "the language: fr or en", []string{"language", "langue"}},
	}
}

// columns is a header row understood.
type columns struct {
	spelled []string         // as they are written
	names   []string         // in lower case: the fields that labs name; "" has none
	of      map[string][]int // the columns of each field, the best first
}

// understand looks at a row as if it were the header. mapped says of a field what its column is called.
func understand(cells []string, mapped map[string]string) columns {
	c := columns{of: map[string][]int{}}
	at := map[string][]int{} // by folded name
	for i, cell := range cells {
		cell = strings.Join(strings.Fields(cell), " ")
		c.spelled = append(c.spelled, cell)
		c.names = append(c.names, strings.ToLower(cell))
		if folded := fold(cell); folded != "" {
			at[folded] = append(at[folded], i)
		}
	}
	for _, m := range meanings() {
		if _, told := mapped[m.field]; told {
			continue
		}
		if own := at[fold(m.field)]; own != nil {
			c.of[m.field] = own
			continue
		}
		for _, alias := range m.aliases {
			for _, i := range at[fold(alias)] {
				if !slices.Contains(c.of[m.field], i) {
					c.of[m.field] = append(c.of[m.field], i)
				}
			}
		}
	}
	for field, column := range mapped {
		if found := at[fold(column)]; found != nil && column != "" {
			c.of[field] = found
		}
	}
	c.surname(mapped)
	return c
}

// Field is what a column of this name means, as the table of docs/teachers.md has it; "" when it means nothing there.
func Field(column string) string {
	for field := range understand([]string{column}, nil).of {
		return field
	}
	return ""
}

// surname takes a column `name` beside one of first names, without one of last names, for the last name.
func (c columns) surname(mapped map[string]string) {
	_, told := mapped[fieldName]
	if at := c.of[fieldName]; !told && c.of[fieldKey] == nil && len(at) == 1 && c.names[at[0]] == fieldName && c.of[fieldFirst] != nil && c.of[fieldLast] == nil {
		c.of[fieldLast] = at
		delete(c.of, fieldName)
	}
}

// identify says whether the row can be a header: it has a column that says who a student is.
func (c columns) identify() bool {
	return slices.ContainsFunc(meanings(), func(m meaning) bool { return m.identifies() && c.of[m.field] != nil })
}

// list are the columns that are there, for messages.
func (c columns) list() []string {
	var quoted []string
	for _, name := range c.spelled {
		if name != "" {
			quoted = append(quoted, "«"+name+"»")
		}
	}
	return quoted
}
