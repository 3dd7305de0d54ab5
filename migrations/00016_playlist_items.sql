-- +goose Up

CREATE TABLE spotify.playlist_items (
    account_id             text NOT NULL,
    playlist_id            text NOT NULL,
    position               integer NOT NULL,
    added_at               timestamptz,
    added_by               text,
    item_type              text,
    item_uri               text,
    item_name              text,
    is_local               boolean,
    show_id                text,
    show_name              text,
    track_id               text,
    track_name             text,
    artist_ids             text[],
    artist_names           text[],
    album_id               text,
    album_name             text,
    album_type             text,
    album_artist_ids       text[],
    album_artist_names     text[],
    release_date           text,
    release_date_precision text,
    released_on            date,
    album_total_tracks     integer,
    album_image_url        text,
    disc_number            integer,
    track_number           integer,
    duration_ms            integer,
    explicit               boolean,
    is_playable            boolean,
    isrc                   text,
    popularity             integer,
    linked_from_id         text,
    first_seen_at          timestamptz NOT NULL,
    last_seen_at           timestamptz NOT NULL,
    PRIMARY KEY (account_id, playlist_id, position)
);
COMMENT ON TABLE spotify.playlist_items IS 'One row for each place of a playlist, as the playlist is now.';
COMMENT ON COLUMN spotify.playlist_items.account_id IS 'Spotify account whose job wrote the row; app for jobs that need no account.';
COMMENT ON COLUMN spotify.playlist_items.playlist_id IS 'Spotify ID of the playlist.';
COMMENT ON COLUMN spotify.playlist_items.position IS 'Place in the playlist, from 1.';
COMMENT ON COLUMN spotify.playlist_items.added_at IS 'When the item was added, UTC; NULL in very old playlists.';
COMMENT ON COLUMN spotify.playlist_items.added_by IS 'Spotify user ID of whoever added the item.';
COMMENT ON COLUMN spotify.playlist_items.item_type IS 'track or episode; NULL where Spotify no longer knows the item.';
COMMENT ON COLUMN spotify.playlist_items.item_uri IS 'Spotify URI of the item; that of a local file tells its names.';
COMMENT ON COLUMN spotify.playlist_items.item_name IS 'Title of the track, episode or local file.';
COMMENT ON COLUMN spotify.playlist_items.is_local IS 'Whether the item is a file on a computer, which has no Spotify ID.';
COMMENT ON COLUMN spotify.playlist_items.show_id IS 'Spotify ID of the show that the episode belongs to.';
COMMENT ON COLUMN spotify.playlist_items.show_name IS 'Name of that show.';
COMMENT ON COLUMN spotify.playlist_items.track_id IS 'Spotify ID of the track; NULL for anything else.';
COMMENT ON COLUMN spotify.playlist_items.track_name IS 'Title of the track.';
COMMENT ON COLUMN spotify.playlist_items.artist_ids IS 'Spotify IDs of the track''s artists, main artist first.';
COMMENT ON COLUMN spotify.playlist_items.artist_names IS 'Names of the track''s artists, in the order of artist_ids.';
COMMENT ON COLUMN spotify.playlist_items.album_id IS 'Spotify ID of the album that the track is on.';
COMMENT ON COLUMN spotify.playlist_items.album_name IS 'Title of the album; empty when Spotify took the album down.';
COMMENT ON COLUMN spotify.playlist_items.album_type IS 'album, single or compilation.';
COMMENT ON COLUMN spotify.playlist_items.album_artist_ids IS 'Spotify IDs of the album''s artists, main artist first.';
COMMENT ON COLUMN spotify.playlist_items.album_artist_names IS 'Names of the album''s artists, in the order of album_artist_ids.';
COMMENT ON COLUMN spotify.playlist_items.release_date IS 'Release date of the album as Spotify gives it: year, year and month, or day.';
COMMENT ON COLUMN spotify.playlist_items.release_date_precision IS 'How exact release_date is: year, month or day.';
COMMENT ON COLUMN spotify.playlist_items.released_on IS 'First day of the period that release_date names; NULL when its year is 0000 or absent.';
COMMENT ON COLUMN spotify.playlist_items.album_total_tracks IS 'Number of tracks on the album.';
COMMENT ON COLUMN spotify.playlist_items.album_image_url IS 'Address of the album''s cover, in its widest size.';
COMMENT ON COLUMN spotify.playlist_items.disc_number IS 'Number of the disc, from 1.';
COMMENT ON COLUMN spotify.playlist_items.track_number IS 'Number of the track on its disc, from 1.';
COMMENT ON COLUMN spotify.playlist_items.duration_ms IS 'Length in milliseconds.';
COMMENT ON COLUMN spotify.playlist_items.explicit IS 'Whether the lyrics are marked explicit.';
COMMENT ON COLUMN spotify.playlist_items.is_playable IS 'Whether the account can play the track in its country.';
COMMENT ON COLUMN spotify.playlist_items.isrc IS 'International Standard Recording Code.';
COMMENT ON COLUMN spotify.playlist_items.popularity IS 'Popularity from 0 to 100; NULL for apps in development mode, which do not get it.';
COMMENT ON COLUMN spotify.playlist_items.linked_from_id IS 'ID of the track that was saved or ranked, when Spotify plays another in its place.';
COMMENT ON COLUMN spotify.playlist_items.first_seen_at IS 'Start of the run that first saw the row, UTC.';
COMMENT ON COLUMN spotify.playlist_items.last_seen_at IS 'Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.';
CREATE INDEX playlist_items_track_id ON spotify.playlist_items (track_id);
CREATE INDEX playlist_items_album_id ON spotify.playlist_items (album_id);

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
) AS told
WHERE track_id <> ''
ORDER BY track_id, track_name IS NULL, last_seen_at DESC, source COLLATE "C", key COLLATE "C";
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
) AS told
WHERE artist_id <> ''
ORDER BY artist_id, artist_name IS NULL, last_seen_at DESC, source COLLATE "C", key COLLATE "C";
COMMENT ON VIEW spotify.artists IS 'Every artist that a table tells of, once, as it was seen last.';
COMMENT ON COLUMN spotify.artists.artist_id IS 'Spotify ID of the artist.';
COMMENT ON COLUMN spotify.artists.artist_name IS 'Name of the artist.';
COMMENT ON COLUMN spotify.artists.last_seen_at IS 'Start of the run that last saw the row new or changed, UTC.';
