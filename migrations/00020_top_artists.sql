-- +goose Up

CREATE TABLE spotify.top_artists (
    account_id             text NOT NULL,
    time_range             text NOT NULL,
    snapshot_date          date NOT NULL,
    rank                   integer NOT NULL,
    artist_id              text NOT NULL,
    artist_name            text,
    genres                 text[],
    popularity             integer,
    followers              integer,
    image_url              text,
    first_seen_at          timestamptz NOT NULL,
    last_seen_at           timestamptz NOT NULL,
    PRIMARY KEY (account_id, time_range, snapshot_date, rank)
);
COMMENT ON TABLE spotify.top_artists IS 'A ranking of the account''s most played artists for each time range and day.';
COMMENT ON COLUMN spotify.top_artists.account_id IS 'Spotify account whose job wrote the row; app for jobs that need no account.';
COMMENT ON COLUMN spotify.top_artists.time_range IS 'short_term (about four weeks), medium_term (six months) or long_term (a year).';
COMMENT ON COLUMN spotify.top_artists.snapshot_date IS 'Day on which the ranking was read, in the time zone of jobs.yaml.';
COMMENT ON COLUMN spotify.top_artists.rank IS 'Place in the ranking, from 1.';
COMMENT ON COLUMN spotify.top_artists.artist_id IS 'Spotify ID of the artist.';
COMMENT ON COLUMN spotify.top_artists.artist_name IS 'Name of the artist.';
COMMENT ON COLUMN spotify.top_artists.genres IS 'Genres of the artist; NULL for apps in development mode, which do not get them.';
COMMENT ON COLUMN spotify.top_artists.popularity IS 'Popularity from 0 to 100; NULL for apps in development mode, which do not get it.';
COMMENT ON COLUMN spotify.top_artists.followers IS 'Number of followers; NULL for apps in development mode, which do not get it.';
COMMENT ON COLUMN spotify.top_artists.image_url IS 'Address of the artist''s picture, in its widest size.';
COMMENT ON COLUMN spotify.top_artists.first_seen_at IS 'Start of the run that first saw the row, UTC.';
COMMENT ON COLUMN spotify.top_artists.last_seen_at IS 'Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.';
CREATE INDEX top_artists_artist_id ON spotify.top_artists (artist_id);
