#!/usr/bin/env bash
# Installs what the image maker is compared with (sharp by npm, vipsthumbnail by apt, the
# worker's own code linked against the libvips that sharp brings) and runs the comparison.
#
#   test/bench/images/run.sh [flags of the program, like -rounds 9 or -markdown]
set -euo pipefail
cd "$(dirname "$0")/../../.."
build=$PWD/.build/images
sharp=0.35.5
libvips=1.3.4

need() { command -v "$1" >/dev/null || { echo "$1 is missing: apt-get install $2" >&2; exit 1; }; }
need npm "nodejs npm"
need vipsthumbnail libvips-tools
mkdir -p "$build"
[ -f "$build/node_modules/sharp/package.json" ] && [ -d "$build/node_modules/@img/sharp-libvips-dev" ] ||
	npm --prefix "$build" install --no-audit --no-fund --silent "sharp@$sharp" "@img/sharp-libvips-dev@$libvips"
go build -o "$build/bench" ./test/bench/images

# The same program, linked against sharp's libvips: one library that holds all the others.
dev=$build/node_modules/@img/sharp-libvips-dev
lib=$(dirname "$(ls "$build"/node_modules/@img/sharp-libvips-linux-*/lib/libvips-cpp.so.* | head -1)")
so=$(basename "$(ls "$lib"/libvips-cpp.so.*)")
mkdir -p "$build/pkgconfig"
cat >"$build/pkgconfig/vips.pc" <<PC
Name: vips
Description: the libvips that sharp brings
Version: 8.18
Cflags: -I$dev/include -I$dev/include/glib-2.0 -I$lib/glib-2.0/include
Libs: -L$lib -l:$so
PC
newer=()
if PKG_CONFIG_PATH="$build/pkgconfig" CGO_LDFLAGS="-O2 -g -Wl,-rpath,$lib" CGO_LDFLAGS_ALLOW='-Wl,-rpath,.*' \
	go build -o "$build/bench-newer" ./test/bench/images; then
	newer=(-newer "$build/bench-newer")
fi
exec "$build/bench" -sharp "$build" -work "$build/work" "${newer[@]}" "$@"
