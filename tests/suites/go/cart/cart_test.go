// Package cart can be emptied: then its test binary says "ok" and has run nothing.
package cart

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	if os.Getenv("SUITE_EMPTY") != "" {
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestGrößeWächst(t *testing.T) {
	t.Run("with goods", func(t *testing.T) {
		t.Run("größe ✓", func(t *testing.T) {})
		t.Run("same name", func(t *testing.T) {})
	})
	t.Run("same name", func(t *testing.T) {})
}

func TestParallel(t *testing.T) {
	for _, name := range []string{"a", "b"} {
		t.Run(name, func(t *testing.T) { t.Parallel() })
	}
}
