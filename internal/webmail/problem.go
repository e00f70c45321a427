package webmail

import (
	"context"
	"errors"
	"net/http"

	"github.com/emersion/go-imap/v2"
)

// problem is what a person is told instead of a page: a key of words, and what it is about, where they have a place for that.
type problem struct{ key, about string }

func (p problem) Error() string { return "webmail: " + p.key }

// asProblem is what of an error a person is told; nil: nothing.
func asProblem(err error) error {
	var p problem
	if errors.As(err, &p) {
		return p
	}
	return nil
}

// status is an answer's status for what went wrong.
func status(err error) int {
	var p problem
	var refused *imap.Error
	switch {
	case err == nil:
		return http.StatusOK
	case errors.As(err, &p) && (p.key == "gone" || p.key == "nofolder"):
		return http.StatusNotFound
	case errors.As(err, &p) && p.key == "password":
		return http.StatusUnauthorized
	case errors.As(err, &p) && p.key == "noimap":
		return http.StatusOK
	case errors.As(err, &p), errors.As(err, &refused):
		return http.StatusUnprocessableEntity
	}
	return http.StatusBadGateway
}

// explain says what went wrong and what to do; "" for nil.
func explain(lang string, err error) string {
	var p problem
	var refused *imap.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &p):
		if p.about != "" {
			return say(lang, p.key, p.about)
		}
		return say(lang, p.key)
	case errors.As(err, &refused):
		return say(lang, "refused", refused.Text)
	case errors.Is(err, context.DeadlineExceeded):
		return say(lang, "slow")
	}
	return say(lang, "away")
}
