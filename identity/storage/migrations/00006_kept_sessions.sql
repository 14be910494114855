-- Sessions whose person wants to stay signed in.

-- +goose Up
ALTER TABLE session ADD COLUMN kept BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE session DROP COLUMN kept;
