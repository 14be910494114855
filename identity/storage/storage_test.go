package storage_test

import (
	"path/filepath"
	"testing"

	"cardea/identity/storage"
	"cardea/identity/storage/storagetest"
)

func TestSQLite(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, func(t *testing.T) storagetest.Store {
		db, err := storage.Open(t.Context(), filepath.Join(t.TempDir(), "cardea.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
		return db
	})
}
