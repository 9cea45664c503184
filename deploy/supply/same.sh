#!/usr/bin/env bash
# Compares two folders of what was built, byte by byte, and names the first difference:
#
#   deploy/supply/same.sh one two
#
# Status 0 is the same, 1 another, 2 bad usage.
set -uo pipefail
[ $# -eq 2 ] && [ -d "$1" ] && [ -d "$2" ] || { echo "usage: $0 FOLDER FOLDER" >&2; exit 2; }
one=$(cd "$1" && pwd) two=$(cd "$2" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# within says what in a Debian package differs: its files, or what is said of them.
within() {
	local i=0 deb
	for deb in "$one/$1" "$two/$1"; do
		i=$((i + 1))
		mkdir -p "$work/$i/control"
		dpkg-deb --extract "$deb" "$work/$i/files" && dpkg-deb --control "$deb" "$work/$i/control" || return
		dpkg-deb --fsys-tarfile "$deb" | TZ=UTC tar --full-time -tvf - >"$work/$i/listed"
	done
	{ diff -rq "$work/1" "$work/2" | grep -v /listed; diff "$work/1/listed" "$work/2/listed"; } |
		sed "s#$work/1#one#; s#$work/2#two#; s/^/    /" | head -5
}

(cd "$one" && find . -type f | LC_ALL=C sort) >"$work/one"
(cd "$two" && find . -type f | LC_ALL=C sort) >"$work/two"
[ -s "$work/one" ] || { echo "DIFFERENT: nothing was built"; exit 1; }
if ! diff "$work/one" "$work/two" >"$work/names"; then
	echo "DIFFERENT: not the same files:"
	sed 's/^/    /' "$work/names" | head -5
	exit 1
fi
while read -r file; do
	said=$(cmp "$one/$file" "$two/$file" 2>&1) && continue
	echo "DIFFERENT: ${file#./}: ${said##*differ: }"
	case $file in
	*.deb) within "$file" ;;
	*.json | */SHA256SUMS) diff "$one/$file" "$two/$file" | head -5 | sed 's/^/    /' ;;
	esac
	exit 1
done <"$work/one"
echo "the same bytes from both builds: $(wc -l <"$work/one") files"
(cd "$one" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum) | sed 's#  \./#  #; s/^/    /'
