-- +goose Up

-- One table for each resource, views over them, and the exporter's bookkeeping.
-- The part from the schema spotify to the last view is what exporter tables --ddl
-- prints; a test compares the two.
--
-- Versions 1 to 9 belong to the first release, whose tables these replace. A
-- database that has one of them is refused.

CREATE SCHEMA IF NOT EXISTS spotify;

CREATE TABLE spotify.saved_tracks (
    account_id             text NOT NULL,
    added_at               timestamptz,
    track_id               text NOT NULL,
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
    removed_at             timestamptz,
    PRIMARY KEY (account_id, track_id)
);
COMMENT ON TABLE spotify.saved_tracks IS 'One row for each track that is or was saved in the account''s library.';
COMMENT ON COLUMN spotify.saved_tracks.account_id IS 'Spotify account whose job wrote the row; app for jobs that need no account.';
COMMENT ON COLUMN spotify.saved_tracks.added_at IS 'When the track was saved, UTC, as Spotify says; it can lie years off.';
COMMENT ON COLUMN spotify.saved_tracks.track_id IS 'Spotify ID of the track.';
COMMENT ON COLUMN spotify.saved_tracks.track_name IS 'Title of the track.';
COMMENT ON COLUMN spotify.saved_tracks.artist_ids IS 'Spotify IDs of the track''s artists, main artist first.';
COMMENT ON COLUMN spotify.saved_tracks.artist_names IS 'Names of the track''s artists, in the order of artist_ids.';
COMMENT ON COLUMN spotify.saved_tracks.album_id IS 'Spotify ID of the album that the track is on.';
COMMENT ON COLUMN spotify.saved_tracks.album_name IS 'Title of the album; empty when Spotify took the album down.';
COMMENT ON COLUMN spotify.saved_tracks.album_type IS 'album, single or compilation.';
COMMENT ON COLUMN spotify.saved_tracks.album_artist_ids IS 'Spotify IDs of the album''s artists, main artist first.';
COMMENT ON COLUMN spotify.saved_tracks.album_artist_names IS 'Names of the album''s artists, in the order of album_artist_ids.';
COMMENT ON COLUMN spotify.saved_tracks.release_date IS 'Release date of the album as Spotify gives it: year, year and month, or day.';
COMMENT ON COLUMN spotify.saved_tracks.release_date_precision IS 'How exact release_date is: year, month or day.';
COMMENT ON COLUMN spotify.saved_tracks.released_on IS 'First day of the period that release_date names; NULL when its year is 0000 or absent.';
COMMENT ON COLUMN spotify.saved_tracks.album_total_tracks IS 'Number of tracks on the album.';
COMMENT ON COLUMN spotify.saved_tracks.album_image_url IS 'Address of the album''s cover, in its widest size.';
COMMENT ON COLUMN spotify.saved_tracks.disc_number IS 'Number of the disc, from 1.';
COMMENT ON COLUMN spotify.saved_tracks.track_number IS 'Number of the track on its disc, from 1.';
COMMENT ON COLUMN spotify.saved_tracks.duration_ms IS 'Length in milliseconds.';
COMMENT ON COLUMN spotify.saved_tracks.explicit IS 'Whether the lyrics are marked explicit.';
COMMENT ON COLUMN spotify.saved_tracks.is_playable IS 'Whether the account can play the track in its country.';
COMMENT ON COLUMN spotify.saved_tracks.isrc IS 'International Standard Recording Code.';
COMMENT ON COLUMN spotify.saved_tracks.popularity IS 'Popularity from 0 to 100; NULL for apps in development mode, which do not get it.';
COMMENT ON COLUMN spotify.saved_tracks.linked_from_id IS 'ID of the track that was saved or ranked, when Spotify plays another in its place.';
COMMENT ON COLUMN spotify.saved_tracks.first_seen_at IS 'Start of the run that first saw the row, UTC.';
COMMENT ON COLUMN spotify.saved_tracks.last_seen_at IS 'Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.';
COMMENT ON COLUMN spotify.saved_tracks.removed_at IS 'Start of the run that found the row gone, UTC; NULL while it is there.';
CREATE INDEX saved_tracks_track_id ON spotify.saved_tracks (track_id);
CREATE INDEX saved_tracks_album_id ON spotify.saved_tracks (album_id);

