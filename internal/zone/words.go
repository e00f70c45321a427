package zone

import (
	"maillab/internal/lab/problem"
	"maillab/internal/lab/task"
)

// nameForm is what names are made of.
const nameForm = "letters, digits, dashes and dots"

// french has the French of what is said, by its English form.
func french() map[string]string {
	return map[string]string{
		nameForm:                                         "des lettres, des chiffres, des tirets et des points",
		"%d octets are too many: %d at most":             "%d octets, c'est trop : %d au plus",
		"more than %d records":                           "plus de %d enregistrements",
		"a zone has some lines only":                     "une zone n'a que quelques lignes",
		"a quote is not closed":                          "un guillemet n'est pas fermé",
		`close it on the same line: TXT "some text"`:     `fermez-le sur la même ligne : TXT "du texte"`,
		"a text has a character that does not fit":       "un texte a un caractère qui ne convient pas",
		"printable ASCII, without backslashes":           "de l'ASCII imprimable, sans barre oblique inverse",
		"brackets continue a record on further lines":    "des parenthèses continuent un enregistrement sur d'autres lignes",
		"write the record on one line":                   "écrivez l'enregistrement sur une ligne",
		"%q has a character that does not fit":           "%q a un caractère qui ne convient pas",
		"%q is not a name":                               "%q n'est pas un nom",
		"%s is not read here":                            "%s n'est pas lu ici",
		"names are completed with %s: take the line out": "les noms sont complétés par %s : enlevez la ligne",
		"$TTL takes one number of seconds":               "$TTL prend un seul nombre de secondes",
		"a line that begins with a blank has the name of the one before, and there is none": "une ligne qui commence par un blanc a le nom de la précédente, et il n'y en a pas",
		"%s is not in your domain":                                    "%s n'est pas dans votre domaine",
		"names here end in %s":                                        "les noms finissent ici par %s",
		"the type is missing":                                         "il manque le type",
		"NAME TYPE DATA, such as: mx A 198.18.0.1":                    "NOM TYPE DONNÉES, par exemple : mx A 198.18.0.1",
		"a CNAME leads to one name":                                   "un CNAME mène à un seul nom",
		"the lab gives the %s of your domain":                         "le TP donne le %s de votre domaine",
		"take the line out":                                           "enlevez la ligne",
		"take one out":                                                "enlevez l'un des deux",
		"%q is no type of record that is served here":                 "%q n'est pas un type d'enregistrement servi ici",
		"A, MX, CNAME and TXT":                                        "A, MX, CNAME et TXT",
		"an A record holds one IPv4 address":                          "un enregistrement A contient une adresse IPv4",
		"an MX record holds a preference and a name":                  "un enregistrement MX contient une préférence et un nom",
		"%q is no preference: a number, the lowest is tried first":    "%q n'est pas une préférence : un nombre, le plus petit est essayé d'abord",
		"an MX record leads to a name, not to an address":             "un enregistrement MX mène à un nom, pas à une adresse",
		"a name, which has an A record: mx A %s":                      "un nom, qui a un enregistrement A : mx A %s",
		"a TXT record holds a text":                                   "un enregistrement TXT contient un texte",
		"a text of several words is written in quotes":                "un texte de plusieurs mots s'écrit entre guillemets",
		"a text has %d characters: 255 at most in one pair of quotes": "un texte a %d caractères : 255 au plus entre deux guillemets",
		`part it: TXT "first part" "second part"`:                     `coupez-le : TXT "première partie" "seconde partie"`,
		"%s is your domain itself, which cannot be a CNAME":           "%s est votre domaine même, qui ne peut pas être un CNAME",
		"an A record of its own":                                      "un enregistrement A à lui",
		"a CNAME stands alone, and %s is on line %d already":          "un CNAME est seul sous son nom, et %s est déjà à la ligne %d",
	}
}

// said words something in both languages, with what it quotes cut to a length that a terminal can show.
func said(format string, args ...any) task.Text {
	return task.Text{"en": problem.New("", 0, "", format, args...).Message, "fr": problem.New("", 0, "", french()[format], args...).Message}
}

// typed is what is to be typed: the same in every language.
func typed(line string) task.Text {
	line = problem.New("", 0, line, "").Mend
	return task.Text{"en": line, "fr": line}
}
