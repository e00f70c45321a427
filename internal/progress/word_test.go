package progress

import "testing"

func TestWord(t *testing.T) {
	for text, want := range map[string]float64{"passed": 1, "failed": 0, "0.5": 0.5, "0,5": 0.5, "3/5": 0.6, "1.5/2": 0.75, "0/4": 0, "5/5": 1, ".25": 0.25, "1.0": 1} {
		if m, err := Word(text); err != nil || m == nil || m.Share != want {
			t.Errorf("%q: %v, %v", text, m, err)
		}
	}
	if m, err := Word("auto"); m != nil || err != nil {
		t.Errorf("auto: %v, %v", m, err)
	}
	for _, text := range []string{"", "1", "0", "3", "6/5", "1/0", "-1/2", "1.5", "-0.5", "3/", "/5", "NaN", "n.a", "0.5/", "Inf/2", "1/Inf", "nan/1", "passe", "1/2/3"} {
		if m, err := Word(text); err == nil {
			t.Errorf("%q is %v", text, m)
		}
	}
}
