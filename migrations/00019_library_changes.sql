-- +goose Up

CREATE TABLE spotify.library_changes (
    account_id             text NOT NULL,
    job                    text NOT NULL,
    resource               text NOT NULL,
    list_id                text NOT NULL,
    item_id                text NOT NULL,
    changed_at             timestamptz NOT NULL,
    name                   text,
    change                 text NOT NULL,
    first_seen_at          timestamptz NOT NULL,
    last_seen_at           timestamptz NOT NULL,
    PRIMARY KEY (account_id, job, resource, list_id, item_id, changed_at)
);
COMMENT ON TABLE spotify.library_changes IS 'What came and went: one row for each item that a run found new, gone or back. A first export logs everything as added.';
COMMENT ON COLUMN spotify.library_changes.account_id IS 'Spotify account whose job wrote the row; app for jobs that need no account.';
COMMENT ON COLUMN spotify.library_changes.job IS 'Job that found the change.';
COMMENT ON COLUMN spotify.library_changes.resource IS 'Resource that the item belongs to; its table has the item''s other columns.';
COMMENT ON COLUMN spotify.library_changes.list_id IS 'Spotify ID of the playlist that the item is in; empty for the account''s own lists.';
COMMENT ON COLUMN spotify.library_changes.item_id IS 'Spotify ID of the item; the Spotify URI of an item of a playlist that is no track.';
COMMENT ON COLUMN spotify.library_changes.changed_at IS 'Start of the run that found the change, UTC.';
COMMENT ON COLUMN spotify.library_changes.name IS 'Name of the item.';
COMMENT ON COLUMN spotify.library_changes.change IS 'added, removed or returned.';
COMMENT ON COLUMN spotify.library_changes.first_seen_at IS 'Start of the run that first saw the row, UTC.';
COMMENT ON COLUMN spotify.library_changes.last_seen_at IS 'Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.';

DO $$ BEGIN IF to_regnamespace('analytics') IS NULL THEN CREATE SCHEMA analytics; END IF; END $$;
CREATE OR REPLACE FUNCTION analytics.library_on(day date)
RETURNS TABLE (account_id text, resource text, list_id text, item_id text, name text, since timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT account_id, resource, list_id, item_id, name, changed_at AS since
FROM (
    SELECT DISTINCT ON (account_id, resource, list_id, item_id) account_id, resource, list_id, item_id, name, changed_at, change
    FROM spotify.library_changes
    WHERE changed_at < CAST(CAST(day AS date) + 1 AS timestamp) AT TIME ZONE 'UTC'
    ORDER BY account_id, resource, list_id, item_id, changed_at DESC, job COLLATE "C"
) AS last
WHERE change <> 'removed'
$$;
COMMENT ON FUNCTION analytics.library_on IS 'What was there at the end of a day, UTC, by library_changes: one row for each item and list.';
