-- Programs on people's own machines, and what keeps them signed in.

-- +goose Up

ALTER TABLE client ADD COLUMN native BOOLEAN NOT NULL DEFAULT FALSE;

-- A family is one sign-in and all refresh tokens that follow from it.
CREATE TABLE refresh_family (
    id BYTEA PRIMARY KEY,               -- the hash of the code it began with
    client_id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    session_id TEXT NOT NULL,           -- it ends with the session
    scope TEXT NOT NULL,                -- separated by spaces
    auth_at BIGINT NOT NULL,
    acr TEXT NOT NULL,
    amr TEXT NOT NULL,                  -- JSON array
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX refresh_family_expires ON refresh_family (expires_at);

-- Spent tokens stay as long as their family, so that a copy is known for one.
CREATE TABLE refresh_token (
    hash BYTEA PRIMARY KEY,             -- SHA-256
    family_id BYTEA NOT NULL,
    next_hash BYTEA NOT NULL,           -- of the token that replaced it; empty until then
    spent_at BIGINT NOT NULL            -- 0 until then
);
CREATE INDEX refresh_token_family ON refresh_token (family_id);

-- +goose Down
DROP TABLE refresh_token;
DROP TABLE refresh_family;
ALTER TABLE client DROP COLUMN native;
