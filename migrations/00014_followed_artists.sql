-- +goose Up

CREATE TABLE spotify.followed_artists (
    account_id             text NOT NULL,
    artist_id              text NOT NULL,
    artist_name            text,
    genres                 text[],
    popularity             integer,
    followers              integer,
    image_url              text,
    first_seen_at          timestamptz NOT NULL,
    last_seen_at           timestamptz NOT NULL,
    removed_at             timestamptz,
    PRIMARY KEY (account_id, artist_id)
);
COMMENT ON TABLE spotify.followed_artists IS 'One row for each artist that the account follows or followed.';
COMMENT ON COLUMN spotify.followed_artists.account_id IS 'Spotify account whose job wrote the row; app for jobs that need no account.';
COMMENT ON COLUMN spotify.followed_artists.artist_id IS 'Spotify ID of the artist.';
COMMENT ON COLUMN spotify.followed_artists.artist_name IS 'Name of the artist.';
COMMENT ON COLUMN spotify.followed_artists.genres IS 'Genres of the artist; NULL for apps in development mode, which do not get them.';
COMMENT ON COLUMN spotify.followed_artists.popularity IS 'Popularity from 0 to 100; NULL for apps in development mode, which do not get it.';
COMMENT ON COLUMN spotify.followed_artists.followers IS 'Number of followers; NULL for apps in development mode, which do not get it.';
COMMENT ON COLUMN spotify.followed_artists.image_url IS 'Address of the artist''s picture, in its widest size.';
COMMENT ON COLUMN spotify.followed_artists.first_seen_at IS 'Start of the run that first saw the row, UTC.';
COMMENT ON COLUMN spotify.followed_artists.last_seen_at IS 'Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.';
COMMENT ON COLUMN spotify.followed_artists.removed_at IS 'Start of the run that found the row gone, UTC; NULL while it is there.';
CREATE INDEX followed_artists_artist_id ON spotify.followed_artists (artist_id);

CREATE OR REPLACE VIEW spotify.artists AS
SELECT DISTINCT ON (artist_id) artist_id, artist_name, last_seen_at
FROM (
    SELECT unnest(artist_ids) AS artist_id, nullif(unnest(artist_names), '') AS artist_name, last_seen_at, 'saved_tracks.artist_ids' AS source, unnest(artist_names) AS key
    FROM (SELECT artist_ids, artist_names, max(last_seen_at) AS last_seen_at FROM spotify.saved_tracks GROUP BY artist_ids, artist_names) AS lists
    UNION ALL
    SELECT unnest(album_artist_ids) AS artist_id, nullif(unnest(album_artist_names), '') AS artist_name, last_seen_at, 'saved_tracks.album_artist_ids' AS source, unnest(album_artist_names) AS key
    FROM (SELECT album_artist_ids, album_artist_names, max(last_seen_at) AS last_seen_at FROM spotify.saved_tracks GROUP BY album_artist_ids, album_artist_names) AS lists
    UNION ALL
    SELECT unnest(artist_ids) AS artist_id, nullif(unnest(artist_names), '') AS artist_name, last_seen_at, 'top_tracks.artist_ids' AS source, unnest(artist_names) AS key
    FROM (SELECT artist_ids, artist_names, max(last_seen_at) AS last_seen_at FROM spotify.top_tracks GROUP BY artist_ids, artist_names) AS lists
    UNION ALL
    SELECT unnest(album_artist_ids) AS artist_id, nullif(unnest(album_artist_names), '') AS artist_name, last_seen_at, 'top_tracks.album_artist_ids' AS source, unnest(album_artist_names) AS key
    FROM (SELECT album_artist_ids, album_artist_names, max(last_seen_at) AS last_seen_at FROM spotify.top_tracks GROUP BY album_artist_ids, album_artist_names) AS lists
    UNION ALL
    SELECT artist_id, artist_name, last_seen_at, 'artist_albums.artist_id' AS source, concat_ws(' ', account_id, artist_id, album_id) AS key
    FROM spotify.artist_albums
    UNION ALL
    SELECT unnest(album_artist_ids) AS artist_id, nullif(unnest(album_artist_names), '') AS artist_name, last_seen_at, 'artist_albums.album_artist_ids' AS source, unnest(album_artist_names) AS key
    FROM (SELECT album_artist_ids, album_artist_names, max(last_seen_at) AS last_seen_at FROM spotify.artist_albums GROUP BY album_artist_ids, album_artist_names) AS lists
    UNION ALL
    SELECT artist_id, artist_name, last_seen_at, 'followed_artists.artist_id' AS source, concat_ws(' ', account_id, artist_id) AS key
    FROM spotify.followed_artists
) AS told
WHERE artist_id <> ''
ORDER BY artist_id, artist_name IS NULL, last_seen_at DESC, source COLLATE "C", key COLLATE "C";
COMMENT ON VIEW spotify.artists IS 'Every artist that a table tells of, once, as it was seen last.';
COMMENT ON COLUMN spotify.artists.artist_id IS 'Spotify ID of the artist.';
COMMENT ON COLUMN spotify.artists.artist_name IS 'Name of the artist.';
COMMENT ON COLUMN spotify.artists.last_seen_at IS 'Start of the run that last saw the row new or changed, UTC.';
