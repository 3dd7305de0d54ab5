-- +goose Up

-- The tables of saved tracks, top tracks and artist albums, with the
-- dimensions and the exporter's bookkeeping. Descriptions are those of the
-- declarations in catalog/; a test compares the two.

CREATE SCHEMA IF NOT EXISTS spotify;
COMMENT ON SCHEMA spotify IS 'A copy of what Spotify knows, kept by Tracklake.';

CREATE TABLE spotify.saved_tracks (
    account_id               text NOT NULL,
    added_at                 timestamptz,
    track_id                 text NOT NULL,
    track_name               text,
    artist_ids               text[],
    artist_names             text[],
    album_id                 text,
    album_name               text,
    album_type               text,
    release_date             text,
    release_date_precision   text,
    released_on              date,
    disc_number              integer,
    track_number             integer,
    duration_ms              integer,
    explicit                 boolean,
    is_playable              boolean,
    isrc                     text,
    popularity               integer,
    linked_from_id           text,
    first_seen_at            timestamptz NOT NULL,
    last_seen_at             timestamptz NOT NULL,
    removed_at               timestamptz,
    PRIMARY KEY (account_id, track_id)
);
COMMENT ON TABLE spotify.saved_tracks IS 'One row for each track that is or was saved in the account''s library.';
COMMENT ON COLUMN spotify.saved_tracks.account_id IS 'Spotify account that the row belongs to.';
COMMENT ON COLUMN spotify.saved_tracks.added_at IS 'When the track was saved, UTC, as Spotify says; it can lie years off.';
COMMENT ON COLUMN spotify.saved_tracks.track_id IS 'Spotify ID of the track.';
COMMENT ON COLUMN spotify.saved_tracks.track_name IS 'Title of the track.';
COMMENT ON COLUMN spotify.saved_tracks.artist_ids IS 'Spotify IDs of the track''s artists, main artist first.';
COMMENT ON COLUMN spotify.saved_tracks.artist_names IS 'Names of the track''s artists, in the order of artist_ids.';
COMMENT ON COLUMN spotify.saved_tracks.album_id IS 'Spotify ID of the album that the track is on.';
COMMENT ON COLUMN spotify.saved_tracks.album_name IS 'Title of the album; empty when Spotify took the album down.';
COMMENT ON COLUMN spotify.saved_tracks.album_type IS 'album, single or compilation.';
COMMENT ON COLUMN spotify.saved_tracks.release_date IS 'Release date of the album as Spotify gives it: year, year and month, or day.';
COMMENT ON COLUMN spotify.saved_tracks.release_date_precision IS 'How exact release_date is: year, month or day.';
COMMENT ON COLUMN spotify.saved_tracks.released_on IS 'First day of the period that release_date names; NULL when its year is 0000 or absent.';
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

CREATE TABLE spotify.tracks (
    track_id                 text NOT NULL,
    track_name               text,
    artist_ids               text[],
    artist_names             text[],
    album_id                 text,
    album_name               text,
    album_type               text,
    release_date             text,
    release_date_precision   text,
    released_on              date,
    disc_number              integer,
    track_number             integer,
    duration_ms              integer,
    explicit                 boolean,
    is_playable              boolean,
    isrc                     text,
    popularity               integer,
    linked_from_id           text,
    first_seen_at            timestamptz NOT NULL,
    last_seen_at             timestamptz NOT NULL,
    PRIMARY KEY (track_id)
);
COMMENT ON TABLE spotify.tracks IS 'Every track that any job has seen, once.';
COMMENT ON COLUMN spotify.tracks.track_id IS 'Spotify ID of the track.';
COMMENT ON COLUMN spotify.tracks.track_name IS 'Title of the track.';
COMMENT ON COLUMN spotify.tracks.artist_ids IS 'Spotify IDs of the track''s artists, main artist first.';
COMMENT ON COLUMN spotify.tracks.artist_names IS 'Names of the track''s artists, in the order of artist_ids.';
COMMENT ON COLUMN spotify.tracks.album_id IS 'Spotify ID of the album that the track is on.';
COMMENT ON COLUMN spotify.tracks.album_name IS 'Title of the album; empty when Spotify took the album down.';
COMMENT ON COLUMN spotify.tracks.album_type IS 'album, single or compilation.';
COMMENT ON COLUMN spotify.tracks.release_date IS 'Release date of the album as Spotify gives it: year, year and month, or day.';
COMMENT ON COLUMN spotify.tracks.release_date_precision IS 'How exact release_date is: year, month or day.';
COMMENT ON COLUMN spotify.tracks.released_on IS 'First day of the period that release_date names; NULL when its year is 0000 or absent.';
COMMENT ON COLUMN spotify.tracks.disc_number IS 'Number of the disc, from 1.';
COMMENT ON COLUMN spotify.tracks.track_number IS 'Number of the track on its disc, from 1.';
COMMENT ON COLUMN spotify.tracks.duration_ms IS 'Length in milliseconds.';
COMMENT ON COLUMN spotify.tracks.explicit IS 'Whether the lyrics are marked explicit.';
COMMENT ON COLUMN spotify.tracks.is_playable IS 'Whether the account can play the track in its country.';
COMMENT ON COLUMN spotify.tracks.isrc IS 'International Standard Recording Code.';
COMMENT ON COLUMN spotify.tracks.popularity IS 'Popularity from 0 to 100; NULL for apps in development mode, which do not get it.';
COMMENT ON COLUMN spotify.tracks.linked_from_id IS 'ID of the track that was saved or ranked, when Spotify plays another in its place.';
COMMENT ON COLUMN spotify.tracks.first_seen_at IS 'Start of the run that first saw the row, UTC.';
COMMENT ON COLUMN spotify.tracks.last_seen_at IS 'Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.';

