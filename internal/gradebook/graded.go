package gradebook

// Graded is a book as JSON.
type Graded struct {
	Instance string          `json:"instance"`
	Title    string          `json:"title"`
	Maximum  float64         `json:"maximum"` // of points
	OutOf    float64         `json:"outOf"`   // of grades
	Students []GradedStudent `json:"students"`
}

// GradedStudent is a student of it.
type GradedStudent struct {
	Seat     int          `json:"seat"`
	Student  string       `json:"student"`
	Name     string       `json:"name"`
	Number   string       `json:"number,omitempty"`
	Email    string       `json:"email,omitempty"`
	Username string       `json:"username,omitempty"`
	Did      bool         `json:"did"` // anything at all
	Points   float64      `json:"points"`
	Grade    *float64     `json:"grade"` // null: nothing was done
	Tasks    []GradedTask `json:"tasks"`
}

// GradedTask is what a student has for a task.
type GradedTask struct {
	ID      string  `json:"id"`
	Points  float64 `json:"points"`
	Maximum float64 `json:"maximum"`
	Comment string  `json:"comment,omitempty"`
}

// Graded is the book with its grades.
func (b Book) Graded(instance string, scale Scale) Graded {
	out := Graded{Instance: instance, Title: b.Title, Maximum: b.Maximum(), OutOf: scale.Best(b.Maximum()), Students: []GradedStudent{}}
	for _, s := range b.Students {
		one := GradedStudent{Seat: s.Seat, Student: s.Key, Name: s.name(), Number: s.Number, Email: s.Email, Username: s.Fields["username"],
			Did: s.Did, Points: rounded(b.Points(s), 0.001), Tasks: []GradedTask{}}
		if s.Did {
			grade := b.grade(s, scale).number
			one.Grade = &grade
		}
		for _, t := range b.Tasks {
			m := s.Marks[t.ID]
			one.Tasks = append(one.Tasks, GradedTask{t.ID, rounded(m.Points, 0.001), t.Points, m.Comment})
		}
		out.Students = append(out.Students, one)
	}
	return out
}
