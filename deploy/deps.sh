#!/usr/bin/env bash
# Installs what the worker needs (ffmpeg, libvips and a C compiler to bind it), or
# with "page" or "browser" what builds the web pages and what looks at them, with
# "prometheus" what checks alerts, where it is missing, on Debian and its kin. Says
# plainly what to do where it may not, and does nothing where all is there.
set -eu

missing=()
case ${1:-worker} in
worker)
	command -v ffmpeg >/dev/null && command -v ffprobe >/dev/null || missing+=(ffmpeg)
	command -v pkg-config >/dev/null || missing+=(pkg-config)
	command -v cc >/dev/null || missing+=(gcc libc6-dev)
	{ command -v pkg-config >/dev/null && pkg-config --exists vips; } || missing+=(libvips-dev)
	;;
page) command -v npm >/dev/null || missing+=(nodejs npm) ;;
postgres) compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || missing+=(postgresql) ;;
moto) python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv) ;;
packages)
	command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
	command -v lintian >/dev/null || missing+=(lintian)
	;;
booted)
	command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
	command -v systemd-nspawn >/dev/null || missing+=(systemd-container)
	;;
systemd) command -v systemd-analyze >/dev/null || missing+=(systemd) ;;
browser) [ -x "${CHROMIUM:-/usr/bin/chromium}" ] || missing+=(chromium fonts-dejavu-core) ;;
prometheus) command -v promtool >/dev/null || missing+=(prometheus) ;;
*)
	echo "usage: $0 [worker|page|browser|moto|postgres|prometheus|packages|booted|systemd]" >&2
	exit 2
	;;
esac
[ ${#missing[@]} -eq 0 ] && exit 0

say() { printf '%s\n' "$*" >&2; }
if ! command -v apt-get >/dev/null; then
	say "missing: ${missing[*]} (by Debian's names)."
	say "This machine has no apt-get: install them by its own package manager, then run make again."
	exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
	if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
		as_root=(sudo)
	else
		say "missing: ${missing[*]}."
		say "You may not install packages here. Ask somebody who may to run:"
		say "  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
		exit 1
	fi
fi
say "installing ${missing[*]} …"
log=$(mktemp)
if ! { "${as_root[@]}" apt-get update -q && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
	apt-get install -q -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
	tail -20 "$log" >&2
	say "apt-get could not install ${missing[*]} (its last words are above)."
	exit 1
fi
rm -f "$log"
