-- +goose Up

-- The words of the program's output and of its JSON.
ALTER TABLE exporter.runs RENAME COLUMN fresh TO up_to_date;
UPDATE exporter.runs SET tables = replace(replace(tables::text, '"inserted"', '"added"'), '"updated"', '"changed"')::jsonb;
COMMENT ON COLUMN exporter.runs.tables IS 'Rows added, changed, unchanged and removed, by table; and how many live rows the account had there at the end.';
COMMENT ON COLUMN exporter.runs.up_to_date IS 'Lists of a fan-out that were up to date at the end.';

-- +goose Down

UPDATE exporter.runs SET tables = replace(replace(tables::text, '"added"', '"inserted"'), '"changed"', '"updated"')::jsonb;
ALTER TABLE exporter.runs RENAME COLUMN up_to_date TO fresh;
COMMENT ON COLUMN exporter.runs.tables IS 'Rows inserted, updated, unchanged and removed, by table.';
COMMENT ON COLUMN exporter.runs.fresh IS 'Lists of a fan-out that are up to date.';
