-- +goose Up

-- A person reads a reference out to the help desk, which looks for it.
CREATE INDEX event_reference ON event (reference);

-- +goose Down
DROP INDEX event_reference;
