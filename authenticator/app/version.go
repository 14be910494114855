package app

import (
	"strconv"
	"strings"
)

// major returns the number before the first dot. A version that does not begin
// with a number is taken for the oldest there is.
func major(version string) int {
	head, _, _ := strings.Cut(strings.TrimSpace(version), ".")
	n, err := strconv.Atoi(head)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// tooOld reports whether the phone's system is below the first one that lets
// an app keep passkeys: iOS 17, Android 14. A computer never is.
func tooOld(style Style, version string) bool {
	return major(version) < manners[style].Minimum
}
