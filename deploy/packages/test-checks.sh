# shellcheck shell=bash
# What both tests of the packages say "not so" with: read by them, not run.
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
failed=0

# check runs a test and says what should have been.
check() {
	local what=$1
	shift
	if ! "$@" >/tmp/check 2>&1; then
		echo "not so: $what: $*"
		sed 's/^/    /' /tmp/check
		failed=1
	fi
}
not() { ! "$@"; }
# quietly runs what must work.
quietly() { "$@" >/tmp/said 2>&1 || { echo "failed: $*"; cat /tmp/said; exit 1; }; }
has() { grep -q -- "$1" "$2"; }
# verdict ends the test.
verdict() {
	[ $failed = 0 ] && echo "all as it should be"
	exit $failed
}
