-- +goose Up

CREATE TABLE spotify.album_tracks (
    account_id             text NOT NULL,
    album_id               text NOT NULL,
    disc_number            integer NOT NULL,
    track_number           integer NOT NULL,
    track_id               text NOT NULL,
    track_name             text,
    artist_ids             text[],
    artist_names           text[],
    duration_ms            integer,
    explicit               boolean,
    is_playable            boolean,
    linked_from_id         text,
    first_seen_at          timestamptz NOT NULL,
    last_seen_at           timestamptz NOT NULL,
    PRIMARY KEY (account_id, album_id, disc_number, track_number)
);
COMMENT ON TABLE spotify.album_tracks IS 'One row for each track of an album, as the album was when it was last read.';
COMMENT ON COLUMN spotify.album_tracks.account_id IS 'Spotify account whose job wrote the row; app for jobs that need no account.';
COMMENT ON COLUMN spotify.album_tracks.album_id IS 'Spotify ID of the album.';
COMMENT ON COLUMN spotify.album_tracks.disc_number IS 'Number of the disc, from 1.';
COMMENT ON COLUMN spotify.album_tracks.track_number IS 'Number of the track on its disc, from 1; its place on the album where Spotify sends no numbers.';
COMMENT ON COLUMN spotify.album_tracks.track_id IS 'Spotify ID of the track.';
COMMENT ON COLUMN spotify.album_tracks.track_name IS 'Title of the track.';
COMMENT ON COLUMN spotify.album_tracks.artist_ids IS 'Spotify IDs of the track''s artists, main artist first.';
COMMENT ON COLUMN spotify.album_tracks.artist_names IS 'Names of the track''s artists, in the order of artist_ids.';
COMMENT ON COLUMN spotify.album_tracks.duration_ms IS 'Length in milliseconds.';
COMMENT ON COLUMN spotify.album_tracks.explicit IS 'Whether the lyrics are marked explicit.';
COMMENT ON COLUMN spotify.album_tracks.is_playable IS 'Whether the account can play the track in its country.';
COMMENT ON COLUMN spotify.album_tracks.linked_from_id IS 'ID of the track that was saved or ranked, when Spotify plays another in its place.';
COMMENT ON COLUMN spotify.album_tracks.first_seen_at IS 'Start of the run that first saw the row, UTC.';
COMMENT ON COLUMN spotify.album_tracks.last_seen_at IS 'Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.';
CREATE INDEX album_tracks_track_id ON spotify.album_tracks (track_id);

