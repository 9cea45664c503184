#!/usr/bin/env bash
# Asks what is known against the modules and npm packages that are in use. Reachable
# vulnerabilities are a finding: status 1. Data that cannot be had is said, and is
# status 0, so that a machine without a network can run the rest; with STRICT=1 it is
# status 1 as well.
#
#   VULNDB=file:///srv/vulndb STRICT=1 deploy/supply/vulnerabilities.sh
#
# VULNDB is a copy of the Go vulnerability database (https://go.dev/doc/security/vuln/database);
# IN is the folder of another module to look at.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
root=$PWD
db=${VULNDB:-https://vuln.go.dev}
in=${IN:-$root}
found=0 unasked=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cannot() {
	unasked=1
	echo "not asked: $1"
	sed 's/^/    /' "$2" | tail -3
}

# An empty program is asked about first: it costs a second, where all of ours take a minute.
check() { go tool govulncheck -db "$db" -test -C "$1" ./... >"$work/said" 2>&1; }
mkdir "$work/empty"
printf 'module empty\n' >"$work/empty/go.mod"
printf 'package main\n\nfunc main() {}\n' >"$work/empty/main.go"
check "$work/empty"
case $? in
0 | 3)
	check "$in"
	case $? in
	0) echo "Go: no known vulnerability can be reached from the programs and tests ($db)" ;;
	3) cat "$work/said" && found=1 ;;
	*) cat "$work/said" && exit 2 ;;
	esac
	;;
*) cannot "the Go vulnerability database at $db cannot be had; VULNDB names a copy" "$work/said" ;;
esac

# With IN, only that module is meant.
locks=$([ "$in" = "$root" ] && git ls-files '*package-lock.json' || true)
for lock in $locks; do
	folder=$(dirname "$lock")
	npm --prefix "$folder" audit --package-lock-only --json >"$work/audit" 2>"$work/said"
	status=$?
	if ! grep -q '"auditReportVersion"' "$work/audit"; then
		cannot "npm's advisories for $folder cannot be had" "$work/said"
	elif [ $status -ne 0 ]; then
		npm --prefix "$folder" audit --package-lock-only
		found=1
	else
		echo "npm: nothing is known against $folder"
	fi
done

if [ $found -ne 0 ]; then
	echo "VULNERABLE: take newer versions of what is named above"
	exit 1
fi
if [ $unasked -ne 0 ]; then
	[ -z "${STRICT:-}" ] || { echo "STRICT: what cannot be asked does not pass"; exit 1; }
	echo "This says nothing of what was not asked."
fi
