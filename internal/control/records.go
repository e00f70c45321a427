package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"maillab/internal/dialogue"
	"maillab/internal/mail"
)

// Further requests, of the sandboxes that keep records (see Records):
//
//	GET  seat-N/v1/dialogues?student=S            what was typed and answered in this epoch, a dialogue a line
//	GET  seat-N/v1/dialogues?student=S&follow=1   the same as it comes, an event a line
//	GET  seat-N/v1/dialogue?student=S&id=ID       one of them
//	GET  seat-N/v1/activity                       where each student is
//	GET  seat-N/v1/messages?student=S             what came into the student's mailboxes in this epoch, a message a line
//	GET  seat-N/v1/message?student=S&id=ID        one of them, with its text
//	GET  seat-N/v1/bundle?student=S               a student's mail, deliveries and results, as a tar

// Activity is what a student did last.
type Activity struct {
	Student string    `json:"student"`
	At      time.Time `json:"at,omitzero"`      // of the last command; zero: none in this epoch
	Service string    `json:"service"`          // smtp, pop3, imap
	Command string    `json:"command"`          // the last one
	Error   string    `json:"error,omitempty"`  // the last refusal
	Passed  time.Time `json:"passed,omitzero"`  // when a task passed last
	Started time.Time `json:"started,omitzero"` // the epoch
}

// Message is what came into a student's mailboxes, and the envelope by which it came: nil where no client handed it in, or
// where that is no longer known. Who else got it is in the envelope only where the whole server is the student's.
type Message struct {
	ID       string         `json:"id"` // queue ID
	At       time.Time      `json:"at"`
	Envelope *mail.Envelope `json:"envelope,omitempty"`
	Accounts []string       `json:"accounts"` // into whose mailboxes it came
	Text     []byte         `json:"text,omitempty"`
	Cut      bool           `json:"cut,omitempty"` // the end of Text is not kept
}

// Records tell what students did.
type Records interface {
	// Dialogues hands one after the other to emit.
	Dialogues(ctx context.Context, student string, emit func(dialogue.Dialogue) error) error
	Dialogue(ctx context.Context, student, id string) (dialogue.Dialogue, error)
	// Follow hands every event from now on to emit, until ctx ends or emit fails.
	Follow(ctx context.Context, student string, emit func(dialogue.Event) error) error
	Activity(ctx context.Context) ([]Activity, error)
	// Messages hands one after the other to emit, without their text.
	Messages(ctx context.Context, student string, emit func(Message) error) error
	Message(ctx context.Context, student, id string) (Message, error)
	Bundle(ctx context.Context, student string, w io.Writer) error
}

// serveRecords adds the requests of Records.
func serveRecords(mux *http.ServeMux, v Records) {
	mux.HandleFunc("GET /v1/dialogues", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("follow") == "1" {
			follow(w, r, v)
			return
		}
		out := &started{Writer: w}
		encoder := json.NewEncoder(out)
		out.ended(w, v.Dialogues(r.Context(), r.FormValue("student"), func(d dialogue.Dialogue) error { return encoder.Encode(d) }))
	})
	mux.HandleFunc("GET /v1/dialogue", func(w http.ResponseWriter, r *http.Request) {
		d, err := v.Dialogue(r.Context(), r.FormValue("student"), r.FormValue("id"))
		answer(w, d, err)
	})
	mux.HandleFunc("GET /v1/activity", func(w http.ResponseWriter, r *http.Request) {
		all, err := v.Activity(r.Context())
		answer(w, all, err)
	})
	mux.HandleFunc("GET /v1/messages", func(w http.ResponseWriter, r *http.Request) {
		out := &started{Writer: w}
		encoder := json.NewEncoder(out)
		out.ended(w, v.Messages(r.Context(), r.FormValue("student"), func(m Message) error { return encoder.Encode(m) }))
	})
	mux.HandleFunc("GET /v1/message", func(w http.ResponseWriter, r *http.Request) {
		m, err := v.Message(r.Context(), r.FormValue("student"), r.FormValue("id"))
		answer(w, m, err)
	})
	mux.HandleFunc("GET /v1/bundle", func(w http.ResponseWriter, r *http.Request) {
		out := &started{Writer: w}
		out.ended(w, v.Bundle(r.Context(), r.FormValue("student"), out))
	})
}

