#!/usr/bin/env bash
# Builds what is committed twice, and wants the same bytes of programs, packages, bills
# of materials and checksums. The two builds have nothing in common but the commit, the
# tools and the libraries: another folder, home, user's settings, module cache by another
# path, umask, time zone, language, number of processors, times of files, and a later
# clock. Neither may fetch anything.
#
# Others' Go is read from this machine's build cache, which names what it holds by what
# it was made from. Our own packages, what binds C, and all linking are done anew in both.
# FULL=1 compiles everything anew, which takes many minutes.
#
# Status 0 is the same bytes, 1 others, 2 a build that failed.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT
go build -o "$work/supply" ./deploy/supply/cmd
commit=$(git rev-parse HEAD) caches=$(go env GOCACHE)
[ -z "$(git status --porcelain --untracked-files=no)" ] || echo "what is not committed is left out"

# build makes everything in a folder below another one, with a umask and variables.
build() {
	local at=$1 source=$1/$2 mask=$3 files=$4
	shift 4
	mkdir -p "$at/home" "$at/tmp"
	ln -s "$(go env GOMODCACHE)" "$at/modules"
	local cache=(GOCACHE="$at/cache")
	[ -n "${FULL:-}" ] || cache+=(GOCACHEPROG="$work/supply cache -from $caches -to $at/cache -without skynet/,davidbyttow/govips")
	if ! (
		umask "$mask"
		git clone --quiet --no-hardlinks . "$source"
		cd "$source"
		git checkout --quiet --detach "$commit"
		find . -path ./.git -prune -o -exec touch -hd "$files" {} +
		env -i PATH="$PATH" HOME="$at/home" TMPDIR="$at/tmp" GOMODCACHE="$at/modules" GOPROXY=off "${cache[@]}" "$@" make packages
	) >"$at/said" 2>&1; then
		tail -20 "$at/said"
		echo "it could not be built in $source"
		exit 2
	fi
	caches+=,$at/cache
	mkdir "$at/made"
	mv "$source/bin" "$source/dist" "$at/made/"
}

build "$work/one" skynet 022 now TZ=UTC LC_ALL=C.UTF-8 LOGNAME=root
build "$work/a/second" deeper/source 077 2001-02-03 TZ=Asia/Kathmandu LC_ALL=C LOGNAME=builder USER=builder GOMAXPROCS=1 GOFLAGS=-mod=mod
deploy/supply/same.sh "$work/one/made" "$work/a/second/made"
