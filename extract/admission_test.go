package extract_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tracklake/tracklake/extract"
)

// TestAnAdmissionHoldsUpNoOtherFamily lets a request wait for its admission
// while only one may be under way.
func TestAnAdmissionHoldsUpNoOtherFamily(t *testing.T) {
	t.Parallel()
	b := setup(t, small(10), func(c *extract.Config) { c.Pacer = extract.NewPacer(1) })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	asked := make(chan struct{})
	held, let := context.WithCancel(ctx)
	waiting := extract.WithAdmission(ctx, func(context.Context, string) error {
		close(asked)
		<-held.Done()
		return nil
	})
	done := make(chan error)
	go func() {
		_, err := extract.Total(waiting, b.client, savedTracks().Endpoint)
		done <- err
	}()
	<-asked
	type user struct{ ID string }
	if _, err := extract.Get[user](ctx, b.client, extract.Endpoint{Path: "/me", Family: "me"}); err != nil {
		t.Errorf("another family: %v", err)
	}
	let()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestARequestIsNotMadeIfItsFamilyClosesBeforeItsTurn closes the family between
// the admission and the turn.
func TestARequestIsNotMadeIfItsFamilyClosesBeforeItsTurn(t *testing.T) {
	t.Parallel()
	b := setup(t, small(10))
	ctx := extract.WithAdmission(t.Context(), func(context.Context, string) error {
		b.client.CloseFamily("me/tracks", time.Now().Add(time.Hour))
		return nil
	})
	_, err := extract.Total(ctx, b.client, savedTracks().Endpoint)
	var closed *extract.Error
	if !errors.As(err, &closed) || closed.Kind != extract.Closed || b.sim.Count("/v1/") != 0 {
		t.Errorf("error = %v after %d requests", err, b.sim.Count("/v1/"))
	}
}
