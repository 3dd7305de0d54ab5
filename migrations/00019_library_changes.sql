-- +goose Up

CREATE TABLE spotify.library_changes (
    account_id             text NOT NULL,
    job                    text NOT NULL,
    resource               text NOT NULL,
    list_id                text NOT NULL,
    item_id                text NOT NULL,
    at                     timestamptz NOT NULL,
    name                   text,
    change                 text NOT NULL,
    first_seen_at          timestamptz NOT NULL,
    last_seen_at           timestamptz NOT NULL,
    PRIMARY KEY (account_id, job, resource, list_id, item_id, at)
);
COMMENT ON TABLE spotify.library_changes IS 'What came and went: one row for each item that a run found new, gone or back. A first export logs everything as added.';
COMMENT ON COLUMN spotify.library_changes.account_id IS 'Spotify account whose job wrote the row; app for jobs that need no account.';
COMMENT ON COLUMN spotify.library_changes.job IS 'Job that found the change.';
COMMENT ON COLUMN spotify.library_changes.resource IS 'Resource that the item belongs to; its table has the item''s other columns.';
COMMENT ON COLUMN spotify.library_changes.list_id IS 'Spotify ID of the playlist that the item is in; empty for the account''s own lists.';
COMMENT ON COLUMN spotify.library_changes.item_id IS 'Spotify ID of the item; the Spotify URI of an item of a playlist that is no track.';
COMMENT ON COLUMN spotify.library_changes.at IS 'Start of the run that found the change, UTC.';
COMMENT ON COLUMN spotify.library_changes.name IS 'Name of the item.';
COMMENT ON COLUMN spotify.library_changes.change IS 'added, removed or returned.';
COMMENT ON COLUMN spotify.library_changes.first_seen_at IS 'Start of the run that first saw the row, UTC.';
COMMENT ON COLUMN spotify.library_changes.last_seen_at IS 'Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.';
