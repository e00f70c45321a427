package roster

// nameParts are the columns in which a registrar's export without a column `name` has last and first names; nil when it
// has `name`, or not both.
func nameParts(columns map[string]bool) []string {
	if columns["name"] {
		return nil
	}
	for _, parts := range [][]string{{"nom", "prénom"}, {"nom", "prenom"}, {"lastname", "firstname"}, {"last name", "first name"},
		{"surname", "first name"}, {"surname", "given name"}} {
		if columns[parts[0]] && columns[parts[1]] {
			return parts
		}
	}
	return nil
}
