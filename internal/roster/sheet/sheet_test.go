package sheet

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"maillab/internal/lab/problem"
)

// book is a workbook made here; fill puts into its only sheet, Feuil1, what it likes.
func book(t testing.TB, fill func(set func(cell string, value any), f *excelize.File)) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	must(f.SetSheetName("Sheet1", "Feuil1"))
	fill(func(cell string, value any) { must(f.SetCellValue("Feuil1", cell, value)) }, f)
	var b bytes.Buffer
	must(f.Write(&b))
	return b.Bytes()
}

// styled gives a cell a number format.
func styled(t testing.TB, f *excelize.File, cell, format string) {
	t.Helper()
	style, err := f.NewStyle(&excelize.Style{CustomNumFmt: &format})
	if err == nil {
		err = f.SetCellStyle("Feuil1", cell, cell, style)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// pack is a zip file.
func pack(t testing.TB, parts map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range parts {
		part, err := w.Create(name)
		if err == nil {
			_, err = part.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// openDocumentOf is an ODS file with this in its body.
func openDocumentOf(t testing.TB, tables string) []byte {
	return pack(t, map[string]string{
		"mimetype": "application/vnd.oasis.opendocument.spreadsheet",
		"content.xml": `<?xml version="1.0" encoding="UTF-8"?><office:document-content xmlns:office="` + nsOffice + `" xmlns:table="` + nsTable + `" xmlns:text="` + nsText +
			`" xmlns:style="` + nsStyle + `"><office:automatic-styles><style:style style:name="ta2" style:family="table"><style:table-properties table:display="false"/></style:style>` +
			`</office:automatic-styles><office:body><office:spreadsheet>` + tables + `</office:spreadsheet></office:body></office:document-content>`,
	})
}

// rows shows a sheet: line: cell|cell.
func rows(s Sheet) (all []string) {
	for _, r := range s.Rows {
		all = append(all, fmt.Sprintf("%d: %s", r.Line, strings.TrimRight(strings.Join(r.Cells, "|"), "|")))
	}
	return all
}

func TestWorkbook(t *testing.T) {
	data := book(t, func(set func(string, any), f *excelize.File) {
		for cell, value := range map[string]any{
			"A1": "Étudiant", "C1": "Groupe", "A2": "Nom", "B2": "Prénom", "A4": "Lefèvre", "B4": " Zoé\u00a0", "C4": "TP1", "A5": "Dupont", "B5": "Jean", "A6": "Durand",
			"D3": "kinds", "H3": "formulas", "D4": 20901201, "D5": 20901202.0, "D6": 12345678901234, "E4": 901201, "E5": 0.1, "E6": 2.0901201e7,
			"F4": time.Date(2003, 9, 23, 0, 0, 0, 0, time.UTC), "F5": true, "F6": "00123", "A8": "after a gap", "G4": 20901201.0, "G5": 0.5, "G6": 1234.5,
		} {
			set(cell, value)
		}
		styled(t, f, "E4", "00000000")
		styled(t, f, "D6", "0.00E+00")
		styled(t, f, "F4", "dd/mm/yyyy")
		styled(t, f, "G4", "#,##0.00")
		styled(t, f, "G5", "0%")
		styled(t, f, "D20", "0") // formatted, and empty
		for _, err := range []error{f.MergeCell("Feuil1", "A1", "B1"), f.MergeCell("Feuil1", "C1", "C2"), f.MergeCell("Feuil1", "C4", "C5"),
			f.SetCellFormula("Feuil1", "H4", "1+1"), f.SetCellFormula("Feuil1", "H5", "1+1")} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := f.NewSheet("Notes"); err != nil {
			t.Fatal(err)
		}
		if err := f.SetSheetVisible("Notes", false); err != nil {
			t.Fatal(err)
		}
	})
	data = edited(t, data, func(text string) string { // as other programs leave it: no value, no type
		return strings.Replace(text, `<c r="H4" t="str">`, `<c r="H4">`, 1)
	})
	b, err := Read(data)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"1: Étudiant||Groupe", "2: Nom|Prénom|Groupe", "3: |||kinds||||formulas",
		"4: Lefèvre|Zoé|TP1|20901201|00901201|2003-09-23|20901201|#FORMULA!",
		"5: Dupont|Jean|TP1|20901202|0.1|TRUE|0.5",
		"6: Durand|||12345678901234|20901201|00123|1234.5", "8: after a gap",
	}
	if len(b.Sheets) != 1 || b.Format != "XLSX" || b.Sheets[0].Name != "Feuil1" {
		t.Fatalf("%+v", b)
	}
	if diff := cmp.Diff(want, rows(b.Sheets[0])); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestOpenDocument(t *testing.T) {
	cell := func(text string) string {
		return `<table:table-cell office:value-type="string"><text:p>` + text + `</text:p></table:table-cell>`
	}
	number := func(value, text string) string {
		return `<table:table-cell office:value-type="float" office:value="` + value + `"><text:p>` + text + `</text:p></table:table-cell>`
	}
	data := openDocumentOf(t, `<table:table table:name="caché" table:style-name="ta2"><table:table-row>`+cell("no")+`</table:table-row></table:table>`+
		`<table:table table:name="Feuille1"><table:table-header-rows><table:table-row>`+
		`<table:table-cell table:number-columns-spanned="2"><text:p>Étudiant</text:p></table:table-cell><table:covered-table-cell/>`+
		`<table:table-cell table:number-rows-spanned="2"><text:p>Groupe</text:p></table:table-cell></table:table-row>`+
		`<table:table-row>`+cell("Nom")+cell("Pr<text:span>énom</text:span>")+`<table:covered-table-cell/></table:table-row></table:table-header-rows>`+
		`<table:table-row table:number-rows-repeated="3"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>`+
		`<table:table-row-group><table:table-row>`+cell("Lefèvre<text:s text:c=\"2\"/>Durand")+
		`<table:table-cell office:value-type="string"><office:annotation><text:p>a note</text:p></office:annotation><text:p>Zoé</text:p><text:p>Anne<text:line-break/>Léa</text:p></table:table-cell>`+
		`<table:table-cell table:number-columns-repeated="2"/>`+number("20901201", "2,09E+07")+number("901201", "00901201")+number("20901201", "20 901 201,00")+`</table:table-row></table:table-row-group>`+
		`<table:table-row table:number-rows-repeated="2">`+cell("Dupont")+`<table:table-cell office:value-type="date" office:date-value="2003-09-23"><text:p>23/09/03</text:p></table:table-cell>`+
		`<table:table-cell table:formula="of:=1+1"/><table:table-cell table:formula="of:=1+1" office:value-type="float" office:value="2"><text:p>2</text:p></table:table-cell>`+
		`<table:table-cell table:number-columns-repeated="16380"/></table:table-row>`+
		`<table:table-row table:number-rows-repeated="1048560"><table:table-cell table:number-columns-repeated="16384"/></table:table-row></table:table>`)
	b, err := Read(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Sheets) != 1 || b.Format != "ODS" || b.Sheets[0].Name != "Feuille1" {
		t.Fatalf("%+v", b)
	}
	want := []string{"1: Étudiant||Groupe", "2: Nom|Prénom|Groupe", "6: Lefèvre  Durand|Zoé\nAnne\nLéa|||20901201|00901201|20901201",
		"7: Dupont|23/09/03|#FORMULA!|2", "8: Dupont|23/09/03|#FORMULA!|2"}
	if diff := cmp.Diff(want, rows(b.Sheets[0])); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestBounds: what is small and unpacks or unfolds to something large is refused, and said so.
func TestBounds(t *testing.T) {
	bomb := strings.Repeat(" ", 65<<20)
	row := `<table:table-row%s><table:table-cell%s><text:p>x</text:p></table:table-cell></table:table-row>`
	deep := strings.Repeat("<text:span>", 1<<16) + "x" + strings.Repeat("</text:span>", 1<<16)
	sheet := func(row string) string { return `<table:table table:name="a">` + row + `</table:table>` }
	wide := book(t, func(set func(string, any), _ *excelize.File) {
		set("A1", "name")
		set("XFD2", "x")
	})
	far := edited(t, book(t, func(set func(string, any), _ *excelize.File) { set("A1", "name") }), func(text string) string {
		return strings.Replace(text, "</sheetData>", `<row r="1048576"><c r="A1048576" t="str"><v>last</v></c></row></sheetData>`, 1)
	})
	long := book(t, func(set func(string, any), _ *excelize.File) {
		for i := range maxRows + 10 {
			set(fmt.Sprintf("A%d", i+1), "x")
		}
	})
	large, unfolds := strings.Repeat("x", 1<<20), "larger than a class list can be (its cells hold more than 16 MiB)"
	parts := map[string]string{
		"xl/_rels/workbook.xml.rels": `<r><Relationship Id="a" Type="t/worksheet" Target="s.xml"/><Relationship Id="b" Type="t/worksheet" Target="s.xml"/><Relationship Id="t" Type="t/sharedStrings" Target="t.xml"/></r>`,
		"xl/workbook.xml":            `<w><sheet name="a" id="a"/></w>`,
		"xl/t.xml":                   `<t><si><t>` + large + `</t></si></t>`,
		"xl/s.xml":                   `<s>` + strings.Repeat(`<row><c t="s"><v>0</v></c></row>`, 100) + `</s>`,
	}
	shared := pack(t, parts)
	parts["xl/workbook.xml"] = `<w><sheet name="a" id="a"/><sheet name="b" id="b"/><sheet name="c" id="a"/></w>`
	parts["xl/t.xml"] = `<t><si><t>x</t></si></t>`
	twice := pack(t, parts)
	for name, c := range map[string]struct {
		data []byte
		want string // "" for none
	}{
		"a large cell repeated":   {openDocumentOf(t, sheet(`<table:table-row><table:table-cell table:number-columns-repeated="256"><text:p>`+large+`</text:p></table:table-cell></table:table-row>`)), unfolds},
		"a large row repeated":    {openDocumentOf(t, sheet(`<table:table-row table:number-rows-repeated="5000"><table:table-cell><text:p>`+large+`</text:p></table:table-cell></table:table-row>`)), unfolds},
		"a large text shared":     {shared, unfolds},
		"one sheet many times":    {twice, "1 sheet"},
		"a bomb for XLSX":         {pack(t, map[string]string{"xl/workbook.xml": bomb}), "larger than a class list can be (it unpacks to more than 64 MiB)"},
		"a bomb for ODS":          {pack(t, map[string]string{"content.xml": "<a>", "x": bomb}), "larger than a class list can be (it unpacks to more than 64 MiB)"},
		"rows repeated":           {openDocumentOf(t, sheet(fmt.Sprintf(row, ` table:number-rows-repeated="1048576"`, ""))), "5001: more than 5000 rows"},
		"columns repeated":        {openDocumentOf(t, sheet(fmt.Sprintf(row, "", ` table:number-columns-repeated="16384"`))), "1: more than 256 columns"},
		"deep":                    {openDocumentOf(t, sheet(`<table:table-row><table:table-cell><text:p>`+deep+`</text:p></table:table-cell></table:table-row>`)), ""},
		"far down":                {far, ""},
		"far to the right":        {wide, "2: more than 256 columns"},
		"a long sheet":            {long, "5001: more than 5000 rows"},
		"a long text":             {[]byte(strings.Repeat("x\n", maxRows+10)), "5001: more than 5000 rows"},
		"a wide text":             {[]byte(strings.Repeat("x,", maxColumns) + "x\n"), "1: more than 256 columns"},
		"cut":                     {wide[:len(wide)-50], "the file is damaged"},
		"not well-formed":         {openDocumentOf(t, `<table:table table:name="a"><table:table-row>`), "the file is damaged"},
		"neither":                 {pack(t, map[string]string{"word/document.xml": "x"}), "a packed file, but neither XLSX nor ODS"},
		"old Excel":               {[]byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), "an Excel file that is old (.xls) or has a password"},
		"PDF":                     {[]byte("%PDF-1.7\n"), "a PDF, not a table"},
		"a page called .xls":      {[]byte("<!DOCTYPE html>\n<html><table><tr><td>Nom</td></tr></table></html>"), "a web page, whatever it is called"},
		"half a letter of UTF-16": {[]byte("\xFF\xFEn\x00a"), "the file is not a table"},
	} {
		b, err := Read(c.data)
		got := ""
		if err != nil {
			got = err.Error()
		} else if len(b.Sheets[0].Problems) > 0 {
			p := b.Sheets[0].Problems[0]
			got = fmt.Sprintf("%d: %s", p.Line, p.Message)
		} else if name == "one sheet many times" {
			got = fmt.Sprintf("%d sheet", len(b.Sheets))
		}
		if got != c.want && (c.want == "" || !strings.Contains(got, c.want)) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// edited is a workbook with another text of its sheet.
func edited(t testing.TB, data []byte, edit func(string) string) []byte {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{}
	for _, f := range archive.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		parts[f.Name] = string(text)
		if strings.HasSuffix(f.Name, "sheet1.xml") {
			parts[f.Name] = edit(string(text))
		}
	}
	return pack(t, parts)
}

// TestTruncatedSheet: a worksheet that ends in the middle is not taken for a short class.
func TestTruncatedSheet(t *testing.T) {
	data := book(t, func(set func(string, any), _ *excelize.File) { set("A1", "name"); set("A2", "alice") })
	data = edited(t, data, func(text string) string { before, _, _ := strings.Cut(text, `<row r="2"`); return before })
	if got, err := Read(data); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestInFull(t *testing.T) {
	for _, c := range [][3]string{
		{"20901201", "20901201", "20901201"}, {"2.09E+07", "20901201", "20901201"}, {"2,09E+07", "2.0901201E7", "20901201"}, {"00901201", "901201", "00901201"},
		{"20 901 201,00", "20901201", "20901201"}, {"23/09/2003", "37887", "23/09/2003"}, {"2003-09-23", "37887", "2003-09-23"}, {"23.09.2003", "37887", "23.09.2003"},
		{"50%", "0.5", "50%"}, {"12", "12.4", "12.4"}, {"0.1", "0.1", "0.1"}, {"-3", "-3", "-3"}, {"0", "0", "0"}, {"", "5", ""}, {"alice", "alice", "alice"},
		{"1E5", "1E5", "100000"}, {"nan", "nan", "nan"}, {"0x1F", "0x1F", "0x1F"}, {"1e999", "1e999", "1e999"},
	} {
		if got := inFull(c[0], c[1]); got != c[2] {
			t.Errorf("shown %q, stored %q: %q, want %q", c[0], c[1], got, c[2])
		}
	}
}

// FuzzRead: whatever the file, there are bounded rows of clean cells, or a problem.
func FuzzRead(f *testing.F) {
	f.Add(book(f, func(set func(string, any), x *excelize.File) {
		set("A1", "name")
		set("A2", 12)
		_ = x.MergeCell("Feuil1", "A2", "A3")
		_ = x.SetCellFormula("Feuil1", "B2", "1+1")
	}))
	f.Add(openDocumentOf(f, `<table:table table:name="a"><table:table-row table:number-rows-repeated="2"><table:table-cell table:number-rows-spanned="2"><text:p>x</text:p></table:table-cell></table:table-row></table:table>`))
	for _, text := range []string{"a,b\n1,\"2\n3\"\n", "sep=;\na;=\"01\"\n", "sep=\t\n", "\xFF\xFEa\x00", "a\rb", "\x8e\r", "<html>", "\"sep=", "sep=|\na|b"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Read(data)
		if err != nil {
			var list problem.List
			if !errors.As(err, &list) || len(list) != 1 {
				t.Fatal(err)
			}
			return
		}
		for _, s := range b.Sheets {
			if len(s.Problems) > maxProblems || len(s.Rows) > maxRows+1 {
				t.Fatal("unbounded")
			}
			for i, r := range s.Rows {
				if r.Line < 1 || i > 0 && s.Rows[i-1].Line >= r.Line || len(r.Cells) > maxColumns {
					t.Fatalf("row %+v", r)
				}
				for _, cell := range r.Cells {
					if clean(cell) != cell {
						t.Fatalf("cell %q is not clean: %q", cell, clean(cell))
					}
				}
			}
		}
	})
}
