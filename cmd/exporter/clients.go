package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/accounts/pgstore"
	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/load/postgres"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/pipeline/config"
)

// A fleet is who is connected, with a client for each account.
type fleet struct {
	app     *app
	store   *accounts.Store
	log     *slog.Logger
	onClose closer  // may be nil
	counted counter // may be nil
	end     func()

	mu     sync.Mutex
	known  map[string]*member          // by account name
	joined map[string]string           // the name under which the same account goes on, by the one that went
	pacers map[string]*extract.Pacer   // by client ID
	itself *pipeline.User              // the app, when it has a token of its own
	warned map[string]accounts.Urgency // last told of each account
	day    string                      // on which
}

// A member is an account with its client.
type member struct {
	account accounts.Account
	user    *pipeline.User
	asked   bool // whose it is, before anything else is
}

// A counter returns a context with which a user's requests are counted; done is
// called when they are made.
type counter func(ctx context.Context, u *pipeline.User) (counted context.Context, done func() error)

// A closer keeps durably that an endpoint family is closed for a client ID.
type closer func(ctx context.Context, client, family string, until time.Time) error

// openStore opens the store of accounts that the configuration names; nil
// means the files. With migrate the database's tables are made if need be.
func (a *app) openStore(config *config.Config, migrate bool) (*accounts.Store, func(), error) {
	keys, err := a.keys()
	if err != nil {
		return nil, nil, err
	}
	if config == nil || config.TokenStore == nil {
		folder, err := os.UserConfigDir()
		if err != nil {
			return nil, nil, &usageError{fmt.Errorf("find the configuration folder: %w; set HOME or XDG_CONFIG_HOME", err)}
		}
		return accounts.New(accounts.NewFolder(filepath.Join(folder, "tracklake", "accounts")), keys, nil), func() {}, nil
	}
	d := config.TokenStore
	if len(d.Unset) > 0 {
		return nil, nil, &usageError{fmt.Errorf("token_store is %[1]s, and destination %[1]s needs %[2]s, which is not set", d.Name, strings.Join(d.Unset, ", "))}
	}
	if migrate {
		if _, err := postgres.Migrate(a.ctx, d.Address, false); err != nil {
			return nil, nil, fmt.Errorf("prepare accounts at %s: %w", d.Name, err)
		}
	}
	backend, err := pgstore.Open(a.ctx, d.Address)
	if err != nil {
		return nil, nil, fmt.Errorf("open accounts at %s: %w", d.Name, err)
	}
	return accounts.New(backend, keys, nil), backend.Close, nil
}

// fleet opens the store, and keeps in it a refresh token that the environment
// brings.
func (a *app) fleet(config *config.Config, migrate bool, log *slog.Logger, onClose closer) (*fleet, error) {
	store, end, err := a.openStore(config, migrate)
	if err != nil {
		return nil, err
	}
	id, _ := a.env("SPOTIFY_CLIENT_ID")
	secret, _ := a.env("SPOTIFY_CLIENT_SECRET")
	if seed, ok := a.env("SPOTIFY_REFRESH_TOKEN"); ok && id != "" {
		var ignored *accounts.SeedIgnoredError
		if err := store.Seed(a.ctx, id, secret, seed); errors.As(err, &ignored) {
			log.Warn(ignored.Error(), "hint", a.hintOf(ignored))
		} else if err != nil {
			end()
			return nil, err
		}
	}
	f := newFleet(a, store, log, onClose, end)
	if _, err := f.theApp(); err != nil { // addresses that cannot be used are told at once
		end()
		return nil, err
	}
	return f, nil
}

func newFleet(a *app, store *accounts.Store, log *slog.Logger, onClose closer, end func()) *fleet {
	return &fleet{
		app: a, store: store, log: log, onClose: onClose, end: end,
		known: map[string]*member{}, joined: map[string]string{}, pacers: map[string]*extract.Pacer{}, warned: map[string]accounts.Urgency{},
	}
}

// close ends the clients' connections and the store.
func (f *fleet) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.known {
		m.user.Client.CloseIdle()
	}
	if f.itself != nil {
		f.itself.Client.CloseIdle()
	}
	f.end()
}

// client makes a client of an app, for an account or for the app itself.
func (f *fleet) client(id, secret string, tokens extract.TokenStore) (*extract.Client, error) {
	if f.pacers[id] == nil {
		f.pacers[id] = extract.NewPacer(extract.DefaultConcurrency)
	}
	config := f.app.service(id, secret)
	config.Pacer = f.pacers[id]
	config.Observe = func(e extract.Event) {
		f.log.Debug("request", "family", e.Family, "status", e.Status, "pause", e.Pause)
	}
	if tokens != nil {
		config.Tokens = tokens
	}
	config.OnClose = func(ctx context.Context, family string, until time.Time) error {
		if f.onClose == nil {
			return nil
		}
		return f.onClose(ctx, id, family, until)
	}
	client, err := extract.New(config)
	if err != nil {
		return nil, &usageError{err}
	}
	return client, nil
}

// service is what all clients of an app have in common.
func (a *app) service(id, secret string) extract.Config {
	return extract.Config{
		ClientID: id, ClientSecret: secret,
		APIURL:      a.envOr("SPOTIFY_API_URL", ""),
		AccountsURL: a.envOr("SPOTIFY_ACCOUNTS_URL", ""),
		UserAgent:   "tracklake-exporter/" + version(),
	}
}