CREATE OR REPLACE VIEW spotify.tracks AS
SELECT DISTINCT ON (track_id) track_id, track_name, artist_ids, artist_names, album_id, album_name, album_type, album_artist_ids, album_artist_names, release_date, release_date_precision, released_on, album_total_tracks, album_image_url, disc_number, track_number, duration_ms, explicit, is_playable, isrc, popularity, linked_from_id, last_seen_at
FROM (
    SELECT track_id, track_name, artist_ids, artist_names, album_id, album_name, album_type, album_artist_ids, album_artist_names, release_date, release_date_precision, released_on, album_total_tracks, album_image_url, disc_number, track_number, duration_ms, explicit, is_playable, isrc, popularity, linked_from_id, last_seen_at, 'saved_tracks.track_id' AS source, concat_ws(' ', account_id, track_id) AS key
    FROM spotify.saved_tracks
    UNION ALL
    SELECT track_id, track_name, artist_ids, artist_names, album_id, album_name, album_type, album_artist_ids, album_artist_names, release_date, release_date_precision, released_on, album_total_tracks, album_image_url, disc_number, track_number, duration_ms, explicit, is_playable, isrc, popularity, linked_from_id, last_seen_at, 'top_tracks.track_id' AS source, concat_ws(' ', account_id, time_range, lpad((snapshot_date - DATE '0001-01-01')::text, 10, '0'), lpad(rank::text, 10, '0')) AS key
    FROM spotify.top_tracks
    UNION ALL
    SELECT track_id, track_name, artist_ids, artist_names, album_id, album_name, album_type, album_artist_ids, album_artist_names, release_date, release_date_precision, released_on, album_total_tracks, album_image_url, disc_number, track_number, duration_ms, explicit, is_playable, isrc, popularity, linked_from_id, last_seen_at, 'playlist_items.track_id' AS source, concat_ws(' ', account_id, playlist_id, lpad(position::text, 10, '0')) AS key
    FROM spotify.playlist_items
    UNION ALL
    SELECT track_id, track_name, artist_ids, artist_names, album_id, album_name, album_type, album_artist_ids, album_artist_names, release_date, release_date_precision, released_on, album_total_tracks, album_image_url, disc_number, track_number, duration_ms, explicit, is_playable, isrc, popularity, linked_from_id, last_seen_at, 'plays.track_id' AS source, concat_ws(' ', account_id, lpad((extract(epoch FROM played_at) * 1000000)::bigint::text, 20, '0'), track_id) AS key
    FROM spotify.plays
    UNION ALL
    SELECT track_id, track_name, artist_ids, artist_names, album_id, album_name, album_type, album_artist_ids, album_artist_names, release_date, release_date_precision, released_on, album_total_tracks, album_image_url, disc_number, track_number, duration_ms, explicit, is_playable, CAST(NULL AS text) AS isrc, CAST(NULL AS integer) AS popularity, linked_from_id, last_seen_at, 'saved_album_tracks.track_id' AS source, concat_ws(' ', account_id, album_id, lpad(disc_number::text, 10, '0'), lpad(track_number::text, 10, '0')) AS key
    FROM spotify.saved_album_tracks
    UNION ALL
    SELECT track_id, track_name, artist_ids, artist_names, album_id, CAST(NULL AS text) AS album_name, CAST(NULL AS text) AS album_type, CAST(NULL AS text[]) AS album_artist_ids, CAST(NULL AS text[]) AS album_artist_names, CAST(NULL AS text) AS release_date, CAST(NULL AS text) AS release_date_precision, CAST(NULL AS date) AS released_on, CAST(NULL AS integer) AS album_total_tracks, CAST(NULL AS text) AS album_image_url, disc_number, track_number, duration_ms, explicit, is_playable, CAST(NULL AS text) AS isrc, CAST(NULL AS integer) AS popularity, linked_from_id, last_seen_at, 'album_tracks.track_id' AS source, concat_ws(' ', account_id, album_id, lpad(disc_number::text, 10, '0'), lpad(track_number::text, 10, '0')) AS key
    FROM spotify.album_tracks
) AS told
WHERE track_id <> ''
ORDER BY track_id, track_name IS NULL, isrc IS NULL, album_name IS NULL, last_seen_at DESC, source COLLATE "C", key COLLATE "C";
COMMENT ON VIEW spotify.tracks IS 'Every track that a table tells of, once, as it was seen last.';
COMMENT ON COLUMN spotify.tracks.track_id IS 'Spotify ID of the track.';
COMMENT ON COLUMN spotify.tracks.track_name IS 'Title of the track.';
COMMENT ON COLUMN spotify.tracks.artist_ids IS 'Spotify IDs of the track''s artists, main artist first.';
COMMENT ON COLUMN spotify.tracks.artist_names IS 'Names of the track''s artists, in the order of artist_ids.';
COMMENT ON COLUMN spotify.tracks.album_id IS 'Spotify ID of the album that the track is on.';
COMMENT ON COLUMN spotify.tracks.album_name IS 'Title of the album; empty when Spotify took the album down.';
COMMENT ON COLUMN spotify.tracks.album_type IS 'album, single or compilation.';
COMMENT ON COLUMN spotify.tracks.album_artist_ids IS 'Spotify IDs of the album''s artists, main artist first.';
COMMENT ON COLUMN spotify.tracks.album_artist_names IS 'Names of the album''s artists, in the order of album_artist_ids.';
COMMENT ON COLUMN spotify.tracks.release_date IS 'Release date of the album as Spotify gives it: year, year and month, or day.';
COMMENT ON COLUMN spotify.tracks.release_date_precision IS 'How exact release_date is: year, month or day.';
COMMENT ON COLUMN spotify.tracks.released_on IS 'First day of the period that release_date names; NULL when its year is 0000 or absent.';
COMMENT ON COLUMN spotify.tracks.album_total_tracks IS 'Number of tracks on the album.';
COMMENT ON COLUMN spotify.tracks.album_image_url IS 'Address of the album''s cover, in its widest size.';
COMMENT ON COLUMN spotify.tracks.disc_number IS 'Number of the disc, from 1.';
COMMENT ON COLUMN spotify.tracks.track_number IS 'Number of the track on its disc, from 1.';
COMMENT ON COLUMN spotify.tracks.duration_ms IS 'Length in milliseconds.';
COMMENT ON COLUMN spotify.tracks.explicit IS 'Whether the lyrics are marked explicit.';
COMMENT ON COLUMN spotify.tracks.is_playable IS 'Whether the account can play the track in its country.';
COMMENT ON COLUMN spotify.tracks.isrc IS 'International Standard Recording Code.';
COMMENT ON COLUMN spotify.tracks.popularity IS 'Popularity from 0 to 100; NULL for apps in development mode, which do not get it.';
COMMENT ON COLUMN spotify.tracks.linked_from_id IS 'ID of the track that was saved or ranked, when Spotify plays another in its place.';
COMMENT ON COLUMN spotify.tracks.last_seen_at IS 'Start of the run that last saw the row new or changed, UTC.';