CREATE TABLE spotify.rejects (
    account_id             text NOT NULL,
    job                    text NOT NULL,
    resource               text NOT NULL,
    reject_id              text NOT NULL,
    list                   text,
    reason                 text NOT NULL,
    raw                    text NOT NULL,
    first_seen_at          timestamptz NOT NULL,
    last_seen_at           timestamptz NOT NULL,
    PRIMARY KEY (account_id, job, resource, reject_id)
);
COMMENT ON TABLE spotify.rejects IS 'Items that could not be kept, each once, with the JSON that Spotify sent.';
COMMENT ON COLUMN spotify.rejects.account_id IS 'Spotify account whose job wrote the row; app for jobs that need no account.';
COMMENT ON COLUMN spotify.rejects.job IS 'Job that read the item.';
COMMENT ON COLUMN spotify.rejects.resource IS 'Resource that the item belongs to.';
COMMENT ON COLUMN spotify.rejects.reject_id IS 'Hash of the item and the reason.';
COMMENT ON COLUMN spotify.rejects.list IS 'Time range or artist of the list that the item stands in; NULL for a resource of one list.';
COMMENT ON COLUMN spotify.rejects.reason IS 'Why the item could not be kept.';
COMMENT ON COLUMN spotify.rejects.raw IS 'The item as Spotify sent it, JSON.';
COMMENT ON COLUMN spotify.rejects.first_seen_at IS 'Start of the run that first saw the row, UTC.';
COMMENT ON COLUMN spotify.rejects.last_seen_at IS 'Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.';

CREATE TABLE spotify.top_tracks (
    account_id             text NOT NULL,
    time_range             text NOT NULL,
    snapshot_date          date NOT NULL,
    rank                   integer NOT NULL,
    track_id               text NOT NULL,
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
    PRIMARY KEY (account_id, time_range, snapshot_date, rank)
);
COMMENT ON TABLE spotify.top_tracks IS 'A ranking of the account''s most played tracks for each time range and day.';
COMMENT ON COLUMN spotify.top_tracks.account_id IS 'Spotify account whose job wrote the row; app for jobs that need no account.';
COMMENT ON COLUMN spotify.top_tracks.time_range IS 'short_term (about four weeks), medium_term (six months) or long_term (a year).';
COMMENT ON COLUMN spotify.top_tracks.snapshot_date IS 'Day on which the ranking was read, in the time zone of jobs.yaml.';
COMMENT ON COLUMN spotify.top_tracks.rank IS 'Place in the ranking, from 1.';
COMMENT ON COLUMN spotify.top_tracks.track_id IS 'Spotify ID of the track.';
COMMENT ON COLUMN spotify.top_tracks.track_name IS 'Title of the track.';
COMMENT ON COLUMN spotify.top_tracks.artist_ids IS 'Spotify IDs of the track''s artists, main artist first.';
COMMENT ON COLUMN spotify.top_tracks.artist_names IS 'Names of the track''s artists, in the order of artist_ids.';
COMMENT ON COLUMN spotify.top_tracks.album_id IS 'Spotify ID of the album that the track is on.';
COMMENT ON COLUMN spotify.top_tracks.album_name IS 'Title of the album; empty when Spotify took the album down.';
COMMENT ON COLUMN spotify.top_tracks.album_type IS 'album, single or compilation.';
COMMENT ON COLUMN spotify.top_tracks.album_artist_ids IS 'Spotify IDs of the album''s artists, main artist first.';
COMMENT ON COLUMN spotify.top_tracks.album_artist_names IS 'Names of the album''s artists, in the order of album_artist_ids.';
COMMENT ON COLUMN spotify.top_tracks.release_date IS 'Release date of the album as Spotify gives it: year, year and month, or day.';
COMMENT ON COLUMN spotify.top_tracks.release_date_precision IS 'How exact release_date is: year, month or day.';
COMMENT ON COLUMN spotify.top_tracks.released_on IS 'First day of the period that release_date names; NULL when its year is 0000 or absent.';
COMMENT ON COLUMN spotify.top_tracks.album_total_tracks IS 'Number of tracks on the album.';
COMMENT ON COLUMN spotify.top_tracks.album_image_url IS 'Address of the album''s cover, in its widest size.';
COMMENT ON COLUMN spotify.top_tracks.disc_number IS 'Number of the disc, from 1.';
COMMENT ON COLUMN spotify.top_tracks.track_number IS 'Number of the track on its disc, from 1.';
COMMENT ON COLUMN spotify.top_tracks.duration_ms IS 'Length in milliseconds.';
COMMENT ON COLUMN spotify.top_tracks.explicit IS 'Whether the lyrics are marked explicit.';
COMMENT ON COLUMN spotify.top_tracks.is_playable IS 'Whether the account can play the track in its country.';
COMMENT ON COLUMN spotify.top_tracks.isrc IS 'International Standard Recording Code.';
COMMENT ON COLUMN spotify.top_tracks.popularity IS 'Popularity from 0 to 100; NULL for apps in development mode, which do not get it.';
COMMENT ON COLUMN spotify.top_tracks.linked_from_id IS 'ID of the track that was saved or ranked, when Spotify plays another in its place.';
COMMENT ON COLUMN spotify.top_tracks.first_seen_at IS 'Start of the run that first saw the row, UTC.';
COMMENT ON COLUMN spotify.top_tracks.last_seen_at IS 'Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.';
CREATE INDEX top_tracks_track_id ON spotify.top_tracks (track_id);
CREATE INDEX top_tracks_album_id ON spotify.top_tracks (album_id);