// started knows whether anything was written.
type started struct {
	io.Writer
	yes bool
}

func (s *started) Write(p []byte) (int, error) {
	s.yes = true
	return s.Writer.Write(p)
}

// ended tells how a stream ended.
func (s *started) ended(w http.ResponseWriter, err error) {
	switch {
	case err == nil:
	case s.yes:
		panic(http.ErrAbortHandler) // the only way left to say that it is not whole
	default:
		WriteError(w, statusOf(err), err)
	}
}

func follow(w http.ResponseWriter, r *http.Request, v Records) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := &flusher{w: w, c: http.NewResponseController(w)}
	if _, err := out.Write(nil); err != nil { // the answer begins: whoever waits for it sees it
		return
	}
	encoder := json.NewEncoder(out)
	_ = v.Follow(r.Context(), r.FormValue("student"), func(e dialogue.Event) error { return encoder.Encode(e) }) // the peer went away
}

// Dialogues asks for what a student typed and got in this epoch.
func (at Seat) Dialogues(ctx context.Context, student string) ([]dialogue.Dialogue, error) {
	return listed[dialogue.Dialogue](ctx, at, "dialogues", student)
}

// Dialogue asks for one of them.
func (at Seat) Dialogue(ctx context.Context, student, id string) (dialogue.Dialogue, error) {
	var d dialogue.Dialogue
	return d, at.call(ctx, http.MethodGet, "/v1/dialogue?"+url.Values{"student": {student}, "id": {id}}.Encode(), nil, &d)
}

// Messages asks for what came into a student's mailboxes in this epoch, without the texts.
func (at Seat) Messages(ctx context.Context, student string) ([]Message, error) {
	return listed[Message](ctx, at, "messages", student)
}

// Message asks for one of them.
func (at Seat) Message(ctx context.Context, student, id string) (Message, error) {
	var m Message
	return m, at.call(ctx, http.MethodGet, "/v1/message?"+url.Values{"student": {student}, "id": {id}}.Encode(), nil, &m)
}

// listed reads an answer that has one value a line.
func listed[V any](ctx context.Context, at Seat, what, student string) ([]V, error) {
	response, err := at.do(ctx, http.MethodGet, "/v1/"+what+"?student="+url.QueryEscape(student), nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	all := []V{}
	for in := json.NewDecoder(response.Body); ; {
		var v V
		if err := in.Decode(&v); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s of %s: %w", what, student, err)
		}
		all = append(all, v)
	}
}

// FollowDialogues hands every event from now on to emit, until ctx ends or the sandbox does.
func (at Seat) FollowDialogues(ctx context.Context, student string, emit func(dialogue.Event) error) error {
	response, err := at.do(ctx, http.MethodGet, "/v1/dialogues?follow=1&student="+url.QueryEscape(student), nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	for in := json.NewDecoder(response.Body); ; {
		var e dialogue.Event
		if err := in.Decode(&e); err != nil {
			if errors.Is(err, io.EOF) || ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		}
		if err := emit(e); err != nil {
			return err
		}
	}
}

// Activity asks where each student of a sandbox is.
func (at Seat) Activity(ctx context.Context) ([]Activity, error) {
	var all []Activity
	return all, at.call(ctx, http.MethodGet, "/v1/activity", nil, &all)
}

// Bundle streams a student's mail, deliveries and results as a tar.
func (at Seat) Bundle(ctx context.Context, student string) (io.ReadCloser, error) {
	response, err := at.do(ctx, http.MethodGet, "/v1/bundle?student="+url.QueryEscape(student), nil)
	if err != nil {
		return nil, err
	}
	return response.Body, nil
}
