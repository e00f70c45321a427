package roster

import (
	"slices"
	"strings"

	"maillab/internal/roster/sheet"
)

// furthest is how many rows may stand before the header.
const furthest = 200

// header is where a sheet's header row is, and what it means.
type header struct {
	columns
	row   int // in the sheet's rows; -1: no row says who the students are, and columns are those of the widest
	score int
}

// better says whether h is more of a header than other.
func (h header) better(other header) bool {
	if h.score != other.score {
		return h.score > other.score
	}
	return h.score > 0 && len(h.spelled) > len(other.spelled)
}

// headerOf looks for the header row: the one that is understood best, the first among equals. Apogée says where it is.
func headerOf(s sheet.Sheet, mapped map[string]string) header {
	from := 0
	for i, row := range s.Rows {
		if row.Cells != nil && strings.HasPrefix(row.Cells[0], "XX-APO_VALEURS-XX") {
			from = i + 1
			break
		}
	}
	best := header{row: -1}
	widest := 0
	for i := from; i < len(s.Rows) && i < from+furthest; i++ {
		c := understand(s.Rows[i].Cells, mapped)
		score := len(c.of)
		if c.identify() && score > best.score {
			best = header{c, i, score}
		}
		if best.row < 0 && len(c.spelled) > widest {
			widest, best.columns = len(c.spelled), c
		}
		if from > 0 {
			break
		}
	}
	return best
}

// choose takes the sheet that is a class list, the first among equals; of a text, how it is read best.
func choose(b sheet.Book, mapped map[string]string) (sheet.Sheet, header) {
	var chosen sheet.Sheet
	best := header{row: -1}
	for i, s := range b.Sheets {
		if h := headerOf(s, mapped); i == 0 || h.better(best) || best.row < 0 && h.row < 0 && len(h.spelled) > len(best.spelled) {
			chosen, best = s, h
		}
	}
	return chosen, best
}

// same says whether a row is the header again, as on each page of a long list.
func (h header) same(cells []string) bool {
	return slices.EqualFunc(trimmed(h.spelled), trimmed(cells), func(a, b string) bool { return a == strings.Join(strings.Fields(b), " ") })
}

// trimmed leaves the empty cells at the end out.
func trimmed(cells []string) []string {
	for len(cells) > 0 && cells[len(cells)-1] == "" {
		cells = cells[:len(cells)-1]
	}
	return cells
}
