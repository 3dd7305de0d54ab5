-- +goose Up

CREATE TABLE spotify.saved_audiobooks (
    account_id             text NOT NULL,
    audiobook_id           text NOT NULL,
    audiobook_name         text,
    authors                text[],
    narrators              text[],
    publisher              text,
    edition                text,
    description            text,
    media_type             text,
    languages              text[],
    explicit               boolean,
    total_chapters         integer,
    audiobook_uri          text,
    image_url              text,
    first_seen_at          timestamptz NOT NULL,
    last_seen_at           timestamptz NOT NULL,
    removed_at             timestamptz,
    PRIMARY KEY (account_id, audiobook_id)
);
COMMENT ON TABLE spotify.saved_audiobooks IS 'One row for each audiobook that is or was saved in the account''s library.';
COMMENT ON COLUMN spotify.saved_audiobooks.account_id IS 'Spotify account whose job wrote the row; app for jobs that need no account.';
COMMENT ON COLUMN spotify.saved_audiobooks.audiobook_id IS 'Spotify ID of the audiobook.';
COMMENT ON COLUMN spotify.saved_audiobooks.audiobook_name IS 'Title of the audiobook.';
COMMENT ON COLUMN spotify.saved_audiobooks.authors IS 'Names of the authors.';
COMMENT ON COLUMN spotify.saved_audiobooks.narrators IS 'Names of the narrators.';
COMMENT ON COLUMN spotify.saved_audiobooks.publisher IS 'Publisher of the audiobook; NULL for apps in development mode, which do not get it.';
COMMENT ON COLUMN spotify.saved_audiobooks.edition IS 'Edition of the audiobook.';
COMMENT ON COLUMN spotify.saved_audiobooks.description IS 'Description of the audiobook.';
COMMENT ON COLUMN spotify.saved_audiobooks.media_type IS 'Usually audio.';
COMMENT ON COLUMN spotify.saved_audiobooks.languages IS 'Languages that are spoken, as ISO 639 codes.';
COMMENT ON COLUMN spotify.saved_audiobooks.explicit IS 'Whether the audiobook is marked explicit.';
COMMENT ON COLUMN spotify.saved_audiobooks.total_chapters IS 'Number of chapters.';
COMMENT ON COLUMN spotify.saved_audiobooks.audiobook_uri IS 'Spotify URI of the audiobook, which may be that of a show.';
COMMENT ON COLUMN spotify.saved_audiobooks.image_url IS 'Address of the audiobook''s cover, in its widest size.';
COMMENT ON COLUMN spotify.saved_audiobooks.first_seen_at IS 'Start of the run that first saw the row, UTC.';
COMMENT ON COLUMN spotify.saved_audiobooks.last_seen_at IS 'Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.';
COMMENT ON COLUMN spotify.saved_audiobooks.removed_at IS 'Start of the run that found the row gone, UTC; NULL while it is there.';
