-- +goose Up

ALTER TABLE exporter.accounts ADD COLUMN excused boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN exporter.accounts.excused IS 'The account was refused in an incident that is over; the next refusal is final.';

-- +goose Down

ALTER TABLE exporter.accounts DROP COLUMN excused;
