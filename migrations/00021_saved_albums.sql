-- +goose Up

CREATE TABLE spotify.saved_albums (
    account_id             text NOT NULL,
    added_at               timestamptz,
    album_id               text NOT NULL,
    album_name             text,
    album_type             text,
    album_artist_ids       text[],
    album_artist_names     text[],
    release_date           text,
    release_date_precision text,
    released_on            date,
    album_total_tracks     integer,
    album_image_url        text,
    first_seen_at          timestamptz NOT NULL,
    last_seen_at           timestamptz NOT NULL,
    removed_at             timestamptz,
    PRIMARY KEY (account_id, album_id)
);
COMMENT ON TABLE spotify.saved_albums IS 'One row for each album that is or was saved in the account''s library.';
COMMENT ON COLUMN spotify.saved_albums.account_id IS 'Spotify account whose job wrote the row; app for jobs that need no account.';
COMMENT ON COLUMN spotify.saved_albums.added_at IS 'When the album was saved, UTC, as Spotify says; it can lie years off.';
COMMENT ON COLUMN spotify.saved_albums.album_id IS 'Spotify ID of the album.';
COMMENT ON COLUMN spotify.saved_albums.album_name IS 'Title of the album; empty when Spotify took the album down.';
COMMENT ON COLUMN spotify.saved_albums.album_type IS 'album, single or compilation.';
COMMENT ON COLUMN spotify.saved_albums.album_artist_ids IS 'Spotify IDs of the album''s artists, main artist first.';
COMMENT ON COLUMN spotify.saved_albums.album_artist_names IS 'Names of the album''s artists, in the order of album_artist_ids.';
COMMENT ON COLUMN spotify.saved_albums.release_date IS 'Release date of the album as Spotify gives it: year, year and month, or day.';
COMMENT ON COLUMN spotify.saved_albums.release_date_precision IS 'How exact release_date is: year, month or day.';
COMMENT ON COLUMN spotify.saved_albums.released_on IS 'First day of the period that release_date names; NULL when its year is 0000 or absent.';
COMMENT ON COLUMN spotify.saved_albums.album_total_tracks IS 'Number of tracks on the album.';
COMMENT ON COLUMN spotify.saved_albums.album_image_url IS 'Address of the album''s cover, in its widest size.';
COMMENT ON COLUMN spotify.saved_albums.first_seen_at IS 'Start of the run that first saw the row, UTC.';
COMMENT ON COLUMN spotify.saved_albums.last_seen_at IS 'Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.';
COMMENT ON COLUMN spotify.saved_albums.removed_at IS 'Start of the run that found the row gone, UTC; NULL while it is there.';
CREATE INDEX saved_albums_album_id ON spotify.saved_albums (album_id);

CREATE TABLE spotify.saved_album_tracks (
    account_id             text NOT NULL,
    album_id               text NOT NULL,
    disc_number            integer NOT NULL,
    track_number           integer NOT NULL,
    track_id               text NOT NULL,
    track_name             text,
    artist_ids             text[],
    artist_names           text[],
    album_name             text,
    album_type             text,
    album_artist_ids       text[],
    album_artist_names     text[],
    release_date           text,
    release_date_precision text,
    released_on            date,
    album_total_tracks     integer,
    album_image_url        text,
    duration_ms            integer,
    explicit               boolean,
    is_playable            boolean,
    linked_from_id         text,
    first_seen_at          timestamptz NOT NULL,
    last_seen_at           timestamptz NOT NULL,
    removed_at             timestamptz,
    PRIMARY KEY (account_id, album_id, disc_number, track_number)
);
COMMENT ON TABLE spotify.saved_album_tracks IS 'One row for each track of an album that is or was saved in the account''s library.';
COMMENT ON COLUMN spotify.saved_album_tracks.account_id IS 'Spotify account whose job wrote the row; app for jobs that need no account.';
COMMENT ON COLUMN spotify.saved_album_tracks.album_id IS 'Spotify ID of the album.';
COMMENT ON COLUMN spotify.saved_album_tracks.disc_number IS 'Number of the disc, from 1.';
COMMENT ON COLUMN spotify.saved_album_tracks.track_number IS 'Number of the track on its disc, from 1; its place on the album where Spotify sends no numbers.';
COMMENT ON COLUMN spotify.saved_album_tracks.track_id IS 'Spotify ID of the track.';
COMMENT ON COLUMN spotify.saved_album_tracks.track_name IS 'Title of the track.';
COMMENT ON COLUMN spotify.saved_album_tracks.artist_ids IS 'Spotify IDs of the track''s artists, main artist first.';
COMMENT ON COLUMN spotify.saved_album_tracks.artist_names IS 'Names of the track''s artists, in the order of artist_ids.';
COMMENT ON COLUMN spotify.saved_album_tracks.album_name IS 'Title of the album; empty when Spotify took the album down.';
COMMENT ON COLUMN spotify.saved_album_tracks.album_type IS 'album, single or compilation.';
COMMENT ON COLUMN spotify.saved_album_tracks.album_artist_ids IS 'Spotify IDs of the album''s artists, main artist first.';
COMMENT ON COLUMN spotify.saved_album_tracks.album_artist_names IS 'Names of the album''s artists, in the order of album_artist_ids.';
COMMENT ON COLUMN spotify.saved_album_tracks.release_date IS 'Release date of the album as Spotify gives it: year, year and month, or day.';
COMMENT ON COLUMN spotify.saved_album_tracks.release_date_precision IS 'How exact release_date is: year, month or day.';
COMMENT ON COLUMN spotify.saved_album_tracks.released_on IS 'First day of the period that release_date names; NULL when its year is 0000 or absent.';
COMMENT ON COLUMN spotify.saved_album_tracks.album_total_tracks IS 'Number of tracks on the album.';
COMMENT ON COLUMN spotify.saved_album_tracks.album_image_url IS 'Address of the album''s cover, in its widest size.';
COMMENT ON COLUMN spotify.saved_album_tracks.duration_ms IS 'Length in milliseconds.';
COMMENT ON COLUMN spotify.saved_album_tracks.explicit IS 'Whether the lyrics are marked explicit.';
COMMENT ON COLUMN spotify.saved_album_tracks.is_playable IS 'Whether the account can play the track in its country.';
COMMENT ON COLUMN spotify.saved_album_tracks.linked_from_id IS 'ID of the track that was saved or ranked, when Spotify plays another in its place.';
COMMENT ON COLUMN spotify.saved_album_tracks.first_seen_at IS 'Start of the run that first saw the row, UTC.';
COMMENT ON COLUMN spotify.saved_album_tracks.last_seen_at IS 'Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.';
COMMENT ON COLUMN spotify.saved_album_tracks.removed_at IS 'Start of the run that found the row gone, UTC; NULL while it is there.';
CREATE INDEX saved_album_tracks_track_id ON spotify.saved_album_tracks (track_id);
CREATE INDEX saved_album_tracks_album_id ON spotify.saved_album_tracks (album_id);
