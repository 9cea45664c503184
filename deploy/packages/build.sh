#!/usr/bin/env bash
# Makes the Debian packages of bin/skynet and bin/skynet-worker, into the folder given
# (dist), with bills of materials (CycloneDX) and SHA256SUMS. The version is git's; the
# same commit gives the same bytes, which make reproducible shows.
set -euo pipefail
cd "$(dirname "$0")/../.."
umask 022
out=${1:-dist}

# version is the tag's, with what came after it: 1.4.0, 1.4.0+12.gabc1234. Before the
# first tag it is older than every release.
version() {
	local tag
	if tag=$(git describe --tags --match 'v[0-9]*' 2>/dev/null); then
		tag=${tag#v}
		sed -E 's/-([0-9]+)-(g[0-9a-f]+)$/+\1.\2/; s/-/~/g' <<<"$tag"
	else
		echo "0~$(git log -1 --format=%cd --date=format:%Y%m%d.%H%M%S).g$(git rev-parse --short HEAD)"
	fi
}

VERSION=${PACKAGE_VERSION:-$(version)}
ARCH=$(dpkg --print-architecture)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
STAGE=$(mktemp -d) TOOLS=$(mktemp -d)
MAINTAINER=${PACKAGE_MAINTAINER:-$(git log -1 --format='%an <%ae>')}
export VERSION ARCH SOURCE_DATE_EPOCH STAGE MAINTAINER
trap 'rm -rf "$STAGE" "$TOOLS"' EXIT

# stage lays out what goes below /usr/share: the manual, completions, documents.
stage() {
	local name=$1 share=$STAGE/$1 doc=$STAGE/$1/doc/$1
	shift
	"bin/$name" manual --to "$share"
	mkdir -p "$doc/examples"
	cp deploy/packages/copyright "$doc/copyright"
	printf '%s (%s) unstable; urgency=medium\n\n  * What changes with a version is in operations.md.\n\n -- %s  %s\n' \
		"$name" "$VERSION" "$MAINTAINER" "$(date -uRd "@$SOURCE_DATE_EPOCH")" >"$doc/changelog"
	cp "$@" "$doc/"
	mkdir -p "$share/lintian/overrides"
	cp "deploy/packages/$name.lintian-overrides" "$share/lintian/overrides/$name"
	cp "$STAGE/notices/$name.txt" "$doc/third-party-licences"
	gzip -9n "$doc/changelog" "$doc/third-party-licences" "$share"/man/man1/*.1
}

mkdir "$STAGE/notices"
go build -trimpath -buildvcs=false -o "$TOOLS/supply" ./deploy/supply/cmd
go build -trimpath -buildvcs=false -o "$TOOLS/nfpm" github.com/goreleaser/nfpm/v2/cmd/nfpm
"$TOOLS/supply" notices "$STAGE/notices"
stage skynet docs/{operations,policy,expressions,signals,aws,lease,how-it-works,security}.md
cp config/examples/{skynet,aws.skynet,render.policy,plain.policy,aws.policy}.yaml "$STAGE/skynet/doc/skynet/examples/"
stage skynet-worker docs/operations.md
cp deploy/packages/worker.yaml "$STAGE/skynet-worker/doc/skynet-worker/examples/"
find "$STAGE" -type d -exec chmod 755 {} +
find "$STAGE" -type f -exec chmod 644 {} +
find "$STAGE" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +

mkdir -p "$out"
rm -f "$out"/skynet_*.deb "$out"/skynet-worker_*.deb "$out"/skynet{,-worker,_*,-worker_*}.cdx.json "$out/SHA256SUMS"
for name in skynet skynet-worker; do
	"$TOOLS/nfpm" package --config "deploy/packages/$name.nfpm.yaml" --packager deb --target "$out/${name}_${VERSION}_$ARCH.deb"
done
"$TOOLS/supply" bills -version "$VERSION" bin "$out"
(cd "$out" && sha256sum ./*.deb ./*.cdx.json | sed 's# \./# #' >SHA256SUMS)
