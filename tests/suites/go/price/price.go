// Package price adds taxes.
package price

// Gross is the price with tax, in cents.
func Gross(net, percent int) int { return net * (100 + percent) / 100 }
