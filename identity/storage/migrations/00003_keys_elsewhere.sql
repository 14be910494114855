-- The server's own keys are derived from the key file; see docs/decisions/0014.

-- +goose Up
DROP TABLE secret;

-- +goose Down
CREATE TABLE secret (
    name TEXT PRIMARY KEY,
    value BYTEA NOT NULL
);
