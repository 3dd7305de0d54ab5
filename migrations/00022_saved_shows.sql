-- +goose Up

CREATE TABLE spotify.saved_shows (
    account_id             text NOT NULL,
    added_at               timestamptz,
    show_id                text NOT NULL,
    show_name              text,
    publisher              text,
    description            text,
    media_type             text,
    languages              text[],
    explicit               boolean,
    total_episodes         integer,
    is_externally_hosted   boolean,
    show_uri               text,
    image_url              text,
    first_seen_at          timestamptz NOT NULL,
    last_seen_at           timestamptz NOT NULL,
    removed_at             timestamptz,
    PRIMARY KEY (account_id, show_id)
);
COMMENT ON TABLE spotify.saved_shows IS 'One row for each podcast that is or was saved in the account''s library.';
COMMENT ON COLUMN spotify.saved_shows.account_id IS 'Spotify account whose job wrote the row; app for jobs that need no account.';
COMMENT ON COLUMN spotify.saved_shows.added_at IS 'When the show was saved, UTC, as Spotify says; it can lie years off.';
COMMENT ON COLUMN spotify.saved_shows.show_id IS 'Spotify ID of the show.';
COMMENT ON COLUMN spotify.saved_shows.show_name IS 'Name of the show.';
COMMENT ON COLUMN spotify.saved_shows.publisher IS 'Publisher of the show; NULL for apps in development mode, which do not get it.';
COMMENT ON COLUMN spotify.saved_shows.description IS 'Description of the show.';
COMMENT ON COLUMN spotify.saved_shows.media_type IS 'audio, video or mixed.';
COMMENT ON COLUMN spotify.saved_shows.languages IS 'Languages that are spoken, as ISO 639 codes.';
COMMENT ON COLUMN spotify.saved_shows.explicit IS 'Whether the show is marked explicit.';
COMMENT ON COLUMN spotify.saved_shows.total_episodes IS 'Number of episodes.';
COMMENT ON COLUMN spotify.saved_shows.is_externally_hosted IS 'Whether the episodes lie outside Spotify.';
COMMENT ON COLUMN spotify.saved_shows.show_uri IS 'Spotify URI of the show.';
COMMENT ON COLUMN spotify.saved_shows.image_url IS 'Address of the show''s picture, in its widest size.';
COMMENT ON COLUMN spotify.saved_shows.first_seen_at IS 'Start of the run that first saw the row, UTC.';
COMMENT ON COLUMN spotify.saved_shows.last_seen_at IS 'Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.';
COMMENT ON COLUMN spotify.saved_shows.removed_at IS 'Start of the run that found the row gone, UTC; NULL while it is there.';
