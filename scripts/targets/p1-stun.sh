#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Starts p1_stun (Debian: erlang-p1-stun) for one run, in the foreground. What it is to be comes in the environment, as
# for every launched target; p1-stun.escript reads it. Nothing is written outside of $ASSAY_FOLDER.
set -eu

fail() {
	echo "p1-stun.sh: $1" >&2
	exit 1
}
here=$(cd "$(dirname "$0")" && pwd)
{ command -v escript && ls -d /usr/lib/erlang/lib/p1_stun-*; } >/dev/null 2>&1 ||
	fail "p1_stun is not installed: apt-get install --no-install-recommends erlang-p1-stun"
# A node without a name needs no epmd. HOME keeps the cookie file away from the user's own; a crash is dumped nowhere.
HOME=$ASSAY_FOLDER ERL_CRASH_DUMP_BYTES=0 exec escript "$here/p1-stun.escript"
