-- +goose Up

-- Requests and blocked buckets are kept in one place, beside the accounts.

CREATE TABLE exporter.quota_requests (
    owner        text NOT NULL,
    bucket       text NOT NULL,
    counts_until timestamptz NOT NULL,
    requests     integer NOT NULL,
    PRIMARY KEY (owner, bucket, counts_until)
);
COMMENT ON TABLE exporter.quota_requests IS 'Requests to the Web API within the last 24 hours, where token_store is postgres.';
COMMENT ON COLUMN exporter.quota_requests.owner IS 'Whose requests Spotify counts together: a client ID, or a developer with several of them.';
COMMENT ON COLUMN exporter.quota_requests.bucket IS 'Group of endpoints that share a rate limit.';
COMMENT ON COLUMN exporter.quota_requests.counts_until IS 'When the requests no longer count, UTC: 24 hours after they were made, rounded up.';
COMMENT ON COLUMN exporter.quota_requests.requests IS 'Number of requests.';

CREATE TABLE exporter.quota_blocks (
    owner         text NOT NULL,
    bucket        text NOT NULL,
    blocked_until timestamptz NOT NULL,
    PRIMARY KEY (owner, bucket)
);
COMMENT ON TABLE exporter.quota_blocks IS 'Buckets that Spotify has blocked, where token_store is postgres.';
COMMENT ON COLUMN exporter.quota_blocks.owner IS 'Whose requests Spotify counts together: a client ID, or a developer with several of them.';
COMMENT ON COLUMN exporter.quota_blocks.bucket IS 'Group of endpoints that share a rate limit.';
COMMENT ON COLUMN exporter.quota_blocks.blocked_until IS 'When Spotify accepts requests to the bucket again, UTC.';

-- Destinations no longer count requests.

DROP TABLE exporter.requests, exporter.closures;

-- +goose Down

CREATE TABLE exporter.closures (
    client     text NOT NULL,
    family     text NOT NULL,
    not_before timestamptz NOT NULL,
    PRIMARY KEY (client, family)
);
CREATE TABLE exporter.requests (
    client   text NOT NULL,
    family   text NOT NULL,
    slot     timestamptz NOT NULL,
    requests integer NOT NULL,
    PRIMARY KEY (client, family, slot)
);
DROP TABLE exporter.quota_blocks, exporter.quota_requests;