CREATE TABLE spotify.artist_albums (
    account_id             text NOT NULL,
    artist_id              text NOT NULL,
    artist_name            text,
    album_id               text NOT NULL,
    album_group            text,
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
    PRIMARY KEY (account_id, artist_id, album_id)
);
COMMENT ON TABLE spotify.artist_albums IS 'The discography of each artist: one row for each artist and album.';
COMMENT ON COLUMN spotify.artist_albums.account_id IS 'Spotify account whose job wrote the row; app for jobs that need no account.';
COMMENT ON COLUMN spotify.artist_albums.artist_id IS 'Spotify ID of the artist in whose discography the album stands.';
COMMENT ON COLUMN spotify.artist_albums.artist_name IS 'Name of that artist; NULL where the album does not credit the artist.';
COMMENT ON COLUMN spotify.artist_albums.album_id IS 'Spotify ID of the album.';
COMMENT ON COLUMN spotify.artist_albums.album_group IS 'The artist''s part in it: album, single, compilation or appears_on.';
COMMENT ON COLUMN spotify.artist_albums.album_name IS 'Title of the album; empty when Spotify took the album down.';
COMMENT ON COLUMN spotify.artist_albums.album_type IS 'album, single or compilation.';
COMMENT ON COLUMN spotify.artist_albums.album_artist_ids IS 'Spotify IDs of the album''s artists, main artist first.';
COMMENT ON COLUMN spotify.artist_albums.album_artist_names IS 'Names of the album''s artists, in the order of album_artist_ids.';
COMMENT ON COLUMN spotify.artist_albums.release_date IS 'Release date of the album as Spotify gives it: year, year and month, or day.';
COMMENT ON COLUMN spotify.artist_albums.release_date_precision IS 'How exact release_date is: year, month or day.';
COMMENT ON COLUMN spotify.artist_albums.released_on IS 'First day of the period that release_date names; NULL when its year is 0000 or absent.';
COMMENT ON COLUMN spotify.artist_albums.album_total_tracks IS 'Number of tracks on the album.';
COMMENT ON COLUMN spotify.artist_albums.album_image_url IS 'Address of the album''s cover, in its widest size.';
COMMENT ON COLUMN spotify.artist_albums.first_seen_at IS 'Start of the run that first saw the row, UTC.';
COMMENT ON COLUMN spotify.artist_albums.last_seen_at IS 'Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.';
COMMENT ON COLUMN spotify.artist_albums.removed_at IS 'Start of the run that found the row gone, UTC; NULL while it is there.';
CREATE INDEX artist_albums_album_id ON spotify.artist_albums (album_id);
CREATE INDEX artist_albums_artist_id ON spotify.artist_albums (artist_id);

