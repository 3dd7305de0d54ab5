package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/accounts/pgstore"
	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/quota"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/pipeline/config"
)

// A clientPool has a client for each connected account, and one for the app.
type clientPool struct {
	app   *app
	store *store
	log   *slog.Logger

	mu      sync.Mutex
	clients map[string]client           // by account name
	pacers  map[string]*extract.Pacer   // by client ID
	theApp  *pipeline.User              // when it has a token of its own
	warned  map[string]accounts.Urgency // last warning about each account
	day     string                      // of the warnings
}

// A client is an account and the user that jobs run for.
type client struct {
	account accounts.Account
	user    *pipeline.User
}

// A store keeps accounts, and counts requests beside them.
type store struct {
	*accounts.Store
	quota quota.Store
	close func()
}

// openStore opens the store that the configuration names; nil means files. With migrate
// it creates the database's tables if necessary. The caller closes the store.
func (a *app) openStore(config *config.Config, migrate bool, log *slog.Logger) (*store, error) {
	keys, err := a.keys()
	if err != nil {
		return nil, err
	}
	services, err := a.services()
	if err != nil {
		return nil, err
	}
	options := accounts.Options{Services: services, Keys: keys, Log: log}
	if config == nil || config.TokenStore == nil {
		folder, err := os.UserConfigDir()
		if err != nil {
			return nil, &usageError{fmt.Errorf("find the configuration folder: %w; set HOME or XDG_CONFIG_HOME", err)}
		}
		folder = filepath.Join(folder, "tracklake")
		return &store{
			Store: accounts.New(accounts.NewFolder(filepath.Join(folder, "accounts")), options),
			quota: quota.NewFile(filepath.Join(folder, "quota.json")), close: func() {},
		}, nil
	}
	d := config.TokenStore
	if len(d.Unset) > 0 {
		return nil, &usageError{fmt.Errorf("token_store is %[1]s, and destination %[1]s needs %[2]s, which is not set", d.Name, strings.Join(d.Unset, ", "))}
	}
	if migrate {
		if _, err := d.Driver.Migrate(a.ctx, d.Address, openOptions(log), false); err != nil {
			return nil, fmt.Errorf("prepare accounts at %s: %w", d.Name, err)
		}
	}
	backend, err := pgstore.Open(a.ctx, d.Address)
	if err != nil {
		return nil, fmt.Errorf("open accounts at %s: %w", d.Name, err)
	}
	return &store{Store: accounts.New(backend, options), quota: backend.Quota(), close: backend.Close}, nil
}

// newClients opens the store, and stores a refresh token of the environment in it.
func (a *app) newClients(config *config.Config, migrate bool, log *slog.Logger) (*clientPool, error) {
	store, err := a.openStore(config, migrate, log)
	if err != nil {
		return nil, err
	}
	id, _ := a.env("SPOTIFY_CLIENT_ID")
	secret, _ := a.env("SPOTIFY_CLIENT_SECRET")
	if seed, ok := a.env("SPOTIFY_REFRESH_TOKEN"); ok && id != "" {
		if err := store.Seed(a.ctx, id, secret, seed); errors.Is(err, accounts.ErrSeedIgnored) {
			log.Warn(err.Error(), "hint", hint(err, accounts.SeedName))
		} else if err != nil {
			store.close()
			return nil, err
		}
	}
	return newPool(a, store, log), nil
}

func newPool(a *app, s *store, log *slog.Logger) *clientPool {
	return &clientPool{
		app: a, store: s, log: log,
		clients: map[string]client{}, pacers: map[string]*extract.Pacer{}, warned: map[string]accounts.Urgency{},
	}
}

// close ends the clients' connections and the store.
func (p *clientPool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.clients {
		c.user.Client.CloseIdle()
	}
	if p.theApp != nil {
		p.theApp.Client.CloseIdle()
	}
	p.store.close()
}

// client returns a client of an app, for an account or for the app.
func (p *clientPool) client(id, secret string, tokens extract.TokenStore) (*extract.Client, error) {
	if p.pacers[id] == nil {
		p.pacers[id] = extract.NewPacer(extract.DefaultConcurrency)
	}
	config := p.app.service(id, secret)
	config.Pacer = p.pacers[id]
	config.Observe = func(e extract.Event) {
		p.log.Debug("request", "bucket", e.Bucket, "status", e.Status, "pause", e.Pause)
	}
	config.Waiting = waitingLog(p.log)
	if tokens != nil {
		config.Tokens = tokens
	}
	client, err := extract.New(config)
	if err != nil {
		return nil, &usageError{err}
	}
	return client, nil
}

// waitingLog writes log lines about what is waited for.
func waitingLog(log *slog.Logger) func(what string) {
	return func(what string) { log.Info("waiting for " + what) }
}

// users returns the connected accounts, or the one that --account names, and the app.
// An account that has not changed keeps its client.
func (p *clientPool) users(ctx context.Context) ([]*pipeline.User, *pipeline.User, error) {
	chosen, err := p.chosen(ctx)
	if err != nil {
		return nil, nil, err
	}
	p.app.several.Store(len(chosen) > 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.warn(chosen, time.Now())
	var out []*pipeline.User
	for _, account := range chosen {
		user, err := p.userOf(ctx, account)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, user)
	}
	theApp, err := p.appUser()
	return out, theApp, err
}

// chosen lists the accounts, or the one that --account names.
func (p *clientPool) chosen(ctx context.Context) ([]accounts.Account, error) {
	if p.app.account == "" {
		return p.store.List(ctx)
	}
	one, err := p.store.Find(ctx, p.app.account)
	if err != nil {
		return nil, &usageError{err}
	}
	return []accounts.Account{one}, nil
}

