-- Times are milliseconds since 1970 UTC; 0 is "never". Hashes and handles are
-- raw bytes. Text that can be compared is in its normal form.

-- +goose Up

-- The server's own keys, 32 random bytes each.
CREATE TABLE secret (
    name TEXT PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE person (
    id TEXT PRIMARY KEY,
    handle BYTEA NOT NULL UNIQUE,       -- 64 random bytes, in every passkey of theirs
    username TEXT NOT NULL UNIQUE,      -- lower case
    display_name TEXT NOT NULL,
    admin BOOLEAN NOT NULL,
    disabled BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE passkey (
    id TEXT PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES person (id),
    credential_id BYTEA NOT NULL UNIQUE, -- over everybody, WebAuthn 7.1 step 26
    name TEXT NOT NULL,
    public_key BYTEA NOT NULL,           -- COSE_Key
    aaguid BYTEA NOT NULL,               -- 16 bytes
    sign_count BIGINT NOT NULL,
    flags BIGINT NOT NULL,               -- the flags byte of the last ceremony
    transports TEXT NOT NULL,            -- JSON array
    attachment TEXT NOT NULL,
    attestation_format TEXT NOT NULL,
    attestation_type TEXT NOT NULL,
    attestation_object BYTEA NOT NULL,
    client_data BYTEA NOT NULL,
    client_data_hash BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    used_user_agent TEXT NOT NULL,
    used_address TEXT NOT NULL
);
CREATE INDEX passkey_person ON passkey (person_id, created_at);

CREATE TABLE session (
    id TEXT PRIMARY KEY,                -- sid
    token_hash BYTEA NOT NULL UNIQUE,   -- SHA-256
    person_id TEXT NOT NULL REFERENCES person (id),
    passkey_id TEXT NOT NULL,           -- empty: access pass; the passkey may be gone
    created_at BIGINT NOT NULL,
    auth_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    amr TEXT NOT NULL,                  -- JSON array
    acr TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    address TEXT NOT NULL
);
CREATE INDEX session_person ON session (person_id, seen_at);
CREATE INDEX session_expires ON session (expires_at);

-- One live pass for a person: a new one takes the place of the old.
CREATE TABLE access_pass (
    person_id TEXT PRIMARY KEY REFERENCES person (id),
    code_hash BYTEA NOT NULL,           -- HMAC-SHA-256
    issued_by TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL
);

-- Wrong passes, counted by a keyed hash of the user name that was typed, so
-- that a name nobody has is counted like any other.
CREATE TABLE pass_try (
    guesser BYTEA PRIMARY KEY,
    tries BIGINT NOT NULL,
    since BIGINT NOT NULL
);
CREATE INDEX pass_try_since ON pass_try (since);

-- At most one row: the setup code, while there is nobody.
CREATE TABLE setup_code (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    code_hash BYTEA NOT NULL,           -- SHA-256
    expires_at BIGINT NOT NULL
);

-- Challenges that were brought back, until they would have expired.
CREATE TABLE spent_challenge (
    hash BYTEA PRIMARY KEY,             -- SHA-256
    expires_at BIGINT NOT NULL
);
CREATE INDEX spent_challenge_expires ON spent_challenge (expires_at);

CREATE TABLE client (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    redirect_uris TEXT NOT NULL,        -- JSON array
    public BOOLEAN NOT NULL,
    first_party BOOLEAN NOT NULL
);

-- Audit. IDs sort by time. No references: the record outlives what it is about.
CREATE TABLE event (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    person_id TEXT NOT NULL,
    by_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    reference TEXT NOT NULL,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    passkey_id TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX event_person ON event (person_id, id);

-- +goose Down
DROP TABLE event;
DROP TABLE client;
DROP TABLE spent_challenge;
DROP TABLE setup_code;
DROP TABLE pass_try;
DROP TABLE access_pass;
DROP TABLE session;
DROP TABLE passkey;
DROP TABLE person;
DROP TABLE secret;
