#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Starts a server of pion/turn for one run, in the foreground. What it is to be comes in the environment, as for every
# launched target; pion/main.go reads it. It is built of Debian's own packages, without a network, the first time and
# after they or the source have changed; the program and Go's cache lie below build/peers, or below the folder that
# ASSAY_PEERS names. Building takes some 5 seconds the first time and 1 later.
set -eu

fail() {
	echo "pion.sh: $1" >&2
	exit 1
}
here=$(cd "$(dirname "$0")" && pwd)
peers=${ASSAY_PEERS:-${here%/scripts/targets}/build/peers}
packages='golang-go golang-github-pion-turn.v2-dev golang-github-pion-dtls.v2-dev'
libraries=/usr/share/gocode/src/github.com/pion
{ command -v go && [ -d $libraries/turn/v2 ] && [ -d $libraries/dtls/v2 ]; } >/dev/null ||
	fail "Go, pion/turn or pion/dtls is not installed: apt-get install --no-install-recommends $packages"

program=$peers/pion-server
if [ ! -x "$program" ] || [ -n "$(find "$here/pion" $libraries -cnewer "$program" -print -quit)" ]; then
	mkdir -p "$peers"
	# Others may be building it too, or running it.
	HOME=$ASSAY_FOLDER GOPATH=/usr/share/gocode GO111MODULE=off GOCACHE=$peers/go-cache GOFLAGS='' \
		go build -o "$program.$$" "$here/pion/main.go" || fail "it does not build"
	mv "$program.$$" "$program"
fi
exec "$program"
