// Package plain has no tests, so it is no spec.
package plain