CREATE OR REPLACE VIEW spotify.albums AS
SELECT DISTINCT ON (album_id) album_id, album_name, album_type, artist_ids, artist_names, release_date, release_date_precision, released_on, total_tracks, image_url, last_seen_at
FROM (
    SELECT album_id, album_name, album_type, album_artist_ids AS artist_ids, album_artist_names AS artist_names, release_date, release_date_precision, released_on, album_total_tracks AS total_tracks, album_image_url AS image_url, last_seen_at, 'saved_tracks.album_id' AS source, concat_ws(' ', account_id, track_id) AS key
    FROM spotify.saved_tracks
    UNION ALL
    SELECT album_id, album_name, album_type, album_artist_ids AS artist_ids, album_artist_names AS artist_names, release_date, release_date_precision, released_on, album_total_tracks AS total_tracks, album_image_url AS image_url, last_seen_at, 'top_tracks.album_id' AS source, concat_ws(' ', account_id, time_range, lpad((snapshot_date - DATE '0001-01-01')::text, 10, '0'), lpad(rank::text, 10, '0')) AS key
    FROM spotify.top_tracks
    UNION ALL
    SELECT album_id, album_name, album_type, album_artist_ids AS artist_ids, album_artist_names AS artist_names, release_date, release_date_precision, released_on, album_total_tracks AS total_tracks, album_image_url AS image_url, last_seen_at, 'artist_albums.album_id' AS source, concat_ws(' ', account_id, artist_id, album_id) AS key
    FROM spotify.artist_albums
    UNION ALL
    SELECT album_id, album_name, album_type, album_artist_ids AS artist_ids, album_artist_names AS artist_names, release_date, release_date_precision, released_on, album_total_tracks AS total_tracks, album_image_url AS image_url, last_seen_at, 'playlist_items.album_id' AS source, concat_ws(' ', account_id, playlist_id, lpad(position::text, 10, '0')) AS key
    FROM spotify.playlist_items
    UNION ALL
    SELECT album_id, album_name, album_type, album_artist_ids AS artist_ids, album_artist_names AS artist_names, release_date, release_date_precision, released_on, album_total_tracks AS total_tracks, album_image_url AS image_url, last_seen_at, 'plays.album_id' AS source, concat_ws(' ', account_id, lpad((extract(epoch FROM played_at) * 1000000)::bigint::text, 20, '0'), track_id) AS key
    FROM spotify.plays
    UNION ALL
    SELECT album_id, album_name, album_type, album_artist_ids AS artist_ids, album_artist_names AS artist_names, release_date, release_date_precision, released_on, album_total_tracks AS total_tracks, album_image_url AS image_url, last_seen_at, 'saved_albums.album_id' AS source, concat_ws(' ', account_id, album_id) AS key
    FROM spotify.saved_albums
    UNION ALL
    SELECT album_id, album_name, album_type, album_artist_ids AS artist_ids, album_artist_names AS artist_names, release_date, release_date_precision, released_on, album_total_tracks AS total_tracks, album_image_url AS image_url, last_seen_at, 'saved_album_tracks.album_id' AS source, concat_ws(' ', account_id, album_id, lpad(disc_number::text, 10, '0'), lpad(track_number::text, 10, '0')) AS key
    FROM spotify.saved_album_tracks
) AS told
WHERE album_id <> ''
ORDER BY album_id, album_name IS NULL, last_seen_at DESC, source COLLATE "C", key COLLATE "C";
COMMENT ON VIEW spotify.albums IS 'Every album that a table tells of, once, as it was seen last.';
COMMENT ON COLUMN spotify.albums.album_id IS 'Spotify ID of the album.';
COMMENT ON COLUMN spotify.albums.album_name IS 'Title of the album; empty when Spotify took the album down.';
COMMENT ON COLUMN spotify.albums.album_type IS 'album, single or compilation.';
COMMENT ON COLUMN spotify.albums.artist_ids IS 'Spotify IDs of the album''s artists, main artist first.';
COMMENT ON COLUMN spotify.albums.artist_names IS 'Names of the album''s artists, in the order of album_artist_ids.';
COMMENT ON COLUMN spotify.albums.release_date IS 'Release date of the album as Spotify gives it: year, year and month, or day.';
COMMENT ON COLUMN spotify.albums.release_date_precision IS 'How exact release_date is: year, month or day.';
COMMENT ON COLUMN spotify.albums.released_on IS 'First day of the period that release_date names; NULL when its year is 0000 or absent.';
COMMENT ON COLUMN spotify.albums.total_tracks IS 'Number of tracks on the album.';
COMMENT ON COLUMN spotify.albums.image_url IS 'Address of the album''s cover, in its widest size.';
COMMENT ON COLUMN spotify.albums.last_seen_at IS 'Start of the run that last saw the row new or changed, UTC.';

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
    UNION ALL
    SELECT unnest(artist_ids) AS artist_id, nullif(unnest(artist_names), '') AS artist_name, last_seen_at, 'playlist_items.artist_ids' AS source, unnest(artist_names) AS key
    FROM (SELECT artist_ids, artist_names, max(last_seen_at) AS last_seen_at FROM spotify.playlist_items GROUP BY artist_ids, artist_names) AS lists
    UNION ALL
    SELECT unnest(album_artist_ids) AS artist_id, nullif(unnest(album_artist_names), '') AS artist_name, last_seen_at, 'playlist_items.album_artist_ids' AS source, unnest(album_artist_names) AS key
    FROM (SELECT album_artist_ids, album_artist_names, max(last_seen_at) AS last_seen_at FROM spotify.playlist_items GROUP BY album_artist_ids, album_artist_names) AS lists
    UNION ALL
    SELECT unnest(artist_ids) AS artist_id, nullif(unnest(artist_names), '') AS artist_name, last_seen_at, 'plays.artist_ids' AS source, unnest(artist_names) AS key
    FROM (SELECT artist_ids, artist_names, max(last_seen_at) AS last_seen_at FROM spotify.plays GROUP BY artist_ids, artist_names) AS lists
    UNION ALL
    SELECT unnest(album_artist_ids) AS artist_id, nullif(unnest(album_artist_names), '') AS artist_name, last_seen_at, 'plays.album_artist_ids' AS source, unnest(album_artist_names) AS key
    FROM (SELECT album_artist_ids, album_artist_names, max(last_seen_at) AS last_seen_at FROM spotify.plays GROUP BY album_artist_ids, album_artist_names) AS lists
    UNION ALL
    SELECT artist_id, artist_name, last_seen_at, 'top_artists.artist_id' AS source, concat_ws(' ', account_id, time_range, lpad((snapshot_date - DATE '0001-01-01')::text, 10, '0'), lpad(rank::text, 10, '0')) AS key
    FROM spotify.top_artists
    UNION ALL
    SELECT unnest(album_artist_ids) AS artist_id, nullif(unnest(album_artist_names), '') AS artist_name, last_seen_at, 'saved_albums.album_artist_ids' AS source, unnest(album_artist_names) AS key
    FROM (SELECT album_artist_ids, album_artist_names, max(last_seen_at) AS last_seen_at FROM spotify.saved_albums GROUP BY album_artist_ids, album_artist_names) AS lists
    UNION ALL
    SELECT unnest(artist_ids) AS artist_id, nullif(unnest(artist_names), '') AS artist_name, last_seen_at, 'saved_album_tracks.artist_ids' AS source, unnest(artist_names) AS key
    FROM (SELECT artist_ids, artist_names, max(last_seen_at) AS last_seen_at FROM spotify.saved_album_tracks GROUP BY artist_ids, artist_names) AS lists
    UNION ALL
    SELECT unnest(album_artist_ids) AS artist_id, nullif(unnest(album_artist_names), '') AS artist_name, last_seen_at, 'saved_album_tracks.album_artist_ids' AS source, unnest(album_artist_names) AS key
    FROM (SELECT album_artist_ids, album_artist_names, max(last_seen_at) AS last_seen_at FROM spotify.saved_album_tracks GROUP BY album_artist_ids, album_artist_names) AS lists
    UNION ALL
    SELECT unnest(artist_ids) AS artist_id, nullif(unnest(artist_names), '') AS artist_name, last_seen_at, 'album_tracks.artist_ids' AS source, unnest(artist_names) AS key
    FROM (SELECT artist_ids, artist_names, max(last_seen_at) AS last_seen_at FROM spotify.album_tracks GROUP BY artist_ids, artist_names) AS lists
) AS told
WHERE artist_id <> ''
ORDER BY artist_id, artist_name IS NULL, last_seen_at DESC, source COLLATE "C", key COLLATE "C";
COMMENT ON VIEW spotify.artists IS 'Every artist that a table tells of, once, as it was seen last.';
COMMENT ON COLUMN spotify.artists.artist_id IS 'Spotify ID of the artist.';
COMMENT ON COLUMN spotify.artists.artist_name IS 'Name of the artist.';
COMMENT ON COLUMN spotify.artists.last_seen_at IS 'Start of the run that last saw the row new or changed, UTC.';
