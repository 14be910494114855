-- What clients were allowed, and the keys that the provider signs with.

-- +goose Up

CREATE TABLE auth_code (
    hash BYTEA PRIMARY KEY,             -- SHA-256
    client_id TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    challenge TEXT NOT NULL,            -- PKCE, S256
    scope TEXT NOT NULL,                -- separated by spaces
    nonce TEXT NOT NULL,
    person_id TEXT NOT NULL,
    session_id TEXT NOT NULL,           -- the session may be gone
    auth_at BIGINT NOT NULL,
    acr TEXT NOT NULL,
    amr TEXT NOT NULL,                  -- JSON array
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    spent_at BIGINT NOT NULL            -- kept for an hour after, to know a copy
);
CREATE INDEX auth_code_expires ON auth_code (expires_at);

CREATE TABLE access_token (
    hash BYTEA PRIMARY KEY,             -- SHA-256
    code_hash BYTEA NOT NULL,           -- ends with it when a copy shows up
    client_id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX access_token_code ON access_token (code_hash);
CREATE INDEX access_token_expires ON access_token (expires_at);

CREATE TABLE signing_key (
    id TEXT PRIMARY KEY,                -- kid: RFC 7638 thumbprint
    public_key BYTEA NOT NULL,          -- SubjectPublicKeyInfo
    sealed BYTEA NOT NULL,              -- PKCS #8, sealed under a key that is not in here
    created_at BIGINT NOT NULL
);

-- +goose Down
DROP TABLE signing_key;
DROP TABLE access_token;
DROP TABLE auth_code;
