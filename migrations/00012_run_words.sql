-- +goose Up

ALTER TABLE exporter.runs RENAME COLUMN spared TO saved_requests;
ALTER TABLE exporter.runs RENAME COLUMN refused TO throttled;
COMMENT ON TABLE exporter.runs IS 'Runs of jobs within a year, each written in the same transaction as its rows.';
COMMENT ON COLUMN exporter.runs.saved_requests IS 'Requests that reading everything would have cost in addition.';
COMMENT ON COLUMN exporter.runs.throttled IS 'Requests that Spotify answered with 429.';

-- +goose Down

ALTER TABLE exporter.runs RENAME COLUMN saved_requests TO spared;
ALTER TABLE exporter.runs RENAME COLUMN throttled TO refused;
COMMENT ON TABLE exporter.runs IS 'Every run of every job, written in the same transaction as its rows.';
