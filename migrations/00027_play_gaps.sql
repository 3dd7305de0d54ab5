-- +goose Up

CREATE TABLE spotify.play_gaps (
    account_id             text NOT NULL,
    from_at                timestamptz NOT NULL,
    to_at                  timestamptz NOT NULL,
    found_plays            integer,
    first_seen_at          timestamptz NOT NULL,
    last_seen_at           timestamptz NOT NULL,
    PRIMARY KEY (account_id, from_at)
);
COMMENT ON TABLE spotify.play_gaps IS 'One row for each stretch of time of which plays may be missing: more were played than Spotify shows, before the list was read again.';
COMMENT ON COLUMN spotify.play_gaps.account_id IS 'Spotify account whose job wrote the row; app for jobs that need no account.';
COMMENT ON COLUMN spotify.play_gaps.from_at IS 'When the newest play was played that was stored before, UTC.';
COMMENT ON COLUMN spotify.play_gaps.to_at IS 'When the oldest play was played that Spotify still showed after, UTC.';
COMMENT ON COLUMN spotify.play_gaps.found_plays IS 'Number of plays that a later import found between the two; NULL if none has looked.';
COMMENT ON COLUMN spotify.play_gaps.first_seen_at IS 'Start of the run that first saw the row, UTC.';
COMMENT ON COLUMN spotify.play_gaps.last_seen_at IS 'Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.';