CREATE OR REPLACE VIEW spotify.tracks AS
SELECT DISTINCT ON (track_id) track_id, track_name, artist_ids, artist_names, album_id, album_name, album_type, album_artist_ids, album_artist_names, release_date, release_date_precision, released_on, album_total_tracks, album_image_url, disc_number, track_number, duration_ms, explicit, is_playable, isrc, popularity, linked_from_id, last_seen_at
FROM (
    SELECT track_id, track_name, artist_ids, artist_names, album_id, album_name, album_type, album_artist_ids, album_artist_names, release_date, release_date_precision, released_on, album_total_tracks, album_image_url, disc_number, track_number, duration_ms, explicit, is_playable, isrc, popularity, linked_from_id, last_seen_at, 'saved_tracks.track_id' AS source, concat_ws(' ', account_id, track_id) AS key
    FROM spotify.saved_tracks
    UNION ALL
    SELECT track_id, track_name, artist_ids, artist_names, album_id, album_name, album_type, album_artist_ids, album_artist_names, release_date, release_date_precision, released_on, album_total_tracks, album_image_url, disc_number, track_number, duration_ms, explicit, is_playable, isrc, popularity, linked_from_id, last_seen_at, 'top_tracks.track_id' AS source, concat_ws(' ', account_id, time_range, lpad((snapshot_date - DATE '0001-01-01')::text, 10, '0'), lpad(rank::text, 10, '0')) AS key
    FROM spotify.top_tracks
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
) AS told
WHERE artist_id <> ''
ORDER BY artist_id, artist_name IS NULL, last_seen_at DESC, source COLLATE "C", key COLLATE "C";
COMMENT ON VIEW spotify.artists IS 'Every artist that a table tells of, once, as it was seen last.';
COMMENT ON COLUMN spotify.artists.artist_id IS 'Spotify ID of the artist.';
COMMENT ON COLUMN spotify.artists.artist_name IS 'Name of the artist.';
COMMENT ON COLUMN spotify.artists.last_seen_at IS 'Start of the run that last saw the row new or changed, UTC.';

CREATE OR REPLACE VIEW spotify.track_artists AS
SELECT track_id, artist_id, min(position)::integer AS position, last_seen_at
FROM (SELECT track_id, unnest(artist_ids) AS artist_id, generate_subscripts(artist_ids, 1) AS position, last_seen_at
      FROM spotify.tracks) AS credits
WHERE artist_id <> ''
GROUP BY track_id, artist_id, last_seen_at;
COMMENT ON VIEW spotify.track_artists IS 'Which artists a track has: one row for each pair.';
COMMENT ON COLUMN spotify.track_artists.track_id IS 'Spotify ID of the track.';
COMMENT ON COLUMN spotify.track_artists.artist_id IS 'Spotify ID of the artist.';
COMMENT ON COLUMN spotify.track_artists.position IS 'Place of the artist in the track''s credits, from 1.';
COMMENT ON COLUMN spotify.track_artists.last_seen_at IS 'Start of the run that last saw the row new or changed, UTC.';

COMMENT ON SCHEMA spotify IS 'A copy of what Spotify knows, kept by Tracklake.';

-- The exporter's bookkeeping.

COMMENT ON SCHEMA exporter IS 'What Tracklake keeps for itself: runs, state, accounts and quotas.';

COMMENT ON TABLE exporter.migrations IS 'The migrations that were applied.';
COMMENT ON COLUMN exporter.migrations.id IS 'Number of the row.';
COMMENT ON COLUMN exporter.migrations.version_id IS 'Number in the name of the migration''s file; 0 marks the start.';
COMMENT ON COLUMN exporter.migrations.is_applied IS 'Whether the migration was applied; false where it was taken back.';
COMMENT ON COLUMN exporter.migrations.tstamp IS 'When that was.';

