-- +goose Up

-- A refused sign-in is tried again once a day for a week, whatever happens to other
-- accounts. A sign-in belongs to the services it was made with; those that were
-- stored before belong to none, so their owners sign in again.
DROP TABLE exporter.sign_in_pause;
ALTER TABLE exporter.accounts
    DROP COLUMN excused,
    ADD COLUMN last_refused_at timestamptz,
    ADD COLUMN api_url text NOT NULL DEFAULT '',
    ADD COLUMN accounts_url text NOT NULL DEFAULT '';
COMMENT ON COLUMN exporter.accounts.refused_at IS 'When Spotify first refused the refresh token, UTC; NULL while it is accepted.';
COMMENT ON COLUMN exporter.accounts.last_refused_at IS 'When Spotify last refused the refresh token, UTC; NULL while it is accepted.';
COMMENT ON COLUMN exporter.accounts.api_url IS 'Address of the Web API that the account was connected with; its tokens go to no other.';
COMMENT ON COLUMN exporter.accounts.accounts_url IS 'Address of the Accounts service that the account was connected with; its tokens go to no other.';
COMMENT ON COLUMN exporter.accounts.sealed IS 'Tokens and client secret, encrypted and bound to name, account_id, client_id, both addresses and key.';

-- +goose Down

ALTER TABLE exporter.accounts
    DROP COLUMN last_refused_at,
    DROP COLUMN api_url,
    DROP COLUMN accounts_url,
    ADD COLUMN excused boolean NOT NULL DEFAULT false;
CREATE TABLE exporter.sign_in_pause (
    one           boolean PRIMARY KEY DEFAULT true CHECK (one),
    since         timestamptz NOT NULL,
    next_probe_at timestamptz NOT NULL
);
