-- +goose Up

CREATE TABLE spotify.playlists (
    account_id             text NOT NULL,
    playlist_id            text NOT NULL,
    playlist_name          text,
    description            text,
    owner_id               text,
    owner_name             text,
    snapshot_id            text,
    public                 boolean,
    collaborative          boolean,
    total_items            integer,
    image_url              text,
    first_seen_at          timestamptz NOT NULL,
    last_seen_at           timestamptz NOT NULL,
    removed_at             timestamptz,
    PRIMARY KEY (account_id, playlist_id)
);
COMMENT ON TABLE spotify.playlists IS 'One row for each playlist that the account owns or follows, or did.';
COMMENT ON COLUMN spotify.playlists.account_id IS 'Spotify account whose job wrote the row; app for jobs that need no account.';
COMMENT ON COLUMN spotify.playlists.playlist_id IS 'Spotify ID of the playlist.';
COMMENT ON COLUMN spotify.playlists.playlist_name IS 'Name of the playlist.';
COMMENT ON COLUMN spotify.playlists.description IS 'Description of the playlist.';
COMMENT ON COLUMN spotify.playlists.owner_id IS 'Spotify user ID of the owner.';
COMMENT ON COLUMN spotify.playlists.owner_name IS 'Display name of the owner.';
COMMENT ON COLUMN spotify.playlists.snapshot_id IS 'Version of the playlist; it changes with the items.';
COMMENT ON COLUMN spotify.playlists.public IS 'Whether the playlist is on its owner''s profile, as Spotify says, which is not reliable.';
COMMENT ON COLUMN spotify.playlists.collaborative IS 'Whether others may change the playlist.';
COMMENT ON COLUMN spotify.playlists.total_items IS 'Number of items, also of those that the app may not read.';
COMMENT ON COLUMN spotify.playlists.image_url IS 'Address of the playlist''s picture, in its widest size.';
COMMENT ON COLUMN spotify.playlists.first_seen_at IS 'Start of the run that first saw the row, UTC.';
COMMENT ON COLUMN spotify.playlists.last_seen_at IS 'Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.';
COMMENT ON COLUMN spotify.playlists.removed_at IS 'Start of the run that found the row gone, UTC; NULL while it is there.';