CREATE TABLE spotify.albums (
    album_id                 text NOT NULL,
    album_name               text,
    album_type               text,
    artist_ids               text[],
    artist_names             text[],
    release_date             text,
    release_date_precision   text,
    released_on              date,
    total_tracks             integer,
    first_seen_at            timestamptz NOT NULL,
    last_seen_at             timestamptz NOT NULL,
    PRIMARY KEY (album_id)
);
COMMENT ON TABLE spotify.albums IS 'Every album that any job has seen, once.';
COMMENT ON COLUMN spotify.albums.album_id IS 'Spotify ID of the album.';
COMMENT ON COLUMN spotify.albums.album_name IS 'Title of the album; empty when Spotify took the album down.';
COMMENT ON COLUMN spotify.albums.album_type IS 'album, single or compilation.';
COMMENT ON COLUMN spotify.albums.artist_ids IS 'Spotify IDs of the album''s artists, main artist first.';
COMMENT ON COLUMN spotify.albums.artist_names IS 'Names of the album''s artists, in the order of artist_ids.';
COMMENT ON COLUMN spotify.albums.release_date IS 'Release date as Spotify gives it: year, year and month, or day.';
COMMENT ON COLUMN spotify.albums.release_date_precision IS 'How exact release_date is: year, month or day.';
COMMENT ON COLUMN spotify.albums.released_on IS 'First day of the period that release_date names; NULL when its year is 0000 or absent.';
COMMENT ON COLUMN spotify.albums.total_tracks IS 'Number of tracks on the album.';
COMMENT ON COLUMN spotify.albums.first_seen_at IS 'Start of the run that first saw the row, UTC.';
COMMENT ON COLUMN spotify.albums.last_seen_at IS 'Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.';

CREATE TABLE spotify.artists (
    artist_id                text NOT NULL,
    artist_name              text,
    first_seen_at            timestamptz NOT NULL,
    last_seen_at             timestamptz NOT NULL,
    PRIMARY KEY (artist_id)
);
COMMENT ON TABLE spotify.artists IS 'Every artist that any job has seen, once.';
COMMENT ON COLUMN spotify.artists.artist_id IS 'Spotify ID of the artist.';
COMMENT ON COLUMN spotify.artists.artist_name IS 'Name of the artist.';
COMMENT ON COLUMN spotify.artists.first_seen_at IS 'Start of the run that first saw the row, UTC.';
COMMENT ON COLUMN spotify.artists.last_seen_at IS 'Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.';

CREATE TABLE spotify.track_artists (
    track_id                 text NOT NULL,
    artist_id                text NOT NULL,
    position                 integer NOT NULL,
    first_seen_at            timestamptz NOT NULL,
    last_seen_at             timestamptz NOT NULL,
    PRIMARY KEY (track_id, artist_id)
);
COMMENT ON TABLE spotify.track_artists IS 'Which artists a track has: one row for each pair.';
COMMENT ON COLUMN spotify.track_artists.track_id IS 'Spotify ID of the track.';
COMMENT ON COLUMN spotify.track_artists.artist_id IS 'Spotify ID of the artist.';
COMMENT ON COLUMN spotify.track_artists.position IS 'Place of the artist in the track''s credits, from 1.';
COMMENT ON COLUMN spotify.track_artists.first_seen_at IS 'Start of the run that first saw the row, UTC.';
COMMENT ON COLUMN spotify.track_artists.last_seen_at IS 'Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.';

