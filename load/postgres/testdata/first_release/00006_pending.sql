-- +goose Up

ALTER TABLE exporter.runs RENAME COLUMN held TO pending;
ALTER TABLE exporter.runs
    ADD COLUMN unreadable integer NOT NULL DEFAULT 0,
    ADD COLUMN field_errors integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN exporter.runs.pending IS 'Rows that were not seen and whose removal is not proven.';
COMMENT ON COLUMN exporter.runs.unreadable IS 'Entries of lists that could not be read.';
COMMENT ON COLUMN exporter.runs.field_errors IS 'Values of an unexpected type, stored as NULL.';

-- +goose Down

ALTER TABLE exporter.runs DROP COLUMN field_errors, DROP COLUMN unreadable;
ALTER TABLE exporter.runs RENAME COLUMN pending TO held;
COMMENT ON COLUMN exporter.runs.held IS 'Removals that were held back because they were too many.';
