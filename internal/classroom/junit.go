package classroom

import (
	"encoding/xml"
	"io"
	"strings"

	"maillab/internal/progress"
)

// The elements of a JUnit report, as continuous integration servers read it.

type junitReport struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Skipped *junitMessage `xml:"skipped,omitempty"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes a report: a suite a student, a case a task. What is blocked, or waits for the teacher, was skipped.
func JUnit(w io.Writer, result Checked) error {
	report := junitReport{Name: result.Instance}
	for _, s := range result.Students {
		suite := junitSuite{Name: s.Student, Tests: len(s.Tasks)}
		for _, t := range s.Tasks {
			c := junitCase{Class: result.Instance + "." + s.Student, Name: t.ID}
			switch t.State {
			case progress.Passed:
				c.Output = xmlText(t.Seen)
			case progress.Failed:
				suite.Failures++
				c.Failure = &junitMessage{Message: xmlText(t.Seen), Text: xmlText(t.Hint)}
			default:
				suite.Skipped++
				c.Skipped = &junitMessage{Message: xmlText(string(t.State) + ": " + t.Seen)}
			}
			suite.Cases = append(suite.Cases, c)
		}
		report.Tests += suite.Tests
		report.Failures += suite.Failures
		report.Suites = append(report.Suites, suite)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(report); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// xmlText leaves out the control characters that XML 1.0 has no way to write (section 2.2).
func xmlText(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
			return -1
		}
		return r
	}, text)
}