// appUser returns the app as a user, if it has a secret: the same user until its token
// is refused.
func (p *clientPool) appUser() (*pipeline.User, error) {
	id, _ := p.app.env("SPOTIFY_CLIENT_ID")
	secret, _ := p.app.env("SPOTIFY_CLIENT_SECRET")
	if id == "" || secret == "" || p.theApp != nil && p.theApp.Client.Refusal() == nil {
		return p.theApp, nil
	}
	client, err := p.client(id, secret, nil)
	if err != nil {
		return nil, err
	}
	if p.theApp != nil {
		p.theApp.Client.CloseIdle()
	}
	p.theApp = &pipeline.User{IsApp: true, ClientID: id, Client: client}
	return p.theApp, nil
}

// userOf returns the user of an account: the same user until the account signs in again
// or its token is refused. After a refusal another process may have signed the account
// in again, or it may be time for another try.
func (p *clientPool) userOf(ctx context.Context, account accounts.Account) (*pipeline.User, error) {
	name := account.Name
	var refusal *extract.Error
	if old, ok := p.clients[name]; ok {
		refusal = old.user.Client.Refusal()
		if refusal == nil && old.account.SignedInAt.Equal(account.SignedInAt) && old.account.ClientID == account.ClientID {
			return old.user, nil
		}
		old.user.Client.CloseIdle()
	}
	wrong := refusal != nil && refusal.Kind == extract.Credentials
	made, err := p.client(account.ClientID, p.secret(ctx, account, wrong), p.store.Tokens(name))
	if err != nil {
		return nil, err
	}
	user := &pipeline.User{
		Name: name, ClientID: account.ClientID, Client: made, SignIn: canonicalLogin(name), SignedInAt: account.SignedInAt, Scopes: account.Scopes,
		Identify: func(ctx context.Context, profile catalog.Profile) error {
			return p.store.Identify(ctx, name, profile.AccountID, profile.User)
		},
		Connected: func(ctx context.Context, accountID string) error { return p.connected(ctx, name, accountID) },
	}
	p.clients[name] = client{account: account, user: user.Known(account.AccountID)}
	return user, nil
}

// connected returns an error if data of an account may no longer be written: it may
// have been removed or forgotten since it was listed.
func (p *clientPool) connected(ctx context.Context, name, accountID string) error {
	all, err := p.store.List(ctx)
	if err != nil {
		return fmt.Errorf("check that %s is still connected: %w", name, err)
	}
	i := slices.IndexFunc(all, func(a accounts.Account) bool {
		return a.Name == name && (a.AccountID == accountID || a.AccountID == "")
	})
	if i < 0 {
		return &hinted{
			errors.New("account " + name + " is no longer connected, so nothing was exported"),
			"to export it again, sign in again: " + canonicalLogin(name),
		}
	}
	return all[i].Problem
}

// secret returns the secret of the app that an account signed in to. The secret of the
// environment takes precedence if it is of the same app, as it may be newer, unless
// Spotify rejects it: then a later sign-in may have brought the right one. Tokens that
// cannot be decrypted are reported when they are used.
func (p *clientPool) secret(ctx context.Context, account accounts.Account, wrong bool) string {
	if account.Problem != nil {
		return ""
	}
	if id, _ := p.app.env("SPOTIFY_CLIENT_ID"); id == account.ClientID && !wrong {
		if secret, ok := p.app.env("SPOTIFY_CLIENT_SECRET"); ok {
			return secret
		}
	}
	secret, err := p.store.ClientSecret(ctx, account.Name)
	if err != nil {
		p.log.Warn("cannot read the app's secret", "account", account.Name, "error", err)
	}
	return secret
}

// warn logs, once a day, the accounts whose sign-in ends soon, is refused, or cannot be
// read.
func (p *clientPool) warn(all []accounts.Account, now time.Time) {
	if today := now.Format(time.DateOnly); p.day != today {
		p.day = today
		clear(p.warned)
	}
	for _, account := range all {
		urgency := account.Urgency(now)
		if urgency == accounts.Calm || p.warned[account.Name] == urgency {
			continue
		}
		p.warned[account.Name] = urgency
		if account.Problem != nil {
			p.log.Warn("the account cannot be used", "account", account.Name, "error", account.Problem, "hint", hint(account.Problem, account.Name))
			continue
		}
		p.log.Warn(ending(account, now), "account", account.Name, "ends_on", account.EndsAt().Format(time.DateOnly),
			"days_left", account.DaysLeft(now), "urgent", urgency != accounts.Soon, "hint", "sign in again: "+canonicalLogin(account.Name))
	}
}

// ending describes when a sign-in ends, or since when it is refused.
func ending(account accounts.Account, now time.Time) string {
	if refusal := account.Refusal(now); refusal != "" {
		return refusal
	}
	switch account.Urgency(now) {
	case accounts.Ended:
		return "the sign-in has ended"
	case accounts.Urgent:
		return fmt.Sprintf("URGENT: the sign-in ends %s", inDays(account, now))
	case accounts.Soon:
		return fmt.Sprintf("the sign-in ends %s", inDays(account, now))
	default:
		return ""
	}
}

func inDays(account accounts.Account, now time.Time) string {
	switch days := account.DaysLeft(now); {
	case days == 0 && now.After(account.EndsAt()):
		return "any day now"
	case days == 0:
		return "today"
	case days == 1:
		return "tomorrow"
	default:
		return fmt.Sprintf("in %d days", days)
	}
}
