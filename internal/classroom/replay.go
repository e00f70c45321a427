package classroom

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"maillab/internal/control"
	"maillab/internal/recording"
	"maillab/internal/safeio"
	"maillab/internal/screen"
)

// RecordingTable lists recordings, numbered from 1 as they are asked for.
func RecordingTable(all []recording.Kept, zone *time.Location) (header []string, rows [][]string) {
	for i, k := range all {
		rows = append(rows, []string{strconv.Itoa(i + 1), k.Start.In(zone).Format(time.DateTime), k.Last.Sub(k.Start).Round(time.Second).String(),
			strconv.Itoa(k.Octets), k.Title})
	}
	return []string{"NUMBER", "START", "LASTED", "OCTETS", "TITLE"}, rows
}

// ChosenRecording is the one that was typed: a number of the list, or an ID; "" is the last one.
func ChosenRecording(all []recording.Kept, student, typed string) (recording.Kept, error) {
	if len(all) == 0 {
		return recording.Kept{}, fmt.Errorf("no terminal of %s was recorded: terminals are, that students open on the class's page", student)
	}
	if typed == "" {
		return all[len(all)-1], nil
	}
	for i, k := range all {
		if typed == k.ID || typed == strconv.Itoa(i+1) {
			return k, nil
		}
	}
	return recording.Kept{}, fmt.Errorf("%s has no recording %q: from 1 to %d, as --list shows them", student, typed, len(all))
}

// Replay shows a recording at its pace.
func Replay(ctx context.Context, client *control.Client, seat int, k recording.Kept, p recording.Player, out io.Writer) error {
	in, err := client.Seat(seat).Recording(ctx, k.Student, k.ID)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := p.Play(ctx, in, screen.Raw(out)); ctx.Err() == nil {
		return err
	}
	return nil // Ctrl-C is how one ends it
}

// ExportRecording writes a recording to a file, whole or not at all.
func ExportRecording(ctx context.Context, client *control.Client, seat int, k recording.Kept, file string) error {
	in, err := client.Seat(seat).Recording(ctx, k.Student, k.ID)
	if err != nil {
		return err
	}
	defer in.Close()
	return safeio.Write(file, 0o600, safeio.Whole, func(out *os.File) error {
		_, err := io.Copy(out, in)
		return err
	})
}
