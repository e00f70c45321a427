package roster

// Number is the student's number, as registrars call it; "" when the list has none.
func (s Student) Number() string {
	return s.first("number", "numero", "numéro", "n°", "n° étudiant", "n° etudiant", "numéro étudiant", "numero etudiant", "no étudiant",
		"code étudiant", "code etudiant", "student number", "student id", "id number", "numéro d'identification", "matricule")
}

// EMail is the student's e-mail address; "" when the list has none.
func (s Student) EMail() string {
	return s.first("email", "e-mail", "mail", "courriel", "adresse de courriel", "adresse e-mail", "adresse mail", "email address", "e-mail address")
}

// first is the first field that is there and not empty.
func (s Student) first(columns ...string) string {
	for _, c := range columns {
		if s.Fields[c] != "" {
			return s.Fields[c]
		}
	}
	return ""
}
