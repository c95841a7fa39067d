#!/bin/sh
# test/sample/build.sh REGISTRY TAG [VERSION]
#
# Builds REGISTRY/sample:TAG, pushes it and prints its reference. VERSION is TAG unless given.
# Environment: REPOSITORY (sample), BROKEN (a failure mode, see app), CHECKED=1 (with a HEALTHCHECK).
# Copies busybox from the sandbox's machine image, so it needs no network except the registry.
set -eu
[ $# -ge 2 ] || { sed -n 2,6p "$0" >&2; exit 2; }
reference=$1/${REPOSITORY:-sample}:$2
version=${3:-$2}
here=$(cd "$(dirname "$0")" && pwd)
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

machine=$(docker images --quiet oneclick-sandbox | head -n 1)
[ -n "$machine" ] || { echo 'the sandbox image is missing; run: oneclick sandbox up' >&2; exit 1; }
container=$(docker create "$machine")
docker cp "$container:/bin/busybox" "$context/busybox" >/dev/null
docker rm "$container" >/dev/null

cp "$here/Dockerfile" "$here/app" "$context"
target=${CHECKED:+checked}
quietly() { "$@" >"$context/log" 2>&1 || { cat "$context/log" >&2; exit 1; }; }
quietly docker build --target "${target:-plain}" --build-arg "VERSION=$version" --build-arg "BROKEN=${BROKEN:-}" \
  --tag "$reference" "$context"
quietly docker push "$reference"
echo "$reference"