CREATE TABLE exporter.runs (
    run_id       text PRIMARY KEY,
    account_id   text NOT NULL,
    job          text NOT NULL,
    resource     text NOT NULL,
    kind         text NOT NULL,
    status       text NOT NULL,
    started_at   timestamptz NOT NULL,
    finished_at  timestamptz,
    version      text NOT NULL,
    fence        bigint NOT NULL,
    commits      integer NOT NULL DEFAULT 0,
    tables       jsonb NOT NULL DEFAULT '{}',
    items        integer NOT NULL DEFAULT 0,
    requests     integer NOT NULL DEFAULT 0,
    retries      integer NOT NULL DEFAULT 0,
    spared       integer NOT NULL DEFAULT 0,
    refused      integer NOT NULL DEFAULT 0,
    waited_ms    bigint NOT NULL DEFAULT 0,
    rejects      integer NOT NULL DEFAULT 0,
    pending      integer NOT NULL DEFAULT 0,
    unreadable   integer NOT NULL DEFAULT 0,
    field_errors integer NOT NULL DEFAULT 0,
    parents      integer NOT NULL DEFAULT 0,
    fresh        integer NOT NULL DEFAULT 0,
    message      text NOT NULL DEFAULT '',
    hint         text NOT NULL DEFAULT '',
    deferred_to  timestamptz
);
CREATE INDEX runs_newest ON exporter.runs (account_id, job, started_at DESC);
COMMENT ON TABLE exporter.runs IS 'Every run of every job, written in the same transaction as its rows.';
COMMENT ON COLUMN exporter.runs.run_id IS 'Name of the run.';
COMMENT ON COLUMN exporter.runs.account_id IS 'Spotify account that the job ran for; app for jobs that need no account.';
COMMENT ON COLUMN exporter.runs.job IS 'Job in jobs.yaml.';
COMMENT ON COLUMN exporter.runs.resource IS 'Resource that the job exports.';
COMMENT ON COLUMN exporter.runs.kind IS 'run or backfill.';
COMMENT ON COLUMN exporter.runs.status IS 'running, ok, failed, needs_sign_in, deferred, incomplete or interrupted.';
COMMENT ON COLUMN exporter.runs.started_at IS 'When the run began, UTC; rows that it wrote have it as last_seen_at.';
COMMENT ON COLUMN exporter.runs.finished_at IS 'When the run ended, UTC; NULL while it is running, and after its process died.';
COMMENT ON COLUMN exporter.runs.version IS 'Version of the program.';
COMMENT ON COLUMN exporter.runs.fence IS 'Fence of the run; see exporter.fences.';
COMMENT ON COLUMN exporter.runs.commits IS 'Commits of the run; settles whether a COMMIT without a reply took effect.';
COMMENT ON COLUMN exporter.runs.tables IS 'Rows inserted, updated, unchanged and removed, by table.';
COMMENT ON COLUMN exporter.runs.items IS 'Items read from the API.';
COMMENT ON COLUMN exporter.runs.requests IS 'Requests made to the API, retries included.';
COMMENT ON COLUMN exporter.runs.retries IS 'Requests that repeated a failed one.';
COMMENT ON COLUMN exporter.runs.spared IS 'Requests that reading everything would have cost in addition.';
COMMENT ON COLUMN exporter.runs.refused IS 'Requests that Spotify answered with 429.';
COMMENT ON COLUMN exporter.runs.waited_ms IS 'Time spent waiting for the rate limit, in milliseconds.';
COMMENT ON COLUMN exporter.runs.rejects IS 'Items that could not be kept; see spotify.rejects.';
COMMENT ON COLUMN exporter.runs.pending IS 'Rows that were not seen and whose removal is not proven.';
COMMENT ON COLUMN exporter.runs.unreadable IS 'Entries of lists that could not be read.';
COMMENT ON COLUMN exporter.runs.field_errors IS 'Values of an unexpected type, stored as NULL.';
COMMENT ON COLUMN exporter.runs.parents IS 'Lists of a fan-out, such as artists; 0 for other jobs.';
COMMENT ON COLUMN exporter.runs.fresh IS 'Lists of a fan-out that are up to date.';
COMMENT ON COLUMN exporter.runs.message IS 'Why the run did not end well; empty when it did.';
COMMENT ON COLUMN exporter.runs.hint IS 'What to do next; empty when nothing is.';
COMMENT ON COLUMN exporter.runs.deferred_to IS 'When a deferred run may continue, UTC; NULL for other runs.';

CREATE TABLE exporter.state (
    account_id text NOT NULL,
    job        text NOT NULL,
    key        text NOT NULL,
    value      jsonb NOT NULL,
    PRIMARY KEY (account_id, job, key)
);
COMMENT ON TABLE exporter.state IS 'What jobs remember between runs.';
COMMENT ON COLUMN exporter.state.account_id IS 'Spotify account that the job runs for; app for jobs that need no account.';
COMMENT ON COLUMN exporter.state.job IS 'Job in jobs.yaml.';
COMMENT ON COLUMN exporter.state.key IS 'What the entry is about, for example one list of a fan-out.';
COMMENT ON COLUMN exporter.state.value IS 'What the job remembers of it.';

CREATE TABLE exporter.fences (
    account_id text NOT NULL,
    job        text NOT NULL,
    fence      bigint NOT NULL,
    row_counts jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (account_id, job)
);
COMMENT ON TABLE exporter.fences IS 'The latest run of each job; an earlier one cannot commit any more.';
COMMENT ON COLUMN exporter.fences.account_id IS 'Spotify account that the job runs for; app for jobs that need no account.';
COMMENT ON COLUMN exporter.fences.job IS 'Job in jobs.yaml.';
COMMENT ON COLUMN exporter.fences.fence IS 'Number that each run of the job raises when it begins; a run with a lower one cannot commit.';
COMMENT ON COLUMN exporter.fences.row_counts IS 'Rows of the job''s tables after its last finished run; tells when somebody has emptied a table.';

