package drawing

import (
	"fmt"
	"time"

	"maillab/internal/lab/task"
	"maillab/internal/progress"
)

// Measures of the plots, in units of their own: the page scales them.
const (
	plotWidth  = 900
	plotLeft   = 60
	plotRight  = 150 // for what the lines are
	plotTop    = 16
	plotHeight = 260
	barLeft    = 300 // where bars begin: before it stands the task
	barRight   = 150 // for the numbers behind
	bar        = 28  // from bar to bar
)

// Course draws what a class had passed over the time: the middle of the class as a line, the half around it as a band.
func Course(p progress.Pace, zone *time.Location, lang string) []byte {
	c := &canvas{}
	right, bottom := plotWidth-plotRight, plotTop+plotHeight
	x := func(t time.Time) int { return plotLeft + scaled(t.Sub(p.Begin), p.End.Sub(p.Begin), right-plotLeft) }
	y := func(passed int) int { return bottom - scaled(passed, max(p.Total, 1), plotHeight) }
	for _, n := range marks(p.Total) {
		c.line(plotLeft, y(n), right, y(n), "level")
		c.text(plotLeft-8, y(n)+4, 6, "time", fmt.Sprint(n))
	}
	for i := range 6 {
		at := p.Begin.Add(p.End.Sub(p.Begin) * time.Duration(i) / 5)
		c.text(x(at), bottom+20, 20, "who", clockOf(p, at, zone))
	}
	if n := len(p.Moments); n > 0 {
		band, middle := "", ""
		for i, m := range p.Moments {
			band += fmt.Sprintf("%s%d %d", map[bool]string{true: "M", false: "L"}[i == 0], x(m.At), y(m.Quick))
			middle += fmt.Sprintf("%s%d %d", map[bool]string{true: "M", false: "L"}[i == 0], x(m.At), y(m.Middle))
		}
		for i := range p.Moments {
			m := p.Moments[n-1-i]
			band += fmt.Sprintf("L%d %d", x(m.At), y(m.Slow))
		}
		c.path("band", "%sz", band)
		c.path("middle", "%s", middle)
		c.ends(right+26, p.Moments[n-1], y, lang)
	}
	return c.finish(plotWidth, bottom+30, "plot", courseTitle().In(lang))
}

// ends names the lines where they end, none upon another.
func (c *canvas) ends(x int, last progress.Moment, y func(int) int, lang string) {
	const apart = 16
	at := [3]int{y(last.Quick), y(last.Middle), y(last.Slow)}
	at[2] = min(max(at[2], at[1]+apart), y(0))
	at[1] = min(at[1], at[2]-apart)
	at[0] = min(at[0], at[1]-apart)
	for i, one := range quartersNamed(last.Quick, last.Middle, last.Slow) {
		class := "end"
		if i == 1 {
			class = "end middle"
		}
		c.text(x, at[i]+4, 20, class, one.In(lang))
	}
}

func quartersNamed(quick, middle, slow int) [3]task.Text {
	return [3]task.Text{
		{"fr": fmt.Sprintf("quart rapide : %d", quick), "en": fmt.Sprintf("quick quarter: %d", quick)},
		{"fr": fmt.Sprintf("milieu : %d", middle), "en": fmt.Sprintf("middle: %d", middle)},
		{"fr": fmt.Sprintf("quart lent : %d", slow), "en": fmt.Sprintf("slow quarter: %d", slow)},
	}
}

func courseTitle() task.Text {
	return task.Text{"fr": "Tâches réussies au fil du temps", "en": "Tasks passed over the time"}
}

// scaled is where a part of a whole is in so much room.
func scaled[N int | time.Duration](part, whole N, room int) int {
	if whole <= 0 {
		return 0
	}
	return int(float64(part) / float64(whole) * float64(room))
}

// marks are the numbers at an axis, at most six steps: 0 5 10 15 20.
func marks(most int) (all []int) {
	step := max(1, (most+5)/6)
	if step > 2 && step < 5 {
		step = 5
	}
	for n := 0; n <= most; n += step {
		all = append(all, n)
	}
	return all
}

// clockOf is a time at the axis: with its day, where there are several.
func clockOf(p progress.Pace, at time.Time, zone *time.Location) string {
	switch length := p.End.Sub(p.Begin); {
	case length > 18*time.Hour:
		return at.In(zone).Format("02/01 15:04")
	case length < 10*time.Minute:
		return at.In(zone).Format("15:04:05")
	}
	return at.In(zone).Format("15:04")
}

// CourseTold is the same in words: a line for some of the moments.
func CourseTold(p progress.Pace, zone *time.Location, lang string) (lines []string) {
	for i := 0; i < len(p.Moments); i += max(1, (len(p.Moments)-1)/8) {
		m := p.Moments[i]
		line := clockOf(p, m.At, zone)
		for j, one := range quartersNamed(m.Quick, m.Middle, m.Slow) {
			line += map[bool]string{true: " – ", false: ", "}[j == 0] + one.In(lang)
		}
		lines = append(lines, line)
	}
	return lines
}

// Times draws how long each task took: the half of the class around the middle as a bar, the middle as a mark in it.
func Times(p progress.Pace, title func(id string) string, lang string) []byte {
	c := &canvas{}
	longest := time.Duration(1)
	for _, t := range p.Tasks {
		longest = max(longest, t.Slow)
	}
	for i, t := range p.Tasks {
		y := i * bar
		c.text(0, y+18, 42, "task-name", title(t.ID))
		c.line(barLeft, y+bar-3, plotWidth-barRight, y+bar-3, "level")
		if t.Known == 0 {
			c.text(barLeft+6, y+18, 60, "time none", nobodyYet(t).In(lang))
			continue
		}
		x := func(d time.Duration) int { return barLeft + scaled(d, longest, plotWidth-barRight-barLeft) }
		c.rect(x(t.Quick), y+5, max(4, x(t.Slow)-x(t.Quick)), bar-12, "span")
		c.rect(x(t.Middle)-2, y+3, 4, bar-8, "middle")
		c.text(plotWidth-barRight+12, y+18, 24, "end", Period(t.Middle)+" · "+counted(t.Passed).In(lang))
	}
	name := task.Text{"fr": "Temps par tâche", "en": "Time per task"}
	return c.finish(plotWidth, max(bar, len(p.Tasks)*bar), "plot times", name.In(lang))
}

func nobodyYet(t progress.TaskPace) task.Text {
	if t.Passed > 0 {
		return task.Text{"fr": fmt.Sprintf("réussie par %d, durée inconnue", t.Passed), "en": fmt.Sprintf("passed by %d, how long is not known", t.Passed)}
	}
	return task.Text{"fr": "personne encore", "en": "nobody yet"}
}

func counted(n int) task.Text {
	return task.Text{"fr": fmt.Sprintf("%d étud.", n), "en": fmt.Sprintf("%d stud.", n)}
}

// Period is a length of time as short as it is told: 45 s, 4 min, 1 h 20.
func Period(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
	}
	d = d.Round(time.Minute)
	return fmt.Sprintf("%d h %02d", int(d.Hours()), int(d.Minutes())%60)
}
