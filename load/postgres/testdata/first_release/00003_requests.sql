-- +goose Up

CREATE TABLE exporter.requests (
    client   text NOT NULL,
    family   text NOT NULL,
    slot     timestamptz NOT NULL,
    requests integer NOT NULL,
    PRIMARY KEY (client, family, slot)
);
COMMENT ON TABLE exporter.requests IS 'Requests to the Web API within the last 24 hours, for budgets.';
COMMENT ON COLUMN exporter.requests.client IS 'Client ID that the requests were made with.';
COMMENT ON COLUMN exporter.requests.family IS 'Endpoints that share a quota.';
COMMENT ON COLUMN exporter.requests.slot IS 'Second in which they were made, UTC.';

ALTER TABLE exporter.runs
    ADD COLUMN spared integer NOT NULL DEFAULT 0,
    ADD COLUMN refused integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN exporter.runs.spared IS 'Requests that reading everything would have cost in addition.';
COMMENT ON COLUMN exporter.runs.refused IS 'Requests that Spotify answered with 429.';

-- +goose Down

ALTER TABLE exporter.runs DROP COLUMN refused, DROP COLUMN spared;
DROP TABLE exporter.requests;
