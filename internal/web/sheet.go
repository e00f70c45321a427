package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"maillab/internal/control"
	"maillab/internal/worksheet"
)

// sheet asks a student's sandbox for what the student's lab command would: the tasks, a check, an answer.
func (s *session) sheet(ctx context.Context, method, path string, in any) (sheet worksheet.Sheet, err error) {
	body, err := json.Marshal(in)
	if err != nil {
		return sheet, err
	}
	address := "http://" + control.GatewayHost + path + "?" + url.Values{"lang": {s.language()}}.Encode()
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return sheet, err
	}
	response, err := s.client.Seat(0).Worksheet(s.me.Student).RoundTrip(request)
	if err != nil {
		return sheet, err
	}
	defer response.Body.Close()
	answer := json.NewDecoder(io.LimitReader(response.Body, maxSheet))
	if response.StatusCode != http.StatusOK {
		told := &control.Error{Status: response.StatusCode}
		if answer.Decode(told) != nil || told.Text == "" {
			told.Text = fmt.Sprintf("status %d", response.StatusCode)
		}
		return sheet, told
	}
	return sheet, answer.Decode(&sheet)
}

// maxSheet bounds what is read of a sandbox's answer, in octets.
const maxSheet = 8 << 20
