// Package users_test is an external test package.
package users_test

import "testing"

func TestCreate(t *testing.T) {}
