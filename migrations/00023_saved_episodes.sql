-- +goose Up

CREATE TABLE spotify.saved_episodes (
    account_id             text NOT NULL,
    added_at               timestamptz,
    episode_id             text NOT NULL,
    episode_name           text,
    show_id                text,
    show_name              text,
    description            text,
    release_date           text,
    release_date_precision text,
    released_on            date,
    duration_ms            integer,
    explicit               boolean,
    is_playable            boolean,
    is_externally_hosted   boolean,
    languages              text[],
    fully_played           boolean,
    resume_position_ms     integer,
    episode_uri            text,
    image_url              text,
    first_seen_at          timestamptz NOT NULL,
    last_seen_at           timestamptz NOT NULL,
    removed_at             timestamptz,
    PRIMARY KEY (account_id, episode_id)
);
COMMENT ON TABLE spotify.saved_episodes IS 'One row for each podcast episode that is or was saved in the account''s library.';
COMMENT ON COLUMN spotify.saved_episodes.account_id IS 'Spotify account whose job wrote the row; app for jobs that need no account.';
COMMENT ON COLUMN spotify.saved_episodes.added_at IS 'When the episode was saved, UTC, as Spotify says; it can lie years off.';
COMMENT ON COLUMN spotify.saved_episodes.episode_id IS 'Spotify ID of the episode.';
COMMENT ON COLUMN spotify.saved_episodes.episode_name IS 'Title of the episode.';
COMMENT ON COLUMN spotify.saved_episodes.show_id IS 'Spotify ID of the show that the episode belongs to.';
COMMENT ON COLUMN spotify.saved_episodes.show_name IS 'Name of that show.';
COMMENT ON COLUMN spotify.saved_episodes.description IS 'Description of the episode.';
COMMENT ON COLUMN spotify.saved_episodes.release_date IS 'Release date of the episode as Spotify gives it: year, year and month, or day.';
COMMENT ON COLUMN spotify.saved_episodes.release_date_precision IS 'How exact release_date is: year, month or day.';
COMMENT ON COLUMN spotify.saved_episodes.released_on IS 'First day of the period that release_date names; NULL when its year is 0000 or absent.';
COMMENT ON COLUMN spotify.saved_episodes.duration_ms IS 'Length in milliseconds.';
COMMENT ON COLUMN spotify.saved_episodes.explicit IS 'Whether the episode is marked explicit.';
COMMENT ON COLUMN spotify.saved_episodes.is_playable IS 'Whether the account can play the episode in its country.';
COMMENT ON COLUMN spotify.saved_episodes.is_externally_hosted IS 'Whether the episode lies outside Spotify.';
COMMENT ON COLUMN spotify.saved_episodes.languages IS 'Languages that are spoken, as ISO 639 codes.';
COMMENT ON COLUMN spotify.saved_episodes.fully_played IS 'Whether the account has listened to the episode to its end.';
COMMENT ON COLUMN spotify.saved_episodes.resume_position_ms IS 'Where the account stopped listening, in milliseconds from the start.';
COMMENT ON COLUMN spotify.saved_episodes.episode_uri IS 'Spotify URI of the episode.';
COMMENT ON COLUMN spotify.saved_episodes.image_url IS 'Address of the episode''s picture, in its widest size.';
COMMENT ON COLUMN spotify.saved_episodes.first_seen_at IS 'Start of the run that first saw the row, UTC.';
COMMENT ON COLUMN spotify.saved_episodes.last_seen_at IS 'Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.';
COMMENT ON COLUMN spotify.saved_episodes.removed_at IS 'Start of the run that found the row gone, UTC; NULL while it is there.';
