#!/usr/bin/env bash
# Installs, upgrades, removes and purges the packages of a folder (dist) in a Debian of
# its own, a folder made anew: nothing of this machine is touched. Prints what fails.
#
#   test.sh [FOLDER]          in a chroot, under a minute
#   test.sh [FOLDER] booted   in a container with systemd: runs the local fleet as well
set -euo pipefail
cd "$(dirname "$0")/../.."
dist=${1:-dist}
how=${2:-chroot}
suite=${SUITE:-bookworm}

say() { echo "package-test: $*" >&2; }
if [ "$(id -u)" != 0 ]; then
	say "skipped: it takes root to make a Debian of its own"
	exit 0
fi
if ! unshare --mount --pid --fork true 2>/dev/null; then
	say "skipped: this machine allows no namespaces, without which it could harm the machine itself"
	exit 0
fi

work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
root=$work/root
with=adduser
[ "$how" = chroot ] || with=adduser,systemd,systemd-sysv,dbus,ffmpeg,libvips42
if [ ! -s ".build/debian/$how.tar" ]; then
	mkdir -p .build/debian
	mmdebstrap --quiet --variant=minbase --include="$with" "$suite" ".build/debian/$how.new.tar"
	mv ".build/debian/$how.new.tar" ".build/debian/$how.tar"
fi
mkdir "$root"
tar -C "$root" -xf ".build/debian/$how.tar"

# later makes the next version of a package, with settings that differ.
later() {
	dpkg-deb -R "$1" "$work/later"
	sed -i 's/^Version: .*/&+later/' "$work/later/DEBIAN/control"
	[ ! -f "$work/later/etc/skynet/skynet.yaml" ] || sed -i 's/^interval: .*/interval: 20s/' "$work/later/etc/skynet/skynet.yaml"
	dpkg-deb -Znone -b "$work/later" "$2" >/dev/null
	rm -rf "$work/later"
}

mkdir "$root/packages"
for name in skynet skynet-worker; do
	cp "$(ls -t "$dist/${name}_"*.deb | head -1)" "$root/packages/$name.deb"
	later "$root/packages/$name.deb" "$root/packages/$name.later.deb"
done
install -m 755 "deploy/packages/test-$how.sh" "$root/packages/test.sh"
install -m 644 deploy/packages/test-checks.sh "$root/packages/checks.sh"

case $how in
chroot) unshare --mount --pid --fork --mount-proc="$root/proc" chroot "$root" /packages/test.sh ;;
booted)
	cat >"$root/etc/systemd/system/packages.service" <<-'UNIT'
		[Unit]
		After=basic.target dbus.socket
		[Service]
		Type=oneshot
		ExecStart=/packages/test.sh
		StandardOutput=append:/packages/said
		StandardError=append:/packages/said
		ExecStopPost=/bin/systemctl poweroff --no-block
		[Install]
		WantedBy=multi-user.target
	UNIT
	mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
	ln -s ../packages.service "$root/etc/systemd/system/multi-user.target.wants/"
	# A container's own filter of system calls leaves Landlock out, unlike a machine.
	timeout 300 systemd-nspawn --quiet -D "$root" --system-call-filter='landlock_create_ruleset landlock_add_rule landlock_restrict_self' --boot --register=no --keep-unit --private-network </dev/null >"$work/boot" 2>&1 || true
	if [ ! -e "$root/packages/said" ]; then
		say "skipped: no container can be booted here"
		tail -5 "$work/boot" >&2
		exit 0
	fi
	cat "$root/packages/said"
	grep -q '^all as it should be$' "$root/packages/said"
	;;
esac