// users lists who is connected, of those whom --account names, and the app
// itself. An account that has not changed keeps its client. One of which nobody
// knows whose it is may be one of the others: that is found out first, so that
// nothing is run for it twice.
func (f *fleet) users(ctx context.Context) ([]*pipeline.User, *pipeline.User, error) {
	out, itself, err := f.clients(ctx)
	if err != nil || !f.settle(ctx) {
		return out, itself, err
	}
	return f.clients(ctx)
}

// clients lists the same, as far as it is known.
func (f *fleet) clients(ctx context.Context) ([]*pipeline.User, *pipeline.User, error) {
	chosen, err := f.chosen(ctx)
	if err != nil {
		return nil, nil, err
	}
	f.app.several.Store(len(chosen) > 1)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.warn(chosen, time.Now())
	var out []*pipeline.User
	for _, account := range chosen {
		m, err := f.member(ctx, account)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, m.user)
	}
	itself, err := f.theApp()
	return out, itself, err
}

// advised is users, with errors that hold the whole hint.
func (f *fleet) advised(ctx context.Context) ([]*pipeline.User, *pipeline.User, error) {
	users, itself, err := f.users(ctx)
	return users, itself, advise(err, f.app.account)
}

// theApp is the app as a user of its own, where it has a secret: the same one
// as long as it is not refused.
func (f *fleet) theApp() (*pipeline.User, error) {
	id, _ := f.app.env("SPOTIFY_CLIENT_ID")
	secret, _ := f.app.env("SPOTIFY_CLIENT_SECRET")
	if id == "" || secret == "" || f.itself != nil && f.itself.Client.Refusal() == nil {
		return f.itself, nil
	}
	client, err := f.client(id, secret, nil)
	if err != nil {
		return nil, err
	}
	if f.itself != nil {
		f.itself.Client.CloseIdle()
	}
	f.itself = &pipeline.User{Itself: true, App: id, Client: client}
	return f.itself, nil
}

// chosen lists the accounts, or the one that --account names.
func (f *fleet) chosen(ctx context.Context) ([]accounts.Account, error) {
	if f.app.account == "" {
		return f.store.List(ctx)
	}
	name := f.app.account
	if to, ok := f.joinings()[name]; ok {
		name = to
	}
	one, err := f.store.Find(ctx, name)
	if err != nil {
		return nil, &usageError{err}
	}
	return []accounts.Account{one}, nil
}

// member returns an account's client: the same one as long as it is the same
// sign-in to the same app, and is not refused. After a refusal another process may
// have signed the account in again, or found that it was an incident.
func (f *fleet) member(ctx context.Context, account accounts.Account) (*member, error) {
	var refusal *extract.Error
	if old := f.known[account.Name]; old != nil {
		refusal = old.user.Client.Refusal()
		if refusal == nil && old.account.SignedInAt.Equal(account.SignedInAt) && old.account.ClientID == account.ClientID {
			return old, nil
		}
		old.user.Client.CloseIdle()
	}
	wrong := refusal != nil && refusal.Kind == extract.Credentials
	client, err := f.client(account.ClientID, f.secret(ctx, account, wrong), hinting{f.store.Tokens(account.Name), account.Name})
	if err != nil {
		return nil, err
	}
	name := account.Name
	user := &pipeline.User{
		Name: name, App: account.ClientID, Client: client, SignIn: canonicalLogin(name), SignedInAt: account.SignedInAt, Scopes: account.Scopes,
		Identify:  func(ctx context.Context, p catalog.Profile) error { return f.identify(ctx, name, p) },
		Connected: f.connected(name),
	}
	f.known[name] = &member{account: account, user: user.Known(account.AccountID)}
	return f.known[name], nil
}

// secret is the secret of the app that an account signed in to: that of the
// environment where it is the same app, as it may have been changed there, unless
// Spotify finds that wrong: a sign-in since may have brought the right one.
// Tokens that cannot be opened are told when they are used.
func (f *fleet) secret(ctx context.Context, account accounts.Account, wrong bool) string {
	if account.Problem != nil {
		return ""
	}
	if id, _ := f.app.env("SPOTIFY_CLIENT_ID"); id == account.ClientID && !wrong {
		if secret, ok := f.app.env("SPOTIFY_CLIENT_SECRET"); ok {
			return secret
		}
	}
	secret, err := f.store.ClientSecret(ctx, account.Name)
	if err != nil {
		f.log.Warn("reading the app's secret", "account", account.Name, "error", err)
	}
	return secret
}

// warn tells, once a day, whose sign-in ends soon or cannot be read.
func (f *fleet) warn(all []accounts.Account, now time.Time) {
	if today := now.Format(time.DateOnly); f.day != today {
		f.day = today
		clear(f.warned)
	}
	for _, account := range all {
		urgency := account.Urgency(now)
		if urgency == accounts.Calm || f.warned[account.Name] == urgency {
			continue
		}
		f.warned[account.Name] = urgency
		if account.Problem != nil {
			f.log.Warn("the account cannot be used", "account", account.Name, "error", account.Problem, "hint", f.app.hintFor(account.Problem, account.Name))
			continue
		}
		f.log.Warn(ending(account, now), "account", account.Name, "ends_on", account.EndsAt().Format(time.DateOnly),
			"days_left", account.DaysLeft(now), "urgent", urgency != accounts.Soon, "hint", "sign in again: "+f.app.loginCommand(account.Name))
	}
}

// ending says in words when a sign-in ends.
func ending(account accounts.Account, now time.Time) string {
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
