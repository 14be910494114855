-- Wrong passes, counted by two keyed hashes: of the user name that was typed,
-- so that a name nobody has is counted like any other, and of the name together
-- with the network it came from. A row whose two hashes are the same counts
-- what came from everywhere.

-- +goose Up
DROP TABLE pass_try;
CREATE TABLE pass_try (
    guesser BYTEA PRIMARY KEY,
    name BYTEA NOT NULL,
    tries BIGINT NOT NULL,
    since BIGINT NOT NULL
);
CREATE INDEX pass_try_name ON pass_try (name);
CREATE INDEX pass_try_since ON pass_try (since);

-- +goose Down
DROP TABLE pass_try;
CREATE TABLE pass_try (
    guesser BYTEA PRIMARY KEY,
    tries BIGINT NOT NULL,
    since BIGINT NOT NULL
);
CREATE INDEX pass_try_since ON pass_try (since);
