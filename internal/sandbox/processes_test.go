//go:build linux

package sandbox

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseProcess(t *testing.T) {
	const head = "Name:\tbash\nUmask:\t0022\n"
	none := [4]int{-1, -1, -1, -1}
	students := [4]int{150001, 150001, 150001, 150001}
	for name, tt := range map[string]struct {
		status          string
		want            process
		real, effective int
	}{
		"runs":        {head + "State:\tS (sleeping)\nPPid:\t12\nUid:\t150001\t150001\t150001\t150001\n", process{5, 12, "bash", students, false}, 150001, 150001},
		"zombie":      {head + "State:\tZ (zombie)\nPPid:\t1\nUid:\t150001\t150001\t150001\t150001\n", process{5, 1, "bash", students, true}, 150001, 150001},
		"dead":        {head + "State:\tX (dead)\nUid:\t0\t0\t0\t0\n", process{5, 0, "bash", [4]int{}, true}, 0, 0},
		"became root": {"Name:\tsu\nState:\tR (running)\nPPid:\t7\nUid:\t150001\t0\t0\t0\n", process{5, 7, "su", [4]int{150001, 0, 0, 0}, false}, 150001, 0},
		"calls itself something odd": {"Name:\tUid:\t150001\nState:\tR (running)\nUid:\t3\t104\t3\t3\n",
			process{5, 0, "Uid:\t150001", [4]int{3, 104, 3, 3}, false}, 3, 104},
		"a name with blanks": {"Name:\ttmux: server\nUid:\t1\t1\t1\t1\n", process{5, 0, "tmux: server", [4]int{1, 1, 1, 1}, false}, 1, 1},
		"uid is no number":   {"Uid:\tx\tx\tx\tx\n", process{pid: 5, uids: none}, -1, -1},
		"a uid too many":     {"Uid:\t1\t1\t1\t1\t1\n", process{pid: 5, uids: none}, -1, -1},
		"cut off":            {"Name:\tbash\nUid:\t150001\t15", process{pid: 5, name: "bash", uids: none}, -1, -1},
		"gone":               {"", process{pid: 5, uids: none}, -1, -1},
	} {
		t.Run(name, func(t *testing.T) {
			got := parseProcess(5, []byte(tt.status))
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(process{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got.real() != tt.real || got.effective() != tt.effective {
				t.Errorf("real %d, effective %d, want %d and %d", got.real(), got.effective(), tt.real, tt.effective)
			}
		})
	}
}

// The kernel's own words for a process that runs, and for one that has ended and is not waited for.
func TestProcessesOf(t *testing.T) {
	cmd := exec.Command("cat")
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	ours := func() (p process, listed bool) {
		all, err := processesOf(os.Getuid(), -1)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(all, func(p process) bool { return p.pid == cmd.Process.Pid })
		if i < 0 {
			return process{}, false
		}
		return all[i], true
	}
	if _, err := stdin.Write([]byte("x\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil { // it is cat by now
		t.Fatal(err)
	}
	if p, listed := ours(); !listed || p.name != "cat" || p.parent != os.Getpid() || p.real() != os.Getuid() {
		t.Errorf("%v: %+v", listed, p)
	}
	stdin.Close()
	for p, ok := processOf(cmd.Process.Pid); ok && !p.ended; p, ok = processOf(cmd.Process.Pid) {
	}
	if _, listed := ours(); listed {
		t.Error("a zombie is listed")
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, ok := processOf(cmd.Process.Pid); ok {
		t.Error("what was waited for is still there")
	}
}

func TestSomebodys(t *testing.T) {
	for name, tt := range map[string]struct {
		uids [4]int
		want bool
	}{
		"the system's":              {[4]int{100, 100, 100, 100}, false},
		"root's":                    {[4]int{}, false},
		"cannot be told":            {[4]int{-1, -1, -1, -1}, false},
		"a student's":               {[4]int{70001, 70001, 70001, 70001}, true},
		"a student's that is root":  {[4]int{70001, 0, 0, 0}, true},
		"root in a student's files": {[4]int{0, 0, 0, 70001}, true},
		"another sandbox's":         {[4]int{69999, 69999, 69999, 69999}, false},
	} {
		if got := somebodys([]process{{uids: [4]int{}}, {uids: tt.uids}}, 70000); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
		if somebodys([]process{{uids: tt.uids, ended: true}}, 70000) {
			t.Errorf("%s: it has ended", name)
		}
	}
}

// Nothing is made for what is no process, and little for what is.
func TestProcessesMakeLittle(t *testing.T) {
	all, err := processes()
	if err != nil || len(all) == 0 {
		t.Fatal(all, err)
	}
	if each := testing.AllocsPerRun(5, func() { all, _ = processes() }) / float64(len(all)); each > 6 {
		t.Errorf("%.1f allocations for each process", each)
	}
}
