-- The language that a person chose to read: a tag of BCP 47, empty for what
-- their browser says.

-- +goose Up
ALTER TABLE person ADD COLUMN language TEXT NOT NULL DEFAULT '';

-- What applications hold for a person is looked up by person.
CREATE INDEX refresh_family_person ON refresh_family (person_id);
CREATE INDEX access_token_person ON access_token (person_id);
CREATE INDEX auth_code_person ON auth_code (person_id);

-- +goose Down
DROP INDEX auth_code_person;
DROP INDEX access_token_person;
DROP INDEX refresh_family_person;
ALTER TABLE person DROP COLUMN language;