CREATE TABLE spotify.rejects (
    account_id               text NOT NULL,
    resource                 text NOT NULL,
    reject_id                text NOT NULL,
    list                     text,
    reason                   text NOT NULL,
    raw                      text NOT NULL,
    first_seen_at            timestamptz NOT NULL,
    last_seen_at             timestamptz NOT NULL,
    PRIMARY KEY (account_id, resource, reject_id)
);
COMMENT ON TABLE spotify.rejects IS 'Items that could not be kept, each once, with the JSON that Spotify sent.';
COMMENT ON COLUMN spotify.rejects.account_id IS 'Spotify account that the row belongs to.';
COMMENT ON COLUMN spotify.rejects.resource IS 'Resource that the item belongs to.';
COMMENT ON COLUMN spotify.rejects.reject_id IS 'Hash of the item and the reason.';
COMMENT ON COLUMN spotify.rejects.list IS 'Time range or artist of the list that the item stands in; NULL for a resource of one list.';
COMMENT ON COLUMN spotify.rejects.reason IS 'Why the item could not be kept.';
COMMENT ON COLUMN spotify.rejects.raw IS 'The item as Spotify sent it, JSON.';
COMMENT ON COLUMN spotify.rejects.first_seen_at IS 'Start of the run that first saw the row, UTC.';
COMMENT ON COLUMN spotify.rejects.last_seen_at IS 'Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.';

CREATE TABLE spotify.top_tracks (
    account_id               text NOT NULL,
    time_range               text NOT NULL,
    snapshot_date            date NOT NULL,
    rank                     integer NOT NULL,
    track_id                 text NOT NULL,
    track_name               text,
    artist_ids               text[],
    artist_names             text[],
    album_id                 text,
    album_name               text,
    album_type               text,
    release_date             text,
    release_date_precision   text,
    released_on              date,
    disc_number              integer,
    track_number             integer,
    duration_ms              integer,
    explicit                 boolean,
    is_playable              boolean,
    isrc                     text,
    popularity               integer,
    linked_from_id           text,
    first_seen_at            timestamptz NOT NULL,
    last_seen_at             timestamptz NOT NULL,
    PRIMARY KEY (account_id, time_range, snapshot_date, rank)
);
COMMENT ON TABLE spotify.top_tracks IS 'A ranking of the account''s most played tracks for each time range and day.';
COMMENT ON COLUMN spotify.top_tracks.account_id IS 'Spotify account that the row belongs to.';
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
COMMENT ON COLUMN spotify.top_tracks.release_date IS 'Release date of the album as Spotify gives it: year, year and month, or day.';
COMMENT ON COLUMN spotify.top_tracks.release_date_precision IS 'How exact release_date is: year, month or day.';
COMMENT ON COLUMN spotify.top_tracks.released_on IS 'First day of the period that release_date names; NULL when its year is 0000 or absent.';
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

