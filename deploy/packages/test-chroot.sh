#!/bin/bash
# What test.sh runs in a chroot of a fresh Debian, without systemd.
set -u
. /packages/checks.sh || exit 1

cd /packages || exit 1
quietly dpkg --force-confdef --force-confold -i skynet.deb
check "it says what to do next" has 'edit /etc/skynet/skynet.yaml' /tmp/said
check "the user is there, and cannot log in" has '^skynet:.*:/var/lib/skynet:/usr/sbin/nologin$' /etc/passwd
check "it runs" skynet --version
check "its settings are in order" skynet check /etc/skynet/skynet.yaml
check "they run nothing" has '^example: true' /etc/skynet/skynet.yaml
for f in /lib/systemd/system/skynet.service /usr/share/man/man1/skynet-run.1.gz /usr/share/doc/skynet/operations.md.gz \
	/usr/share/bash-completion/completions/skynet /usr/share/zsh/vendor-completions/_skynet /usr/share/fish/vendor_completions.d/skynet.fish; do
	# Debian's images leave documents out.
	case $f in /usr/share/doc/* | /usr/share/man/*) [ -e "$f" ] || continue ;; esac
	check "$f is there" test -s "$f"
done
check "nobody but root may change the settings" test "$(stat -c '%U %a' /etc/skynet/skynet.yaml)" = 'root 644'

# Without its libraries: they take minutes, and the booted test has them.
quietly dpkg --force-depends -i skynet-worker.deb
check "the agent is there" test -x /usr/bin/skynet-worker

sed -i 's/^example: true/# ours/' /etc/skynet/skynet.yaml
echo '# ours' >>/etc/skynet/render.policy.yaml
check "the state is the user's" test "$(stat -c '%U %a' /var/lib/skynet)" = 'skynet 700'
echo journal >/var/lib/skynet/journal.db
quietly dpkg --force-confdef --force-confold -i skynet.later.deb
quietly dpkg --force-depends -i skynet-worker.later.deb
check "the later version is there" has '+later' <(dpkg-query -W -f '${Version}' skynet)
check "settings are kept" has '^# ours' /etc/skynet/skynet.yaml
check "the policy is kept" has '^# ours' /etc/skynet/render.policy.yaml
check "the new settings lie beside them" has 'interval: 20s' /etc/skynet/skynet.yaml.dpkg-dist

quietly dpkg --force-depends -r skynet skynet-worker
check "programs are gone" not test -e /usr/bin/skynet
check "settings stay" has '^# ours' /etc/skynet/skynet.yaml
quietly dpkg --force-confdef --force-confold -i skynet.deb
check "they are found again" has '^# ours' /etc/skynet/skynet.yaml

quietly dpkg --force-depends -P skynet skynet-worker
check "it says what stays" has 'stay in /var/lib/skynet' /tmp/said
check "settings are gone" not test -e /etc/skynet
check "the journal stays" has journal /var/lib/skynet/journal.db
check "nothing is left of the package" not dpkg-query -W skynet
verdict
