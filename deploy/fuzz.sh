#!/usr/bin/env bash
# Runs every fuzz test for a fixed time, one after the other.
set -euo pipefail
time=${1:-10s}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

fuzz() { go test -run '^$' -fuzz "^$1\$" -fuzztime "$time" "$2" 2>&1 | tee "$log"; }

# On a busy machine Go's fuzzer takes the end of its own time for a failure
# (https://go.dev/issue/75804, mended in Go 1.27). It found nothing then: a finding
# names an input, a mistake of the test's says more than one line.
cut_short() {
	[ "$(sed -n '/^--- FAIL/,/^FAIL/p' "$log" | sed '1d;$d' | tr -d ' ')" = contextdeadlineexceeded ] &&
		! grep -qi 'failing input' "$log"
}

grep -rlE '^func Fuzz' --include='*_test.go' . | sort | while read -r file; do
	for name in $(grep -oE '^func Fuzz[A-Za-z0-9_]+' "$file" | cut -d' ' -f2); do
		folder=$(dirname "$file")
		echo "== $name in $folder"
		fuzz "$name" "$folder" && continue
		cut_short || exit 1
		echo "== $name in $folder, once more: its time ended while an input was tried"
		fuzz "$name" "$folder" || cut_short || exit 1
	done
done
