#!/usr/bin/env bash
# Runs every fuzz test for a fixed time, one on each processor; each package is built
# once. What a run finds is written below the package's testdata/fuzz: commit it, so
# that every run of the tests tries it again. What it learned for next time lies in
# Go's cache.
set -euo pipefail
export time=${1:-10s}
only=${2:-.} # a folder: its tests alone
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cache=$(go env GOCACHE)/fuzz/$(go list -m)
export work cache

build() { go test -c -fuzz=. -o "$work/$1/tests" "./$1"; }

# try runs one test where go test would: in the package's folder, with its cache.
try() {
	(cd "$1" && "$work/$1/tests" -test.run '^$' -test.fuzz "^$2\$" -test.fuzztime "$time" -test.parallel 1 \
		-test.fuzzcachedir "$cache/$1" -test.paniconexit0) >"$work/$1/$2" 2>&1
}

# On a busy machine Go's fuzzer takes the end of its own time for a failure
# (https://go.dev/issue/75804, mended in Go 1.27). It found nothing then: a finding
# names an input, a mistake of the test's says more than one line.
cut_short() {
	[ "$(sed -n '/^--- FAIL/,/^FAIL/p' "$work/$1/$2" | sed '1d;$d' | tr -d ' ')" = contextdeadlineexceeded ] &&
		! grep -qi 'failing input' "$work/$1/$2"
}

# fuzz tells xargs to stop (255) when something is found.
fuzz() {
	try "$1" "$2" || { cut_short "$1" "$2" && try "$1" "$2"; } || cut_short "$1" "$2" ||
		{ printf '== %s in %s\n%s\n' "$2" "$1" "$(cat "$work/$1/$2")"; exit 255; }
	echo "== $2 in $1: $(grep -E '^fuzz: elapsed' "$work/$1/$2" | tail -1 | cut -d' ' -f2-)"
}
export -f build try cut_short fuzz

grep -roE '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' "$only" | sed 's,^\./,,; s,/[^/]*:func , ,' | sort >"$work/list"
mkdir -p $(cut -d' ' -f1 "$work/list" | sort -u | sed "s,^,$work/,")
cut -d' ' -f1 "$work/list" | sort -u | xargs -P "$(nproc)" -I{} bash -c 'build "$1" || exit 255' _ {}
echo "== $(wc -l <"$work/list") fuzz tests, built after ${SECONDS}s"
xargs -P "$(nproc)" -L 1 bash -c 'fuzz "$1" "$2"' _ <"$work/list"
echo "== nothing found after ${SECONDS}s"