CREATE TABLE exporter.closures (
    client     text NOT NULL,
    family     text NOT NULL,
    not_before timestamptz NOT NULL,
    PRIMARY KEY (client, family)
);
COMMENT ON TABLE exporter.closures IS 'Endpoints that Spotify has closed for a client ID.';
COMMENT ON COLUMN exporter.closures.client IS 'Client ID of the app.';
COMMENT ON COLUMN exporter.closures.family IS 'Endpoints that share a quota.';
COMMENT ON COLUMN exporter.closures.not_before IS 'When they may be asked again, UTC.';

CREATE TABLE exporter.requests (
    client   text NOT NULL,
    family   text NOT NULL,
    slot     timestamptz NOT NULL,
    requests integer NOT NULL,
    PRIMARY KEY (client, family, slot)
);
COMMENT ON TABLE exporter.requests IS 'Requests to the Web API within the last 24 hours, for budgets.';
COMMENT ON COLUMN exporter.requests.client IS 'Client ID of the app.';
COMMENT ON COLUMN exporter.requests.family IS 'Endpoints that share a quota.';
COMMENT ON COLUMN exporter.requests.slot IS 'Second in which the requests were made, UTC.';
COMMENT ON COLUMN exporter.requests.requests IS 'Requests that were made.';

CREATE TABLE exporter.accounts (
    name              text PRIMARY KEY,
    account_id        text NOT NULL,
    user_name         text NOT NULL,
    client_id         text NOT NULL,
    scopes            text[],
    signed_in_at      timestamptz NOT NULL,
    signed_in_guessed boolean NOT NULL,
    used_at           timestamptz,
    refused_at        timestamptz,
    excused           boolean NOT NULL DEFAULT false,
    seed_sha256       text NOT NULL,
    key_id            text NOT NULL CHECK (key_id <> ''),
    sealed            bytea NOT NULL
);
COMMENT ON TABLE exporter.accounts IS 'Connected accounts, where token_store is postgres. What is secret about them is encrypted.';
COMMENT ON COLUMN exporter.accounts.name IS 'Name of the account in jobs.yaml and in commands.';
COMMENT ON COLUMN exporter.accounts.account_id IS 'Spotify''s account_id; empty until Spotify was asked.';
COMMENT ON COLUMN exporter.accounts.user_name IS 'Display name of the user, else the user id; empty until Spotify was asked.';
COMMENT ON COLUMN exporter.accounts.client_id IS 'Client ID of the app that the account signed in to.';
COMMENT ON COLUMN exporter.accounts.scopes IS 'Scopes that were granted; NULL when unknown.';
COMMENT ON COLUMN exporter.accounts.signed_in_at IS 'When the user signed in, UTC; the sign-in ends six months later.';
COMMENT ON COLUMN exporter.accounts.signed_in_guessed IS 'Whether signed_in_at is when a token from outside was first used; the user signed in then or before.';
COMMENT ON COLUMN exporter.accounts.used_at IS 'Last refresh of the access token, UTC; NULL before the first.';
COMMENT ON COLUMN exporter.accounts.refused_at IS 'When Spotify said that the sign-in has ended, UTC; NULL while it holds.';
COMMENT ON COLUMN exporter.accounts.excused IS 'Whether the account was refused in an incident that is over; the next refusal is final.';
COMMENT ON COLUMN exporter.accounts.seed_sha256 IS 'Hash of the refresh token that came from the environment; empty when none did.';
COMMENT ON COLUMN exporter.accounts.key_id IS 'Key that encrypted the secrets.';
COMMENT ON COLUMN exporter.accounts.sealed IS 'Tokens and client secret, encrypted and bound to name, account_id, client_id and key.';

CREATE TABLE exporter.sign_in_pause (
    one           boolean PRIMARY KEY DEFAULT true CHECK (one),
    since         timestamptz NOT NULL,
    next_probe_at timestamptz NOT NULL
);
COMMENT ON TABLE exporter.sign_in_pause IS 'While there is a row, refreshing is paused: many accounts were refused at once.';
COMMENT ON COLUMN exporter.sign_in_pause.one IS 'Always true, so that there is one row at most.';
COMMENT ON COLUMN exporter.sign_in_pause.since IS 'When the pause began, UTC.';
COMMENT ON COLUMN exporter.sign_in_pause.next_probe_at IS 'When the next account is tried, UTC.';

-- +goose Down

DROP SCHEMA spotify CASCADE;
DROP TABLE exporter.sign_in_pause, exporter.accounts, exporter.requests, exporter.closures, exporter.fences, exporter.state, exporter.runs;
