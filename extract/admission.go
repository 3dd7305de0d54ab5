package extract

import (
	"context"
	"strconv"
	"time"
)

// An Admission decides, before each request to the Web API, whether it may be
// made, and counts it. Its error ends the reading; a *[Error] of kind Closed
// says until when nothing may be asked.
type Admission func(ctx context.Context, family string) error

type admissionKey struct{}

// WithAdmission lets an admission decide about all requests that are made with
// the returned context.
func WithAdmission(ctx context.Context, a Admission) context.Context {
	return context.WithValue(ctx, admissionKey{}, a)
}

// admit asks the context's admission, if there is one.
func admit(ctx context.Context, family string) error {
	a, ok := ctx.Value(admissionKey{}).(Admission)
	if !ok {
		return nil
	}
	return a(ctx, family)
}

// BudgetError says that a budget of requests is spent until a time.
func BudgetError(family string, budget int, until time.Time) *Error {
	return &Error{
		Kind: Closed, Budget: true, Path: family, Until: until,
		Message: "the budget of " + strconv.Itoa(budget) + " requests a day is spent",
	}
}