CREATE TABLE spotify.artist_albums (
    artist_id                text NOT NULL,
    artist_name              text,
    album_id                 text NOT NULL,
    album_group              text,
    album_name               text,
    album_type               text,
    artist_ids               text[],
    artist_names             text[],
    release_date             text,
    release_date_precision   text,
    released_on              date,
    total_tracks             integer,
    first_seen_at            timestamptz NOT NULL,
    last_seen_at             timestamptz NOT NULL,
    removed_at               timestamptz,
    PRIMARY KEY (artist_id, album_id)
);
COMMENT ON TABLE spotify.artist_albums IS 'The discography of each artist: one row for each artist and album.';
COMMENT ON COLUMN spotify.artist_albums.artist_id IS 'Spotify ID of the artist in whose discography the album stands.';
COMMENT ON COLUMN spotify.artist_albums.artist_name IS 'Name of that artist; NULL where the album does not credit the artist.';
COMMENT ON COLUMN spotify.artist_albums.album_id IS 'Spotify ID of the album.';
COMMENT ON COLUMN spotify.artist_albums.album_group IS 'The artist''s part in it: album, single, compilation or appears_on.';
COMMENT ON COLUMN spotify.artist_albums.album_name IS 'Title of the album; empty when Spotify took the album down.';
COMMENT ON COLUMN spotify.artist_albums.album_type IS 'album, single or compilation.';
COMMENT ON COLUMN spotify.artist_albums.artist_ids IS 'Spotify IDs of the album''s artists, main artist first.';
COMMENT ON COLUMN spotify.artist_albums.artist_names IS 'Names of the album''s artists, in the order of artist_ids.';
COMMENT ON COLUMN spotify.artist_albums.release_date IS 'Release date as Spotify gives it: year, year and month, or day.';
COMMENT ON COLUMN spotify.artist_albums.release_date_precision IS 'How exact release_date is: year, month or day.';
COMMENT ON COLUMN spotify.artist_albums.released_on IS 'First day of the period that release_date names; NULL when its year is 0000 or absent.';
COMMENT ON COLUMN spotify.artist_albums.total_tracks IS 'Number of tracks on the album.';
COMMENT ON COLUMN spotify.artist_albums.first_seen_at IS 'Start of the run that first saw the row, UTC.';
COMMENT ON COLUMN spotify.artist_albums.last_seen_at IS 'Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.';
COMMENT ON COLUMN spotify.artist_albums.removed_at IS 'Start of the run that found the row gone, UTC; NULL while it is there.';

CREATE TABLE exporter.runs (
    run_id      text PRIMARY KEY,
    account_id  text NOT NULL,
    job         text NOT NULL,
    resource    text NOT NULL,
    kind        text NOT NULL,
    status      text NOT NULL,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    version     text NOT NULL,
    fence       bigint NOT NULL,
    commits     integer NOT NULL DEFAULT 0,
    tables      jsonb NOT NULL DEFAULT '{}',
    items       integer NOT NULL DEFAULT 0,
    requests    integer NOT NULL DEFAULT 0,
    retries     integer NOT NULL DEFAULT 0,
    waited_ms   bigint NOT NULL DEFAULT 0,
    rejects     integer NOT NULL DEFAULT 0,
    held        integer NOT NULL DEFAULT 0,
    parents     integer NOT NULL DEFAULT 0,
    fresh       integer NOT NULL DEFAULT 0,
    message     text NOT NULL DEFAULT '',
    hint        text NOT NULL DEFAULT '',
    deferred_to timestamptz
);
CREATE INDEX runs_newest ON exporter.runs (account_id, job, started_at DESC);
COMMENT ON TABLE exporter.runs IS 'Every run of every job, written in the same transaction as its rows.';
COMMENT ON COLUMN exporter.runs.status IS 'running, ok, failed, needs_sign_in, deferred, incomplete or interrupted.';
COMMENT ON COLUMN exporter.runs.commits IS 'How often the run has committed; settles whether a COMMIT without a reply took effect.';
COMMENT ON COLUMN exporter.runs.tables IS 'Rows inserted, updated, unchanged and removed, by table.';
COMMENT ON COLUMN exporter.runs.waited_ms IS 'Time spent waiting for the rate limit.';
COMMENT ON COLUMN exporter.runs.held IS 'Removals that were held back because they were too many.';

CREATE TABLE exporter.state (
    account_id text NOT NULL,
    job        text NOT NULL,
    key        text NOT NULL,
    value      jsonb NOT NULL,
    PRIMARY KEY (account_id, job, key)
);
COMMENT ON TABLE exporter.state IS 'What jobs remember between runs.';

CREATE TABLE exporter.fences (
    account_id text NOT NULL,
    job        text NOT NULL,
    fence      bigint NOT NULL,
    PRIMARY KEY (account_id, job)
);
COMMENT ON TABLE exporter.fences IS 'Raised whenever a run takes over a job; a run with an older number cannot commit.';

CREATE TABLE exporter.closures (
    client     text NOT NULL,
    family     text NOT NULL,
    not_before timestamptz NOT NULL,
    PRIMARY KEY (client, family)
);
COMMENT ON TABLE exporter.closures IS 'Endpoint families that Spotify has closed for a client ID, and until when.';

-- +goose Down

DROP SCHEMA spotify CASCADE;
DROP TABLE exporter.closures, exporter.fences, exporter.state, exporter.runs;
