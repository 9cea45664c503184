#!/bin/bash
# What test.sh runs in a booted container: the service with its sandbox, a local fleet
# at work, and what befalls it.
set -u
. /packages/checks.sh || exit 1
of() { systemctl show skynet -p "$1" --value; }
status_has() { of StatusText | grep -q -- "$1"; }
# soon waits until something holds.
soon() {
	local seconds=$1
	shift
	for _ in $(seq "$seconds"); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 1
	done
	return 1
}
workers() {
	for p in /proc/[0-9]*; do
		case $({ tr '\0' ' ' <"$p/cmdline"; } 2>/dev/null) in */skynet-worker\ run*) echo "${p#/proc/}" ;; esac
	done
}
some_worker() { [ -n "$(workers)" ]; }
files() { ls "$1"/1024.jpg "$2"/video.mp4; }
restarted() { [ "$(of NRestarts)" != 0 ]; }
two_workers() { [ "$(workers | wc -l)" = 2 ]; }
gone() { [ ! -e "/proc/$1" ]; }
agent_has() { journalctl -u skynet-worker -o cat | grep -q -- "$1"; }

cd /packages || exit 1
quietly dpkg -i skynet.deb skynet-worker.deb
check "systemd has nothing to say about the units" test -z "$(systemd-analyze verify --man=no skynet.service skynet-worker.service 2>&1)"

quietly systemctl start skynet
check "as installed it does nothing, and says what to do" status_has 'is an example; make it yours, remove the line example: true'
check "nothing is watched then" test "$(of WatchdogUSec)" = 0

media=/var/lib/skynet/media
install -d -o skynet -g skynet $media
ffmpeg -loglevel error -f lavfi -i testsrc=size=1280x960 -frames:v 1 $media/a.jpg 2>/dev/null
ffmpeg -loglevel error -f lavfi -i testsrc=size=320x240:duration=1 -pix_fmt yuv420p $media/b.mp4 2>/dev/null
chown -R skynet: $media
sed -i '/^example/d; s/^interval: .*/interval: 2s/' /etc/skynet/skynet.yaml
sed -i 's/min: 0/min: 1/' /etc/skynet/render.policy.yaml
quietly systemctl restart skynet
check "it is watched" test "$(of WatchdogUSec)" = 6min
check "a worker is launched" soon 30 some_worker
worker=$(workers)
for i in a.jpg b.mp4; do
	quietly skynet-worker submit --config /var/lib/skynet/workers/render.yaml --input "file://$media/$i" --output "file://$media/${i%.*}"
done
check "within the sandbox photographs and films are made" soon 40 files $media/a $media/b
check "and media tools are locked up: the unit leaves what that takes" not grep -r 'not confined as they should be' /var/lib/skynet/logs
check "it says what it does" soon 10 status_has 'render: have 1, want 1'

# The agent as a service of its own, on the same queue, with a sandbox that is closer.
install -g skynet -m 640 /var/lib/skynet/workers/render.yaml /etc/skynet/worker.yaml
mkdir -p /etc/systemd/system/skynet-worker.service.d
cat >/etc/systemd/system/skynet-worker.service.d/test.conf <<-UNIT
	[Service]
	Environment=SKYNET_WORKER_METADATA=off SKYNET_WORKER_HEARTBEATS=off SKYNET_WORKER_SCRATCH=/var/cache/skynet-worker
	ReadWritePaths=$media
UNIT
quietly systemctl daemon-reload
quietly systemctl start skynet-worker
check "the agent runs as a service" soon 20 agent_has runs
for i in $(seq 20); do
	quietly skynet-worker submit --config /var/lib/skynet/workers/render.yaml --input "file://$media/b.mp4" --output "file://$media/agent/$i"
done
check "it makes films within its sandbox" soon 60 agent_has done
check "and locks its tools up there, too" not agent_has 'not confined as they should be'
check "nobody else may look into its folders" test "$(stat -c '%U %a' /var/lib/skynet-worker /var/cache/skynet-worker | uniq)" = 'skynet 700'
check "nor into the controller's" test "$(stat -c '%U %a' /var/lib/skynet /var/cache/skynet | uniq)" = 'skynet 700'
check "the token is the user's alone" test "$(stat -c '%U %a' /var/lib/skynet/token)" = 'skynet 600'
check "nothing leaves a core" test "$(systemctl show skynet skynet-worker -p LimitCORE --value | sort -u | xargs)" = 0
quietly systemctl stop skynet-worker
rm -r /etc/systemd/system/skynet-worker.service.d

quietly systemctl restart skynet
check "a restart leaves the worker alone" test "$(workers)" = "$worker"
check "and adopts it" soon 20 status_has 'render: have 1, want 1, hold'
quietly systemctl reload skynet
check "a reload looks at the policy" has 'the policy file has not changed' <(journalctl -u skynet -o cat)
check "the journal has priorities, and no times twice" not has '^20[0-9][0-9]-' <(journalctl -u skynet -o cat -p info)

mkdir -p /etc/systemd/system/skynet.service.d
printf '[Service]\nWatchdogSec=2s\nRestartSec=1\n' >/etc/systemd/system/skynet.service.d/test.conf
quietly systemctl daemon-reload
quietly systemctl restart skynet
check "a watchdog under three intervals is refused" test "$(of WatchdogUSec)" = 6s
check "with a warning" has 'the watchdog is too quick' <(journalctl -u skynet -o cat -p warning)
sleep 8
check "it is fed by ticks" test "$(of NRestarts)" = 0
kill -STOP "$(of MainPID)"
check "one that hangs is started anew" soon 30 restarted
check "and the worker is still there" test "$(workers)" = "$worker"
check "and looked after" soon 20 status_has 'have 1, want 1, hold'

quietly skynet want 2 --config /etc/skynet/skynet.yaml --for 1h --why test
check "a floor is kept" soon 20 two_workers
id=$(tr '\0' '\n' <"/proc/$worker/environ" | sed -n 's/^SKYNET_LOCAL_INSTANCE=//p')
quietly skynet drain "$id" --config /etc/skynet/skynet.yaml --why test
check "a worker is drained and let go" soon 30 gone "$worker"
check "explain tells who did it" has 'ordered by root: test' <(skynet explain --config /etc/skynet/skynet.yaml --last 9)
check "all is well" soon 20 skynet status --config /etc/skynet/skynet.yaml

left=$(workers)
left=${left%%[!0-9]*}
quietly systemctl stop skynet
check "a stop leaves workers alone" not gone "$left"
quietly systemctl start skynet
quietly dpkg --force-confold -i skynet.later.deb skynet-worker.later.deb
check "an upgrade starts the new version" test "$(of ActiveState)" = active
check "and leaves workers alone" not gone "$left"
quietly dpkg -r skynet
check "nor does a removal end them" not gone "$left"
quietly dpkg -P skynet skynet-worker
verdict
