package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tracklake/tracklake/accounts"
)

// connected tells, each time it is asked, why an account of that name may not be
// written to any more. One that goes on under another name may be, and so may one
// of which nobody knows whose it is.
func (f *fleet) connected(name string) func(context.Context, string) error {
	return func(ctx context.Context, accountID string) error {
		all, err := f.store.List(ctx)
		if err != nil {
			return advise(fmt.Errorf("look whether %s is still connected: %w", name, err), name)
		}
		if slices.ContainsFunc(all, func(a accounts.Account) bool {
			return a.AccountID == accountID || a.AccountID == "" && a.Name == name
		}) {
			return nil
		}
		return &hinted{
			errors.New("account " + name + " is no longer connected, so nothing was exported"),
			"to go on with it, sign in again: " + canonicalLogin(name),
		}
	}
}
