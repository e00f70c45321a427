package gradebook

import (
	"bytes"
	"cmp"
	_ "embed"
	"html/template"
	"strings"
)

//go:embed pages.html
var pages string

// pageWords are what a page says.
type pageWords struct{ Of, Task, Points, Comment, Sum, Grade, Nothing string }

func pageWordsOf(lang string) pageWords {
	if lang == "fr" {
		return pageWords{"Résultats de", "Tâche", "Points", "Commentaire", "Total", "Note\u00a0:", "Rien n'a été fait."}
	}
	return pageWords{"Results of", "Task", "Points", "Comment", "Total", "Grade:", "Nothing was done."}
}

// page is one student's.
type page struct {
	Lang, Title, Name string
	Words             pageWords
	Did               bool
	Tasks             []pageTask
	Points, Grade     string // of the maximum; no grade where it is the same
}

type pageTask struct {
	Title, Points string
	Comment       []string // lines
}

// Pages is a page a student, in the student's language, to be handed back: points of the maximum, the grade, the teacher's
// comments. It is HTML that prints one student a page, with no link to anywhere.
func (b Book) Pages(scale Scale) ([]byte, error) {
	t, err := template.New("pages").Parse(pages)
	if err != nil {
		return nil, err
	}
	var all []page
	for _, s := range b.Students {
		all = append(all, b.page(s, scale))
	}
	var out bytes.Buffer
	err = t.Execute(&out, map[string]any{"Lang": cmp.Or(b.Lang, "en"), "Title": b.Title, "Pages": all})
	return out.Bytes(), err
}

func (b Book) page(s Student, scale Scale) page {
	lang := cmp.Or(s.Lang, b.Lang, "en")
	of := func(points, maximum float64) string {
		return inWords(rounded(points, 0), lang) + " / " + inWords(maximum, lang)
	}
	p := page{Lang: lang, Title: cmp.Or(b.Titles[lang], b.Title), Name: s.called(), Words: pageWordsOf(lang), Did: s.Did,
		Points: of(b.Points(s), b.Maximum())}
	if scale.Changes() {
		p.Grade = of(scale.Grade(b.Points(s), b.Maximum()), scale.Best(b.Maximum()))
	}
	for _, t := range b.Tasks {
		m := s.Marks[t.ID]
		one := pageTask{Title: cmp.Or(t.Titles[lang], t.ID), Points: of(m.Points, t.Points)}
		if m.Comment != "" {
			one.Comment = strings.Split(m.Comment, "\n")
		}
		p.Tasks = append(p.Tasks, one)
	}
	return p
}

// inWords is a number as a language writes it.
func inWords(x float64, lang string) string {
	if lang == "fr" {
		return strings.Replace(decimal(x), ".", ",", 1)
	}
	return decimal(x)
}
