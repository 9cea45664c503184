#!/usr/bin/env bash
# Makes a worker of a fresh Debian 12 instance: installs ffmpeg, libvips and
# skynet-worker, writes /etc/skynet/worker.yaml, starts the agent. EC2 runs it once,
# at the first boot; after a stop or hibernation systemd starts the agent again. It
# may be run again by hand: what is there is not installed anew, and an agent that
# runs is left running.
#
# What differs from fleet to fleet comes in variables; the CloudFormation template
# writes them ahead of this script. The fleet's name comes from the instance's tags.
#
#   SKYNET_AGENT       skynet-worker or its Debian package, s3://… or https://…
#   SKYNET_SHA256      what it must be, as sha256sum prints it (unset: anything)
#   SKYNET_HEARTBEATS  URL of the queue to report to
#   SKYNET_QUEUES      queues to receive from, a YAML list
#   SKYNET_STORES      buckets to read and write, a YAML list ([])
#   SKYNET_OUTPUTS     folder for what is made of S3's event notifications
#   SKYNET_CONFINED    true: the agent starts only where the kernel can lock up media tools
#   SKYNET_HIBERNATE   true where the launch template has hibernation on
#   AWS_DEFAULT_REGION where the agent's bucket is
set -euo pipefail

: "${SKYNET_AGENT:?}" "${SKYNET_HEARTBEATS:?}" "${SKYNET_QUEUES:?}"
: "${SKYNET_STORES:=[]}" "${SKYNET_OUTPUTS:=}" "${SKYNET_SHA256:=}" "${SKYNET_CONFINED:=false}" "${SKYNET_HIBERNATE:=false}"
root=${SKYNET_ROOT:-} # tests write below a folder of their own
imds=${SKYNET_IMDS:-http://169.254.169.254}/latest

say() { echo "skynet: $*" >&2; }

# often tries again what the first minute of an instance may refuse: a network that
# is coming up, a package list that another process holds, a role not known yet.
often() {
	local try
	for try in 1 2 3 4 5 6 7 8 9 10; do
		"$@" && return 0
		say "try $try failed: $1"
		sleep "${SKYNET_PAUSE:-6}"
	done
	return 1
}

# metadata asks IMDSv2, which the launch template wants.
metadata() {
	local token
	token=$(curl -fsS --max-time 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$imds/api/token") &&
		curl -fsS --max-time 5 -H "X-aws-ec2-metadata-token: $token" "$imds/meta-data/$1"
}

install_packages() {
	local missing=()
	command -v curl >/dev/null || missing+=(curl ca-certificates)
	{ command -v ffmpeg && command -v ffprobe; } >/dev/null || missing+=(ffmpeg)
	ldconfig -p | grep 'libvips\.so\.42' >/dev/null || missing+=(libvips42)
	[[ $SKYNET_AGENT != s3://* ]] || command -v aws >/dev/null || missing+=(awscli)
	# Without its agent an instance that shall hibernate is stopped plainly after a
	# while. Ubuntu and Amazon Linux have it, Debian has not.
	if [[ $SKYNET_HIBERNATE == true ]] && apt-cache show ec2-hibinit-agent >/dev/null 2>&1; then
		missing+=(ec2-hibinit-agent)
	fi
	if ((${#missing[@]} == 0)); then return; fi
	export DEBIAN_FRONTEND=noninteractive
	often apt-get -q -o DPkg::Lock::Timeout=120 update
	often apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "${missing[@]}"
}

fetch() {
	case $SKYNET_AGENT in
	s3://*) aws s3 cp --only-show-errors "$SKYNET_AGENT" "$1" ;;
	*) curl -fsSL --proto '=https' --max-time 300 -o "$1" "$SKYNET_AGENT" ;;
	esac
}

# install_agent leaves the agent's path in $agent.
install_agent() {
	local folder
	folder=$(mktemp -d)
	chmod 755 "$folder" # apt reads packages as another user
	often fetch "$folder/agent.deb"
	if [[ -n $SKYNET_SHA256 ]] && ! echo "$SKYNET_SHA256  $folder/agent.deb" | sha256sum --check --status; then
		say "$SKYNET_AGENT is not what Sha256 says it is: nothing of it is run"
		exit 1
	fi
	if [[ $(head -c 7 "$folder/agent.deb") == '!<arch>' ]]; then
		often apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$folder/agent.deb"
		agent=$(command -v skynet-worker)
	else
		agent=/usr/local/bin/skynet-worker
		install -D -m 755 "$folder/agent.deb" "$root$agent.new"
		mv -f "$root$agent.new" "$root$agent" # one that runs keeps its own file
	fi
	rm -rf "$folder"
}

# put writes a file, whole or not at all.
put() {
	mkdir -p "$(dirname "$root$1")"
	cat >"$root$1.new"
	chmod 644 "$root$1.new"
	mv -f "$root$1.new" "$root$1"
}

write_settings() {
	local fleet
	fleet=$(often metadata tags/instance/skynet:fleet)
	{
		echo "# Written by user data at boot."
		echo "fleet: $fleet"
		echo "heartbeats: \"$SKYNET_HEARTBEATS\""
		echo "queues: $SKYNET_QUEUES"
		echo "stores: $SKYNET_STORES"
		[[ -z $SKYNET_OUTPUTS ]] || echo "outputs: \"$SKYNET_OUTPUTS\""
		echo "confined: $SKYNET_CONFINED"
		echo "scratch: /var/lib/skynet-worker"
		echo "log: {format: json}"
	} | put /etc/skynet/worker.yaml
}

# The same service as the package's, whose file says why it is as it is
# (deploy/systemd/skynet-worker.service), wherever the agent lies.
write_unit() {
	put /etc/systemd/system/skynet-worker.service <<-UNIT
		[Unit]
		Description=SkyNet worker
		Wants=network-online.target
		After=network-online.target
		StartLimitIntervalSec=0

		[Service]
		ExecStart=$agent run --config /etc/skynet/worker.yaml
		Restart=always
		RestartSec=5
		KillMode=mixed
		TimeoutStopSec=infinity
		OOMPolicy=continue
		User=skynet
		Group=skynet
		UMask=0027
		StateDirectory=skynet-worker
		StateDirectoryMode=0700
		CacheDirectory=skynet-worker
		CacheDirectoryMode=0700
		Environment=TMPDIR=/var/cache/skynet-worker MALLOC_ARENA_MAX=2 VIPS_BLOCK_UNTRUSTED=1
		LimitNOFILE=65536
		LimitCORE=0
		TasksMax=16384
		NoNewPrivileges=yes
		CapabilityBoundingSet=
		AmbientCapabilities=
		ProtectSystem=strict
		ProtectHome=yes
		PrivateTmp=yes
		PrivateDevices=yes
		PrivateMounts=yes
		PrivateUsers=yes
		ProtectClock=yes
		ProtectHostname=yes
		ProtectKernelLogs=yes
		ProtectKernelModules=yes
		ProtectKernelTunables=yes
		ProtectControlGroups=yes
		ProtectProc=invisible
		RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
		RestrictNamespaces=user pid net ipc
		RestrictRealtime=yes
		RestrictSUIDSGID=yes
		LockPersonality=yes
		RemoveIPC=yes
		KeyringMode=private
		DevicePolicy=closed
		SystemCallArchitectures=native
		SystemCallFilter=@system-service landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp
		SystemCallFilter=~@privileged
		SystemCallErrorNumber=EPERM

		[Install]
		WantedBy=multi-user.target
	UNIT
}

install_packages
install_agent
write_settings
write_unit
getent passwd skynet >/dev/null || useradd --system --user-group --home-dir /nonexistent --shell /usr/sbin/nologin skynet
systemctl daemon-reload
systemctl enable --now skynet-worker.service
say "the agent runs"
