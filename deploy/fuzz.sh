#!/usr/bin/env bash
# Runs every fuzz test for a fixed time, one after the other; each package is built
# once. What a run finds is written below the package's testdata/fuzz: commit it, so
# that every run of the tests tries it again. What it learned for next time lies in
# Go's cache.
set -euo pipefail
time=${1:-10s}
only=${2:-} # a folder: its tests alone
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cache=$(go env GOCACHE)/fuzz
module=$(go list -m)

# fuzz runs one test where go test would: in the package's folder, with its cache.
fuzz() {
	(cd "$folder" && "$work/tests" -test.run '^$' -test.fuzz "^$1\$" -test.fuzztime "$time" -test.fuzzcachedir "$cache/$module/${folder#./}" -test.paniconexit0) 2>&1 | tee "$work/said"
}

# On a busy machine Go's fuzzer takes the end of its own time for a failure
# (https://go.dev/issue/75804, mended in Go 1.27). It found nothing then: a finding
# names an input, a mistake of the test's says more than one line.
cut_short() {
	[ "$(sed -n '/^--- FAIL/,/^FAIL/p' "$work/said" | sed '1d;$d' | tr -d ' ')" = contextdeadlineexceeded ] &&
		! grep -qi 'failing input' "$work/said"
}

grep -rlE '^func Fuzz' --include='*_test.go' "${only:-.}" | xargs -n 1 dirname | sort -u | while read -r folder; do
	go test -c -fuzz=. -o "$work/tests" "./${folder#./}"
	for name in $(grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$folder"/*_test.go | cut -d' ' -f2); do
		echo "== $name in $folder (after ${SECONDS}s)"
		fuzz "$name" && continue
		cut_short || exit 1
		echo "== $name in $folder, once more: its time ended while an input was tried"
		fuzz "$name" || cut_short || exit 1
	done
done
