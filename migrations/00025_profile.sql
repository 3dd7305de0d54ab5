-- +goose Up

CREATE TABLE spotify.profile (
    account_id             text NOT NULL,
    user_id                text NOT NULL,
    display_name           text,
    country                text,
    product                text,
    followers              integer,
    explicit_filter_enabled boolean,
    explicit_filter_locked boolean,
    image_url              text,
    first_seen_at          timestamptz NOT NULL,
    last_seen_at           timestamptz NOT NULL,
    removed_at             timestamptz,
    PRIMARY KEY (account_id, user_id)
);
COMMENT ON TABLE spotify.profile IS 'One row for each account: who stands behind account_id.';
COMMENT ON COLUMN spotify.profile.account_id IS 'Spotify account whose job wrote the row; app for jobs that need no account.';
COMMENT ON COLUMN spotify.profile.user_id IS 'Spotify user ID of the account.';
COMMENT ON COLUMN spotify.profile.display_name IS 'Name that the account shows.';
COMMENT ON COLUMN spotify.profile.country IS 'Country of the account, as an ISO 3166-1 alpha-2 code.';
COMMENT ON COLUMN spotify.profile.product IS 'Subscription of the account: premium, free or another.';
COMMENT ON COLUMN spotify.profile.followers IS 'Number of followers.';
COMMENT ON COLUMN spotify.profile.explicit_filter_enabled IS 'Whether explicit content is not played.';
COMMENT ON COLUMN spotify.profile.explicit_filter_locked IS 'Whether the account cannot change that.';
COMMENT ON COLUMN spotify.profile.image_url IS 'Address of the account''s picture, in its widest size.';
COMMENT ON COLUMN spotify.profile.first_seen_at IS 'Start of the run that first saw the row, UTC.';
COMMENT ON COLUMN spotify.profile.last_seen_at IS 'Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.';
COMMENT ON COLUMN spotify.profile.removed_at IS 'Start of the run that found the row gone, UTC; NULL while it is there.';
