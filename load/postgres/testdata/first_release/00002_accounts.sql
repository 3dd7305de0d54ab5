-- +goose Up

CREATE TABLE exporter.accounts (
    name              text PRIMARY KEY,
    account_id        text NOT NULL,
    user_name         text NOT NULL,
    client_id         text NOT NULL,
    scopes            text[],
    signed_in_at      timestamptz NOT NULL,
    signed_in_guessed boolean NOT NULL,
    used_at           timestamptz,
    refused_at        timestamptz,
    seed_sha256       text NOT NULL,
    key_id            text NOT NULL CHECK (key_id <> ''),
    sealed            bytea NOT NULL
);
COMMENT ON TABLE exporter.accounts IS 'Connected accounts, where token_store is postgres. What is secret about them is encrypted.';
COMMENT ON COLUMN exporter.accounts.account_id IS 'Spotify''s account_id; empty until Spotify was asked.';
COMMENT ON COLUMN exporter.accounts.client_id IS 'Client ID of the app that the account signed in to.';
COMMENT ON COLUMN exporter.accounts.scopes IS 'Scopes that were granted; NULL when unknown.';
COMMENT ON COLUMN exporter.accounts.signed_in_at IS 'When the user signed in, UTC; the sign-in ends six months later.';
COMMENT ON COLUMN exporter.accounts.signed_in_guessed IS 'signed_in_at is when a token from outside was first used; the user signed in then or before.';
COMMENT ON COLUMN exporter.accounts.used_at IS 'Last refresh of the access token, UTC.';
COMMENT ON COLUMN exporter.accounts.refused_at IS 'When Spotify said that the sign-in has ended, UTC; NULL while it holds.';
COMMENT ON COLUMN exporter.accounts.seed_sha256 IS 'Hash of the refresh token that came from the environment; empty when none did.';
COMMENT ON COLUMN exporter.accounts.key_id IS 'Which key encrypted the secrets.';
COMMENT ON COLUMN exporter.accounts.sealed IS 'Tokens and client secret, encrypted and bound to name, account_id, client_id and key.';

CREATE TABLE exporter.sign_in_pause (
    one           boolean PRIMARY KEY DEFAULT true CHECK (one),
    since         timestamptz NOT NULL,
    next_probe_at timestamptz NOT NULL
);
COMMENT ON TABLE exporter.sign_in_pause IS 'While there is a row, refreshing is paused: many accounts were refused at once.';

-- +goose Down

DROP TABLE exporter.sign_in_pause, exporter.accounts;
