package main

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/pipeline"
)

// settle asks, once each, whose the accounts are that may be the same as
// another, and tells whether one was.
func (f *fleet) settle(ctx context.Context) bool {
	before := len(f.joinings())
	for _, user := range f.strangers(ctx) {
		if err := f.ask(ctx, user); err != nil {
			f.log.Debug("asking whose an account is", "account", user.Name, "error", err) // its jobs ask again, and tell
		}
	}
	return len(f.joinings()) > before
}

// ask asks whose an account is, as one of the requests that are counted.
func (f *fleet) ask(ctx context.Context, user *pipeline.User) error {
	done := func() error { return nil }
	if f.counted != nil {
		ctx, done = f.counted(ctx, user)
	}
	_, err := user.Account(ctx)
	return errors.Join(err, done())
}

// strangers are the users of whom nobody knows who they are, where another
// account is known.
func (f *fleet) strangers(ctx context.Context) []*pipeline.User {
	all, err := f.store.List(ctx)
	if err != nil || !slices.ContainsFunc(all, func(a accounts.Account) bool { return a.AccountID != "" }) {
		return nil // there is nobody to be the same as
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []*pipeline.User
	for _, m := range f.known {
		unknown := m.account.AccountID == "" && m.account.Problem == nil && m.account.RefusedAt.IsZero()
		if unknown && !m.asked {
			m.asked = true
			out = append(out, m.user)
		}
	}
	return out
}

func (f *fleet) joinings() map[string]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.joined)
}

// identify notes whose an account is, and that it goes on under another name if
// it does.
func (f *fleet) identify(ctx context.Context, name string, p catalog.Profile) error {
	kept, err := f.store.Identify(ctx, name, p.AccountID, p.User)
	if err != nil || kept.Name == name {
		return advise(err, name)
	}
	f.log.Info("the account is connected under another name, too, which is used from now on", "account", name, "as", kept.Name)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.joined[name] = kept.Name
	return nil
}
