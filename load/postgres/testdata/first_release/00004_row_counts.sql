-- +goose Up

ALTER TABLE exporter.fences ADD COLUMN row_counts jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN exporter.fences.row_counts IS 'Rows of the tables of the job after its last finished run, to tell when somebody has emptied a table.';

-- +goose Down

ALTER TABLE exporter.fences DROP COLUMN row_counts;
