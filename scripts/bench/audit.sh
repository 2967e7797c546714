#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
#   scripts/bench/audit.sh
#
# What an audit costs beside its peers, on captures of coturn and uclient (scripts/captures/make.sh; a few minutes where
# they are not there yet): tshark, which takes the same messages apart, and tcpdump, which only copies packets. All of
# them run on one core, taking turns, and are compared by processor time, which a busy machine changes least; the time
# on the clock stands beside it. The audit has the keys, opens every token and verifies every MESSAGE-INTEGRITY. Then
# the same traffic as a stream of 4 GiB, for the memory. It takes five minutes or so, most of them tshark's and those of
# the streams.
#
# ASSAY_BUILD is the folder of the build (default: build), with assay and bench/repeat in it, and of the captures;
# BENCH_CAPTURES may name another folder of these. Exit status: 0 all was measured, 1 something was not.
set -uo pipefail
home=$(cd "$(dirname "$0")/../.." && pwd)
cd "$home" || exit 1
build=${ASSAY_BUILD:-build}
captures=${BENCH_CAPTURES:-$build/bench}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
core=$(($(nproc) - 1))
rounds=3
stream=$((4 << 30))
status=0

fail() {
	echo "bench: $1" >&2
	status=1
}

# Runs a command on the core, its output to nowhere; adds a line "user+system elapsed KiB" to the file NAME. Of an audit
# 1 is no failure: it has found what is wrong with coturn and uclient.
measure() { # name, the greatest exit status that is well, command...
	local name=$1 most=$2 code=0
	shift 2
	taskset -c "$core" /usr/bin/time -o "$folder/time" -f '%U %S %e %M' "$@" >/dev/null 2>"$folder/err" || code=$?
	if [ "$code" -gt "$most" ]; then
		fail "$name failed ($code): $(tail -n 1 "$folder/err")"
		return 1
	fi
	tail -n 1 "$folder/time" | awk '{ print $1 + $2, $3, $4 }' >>"$folder/$name"
}

# The least of a column of a file: what came in between only ever adds.
least() { # name, column
	sort -n -k "$2,$2" "$folder/$1" | awk -v column="$2" 'NR == 1 { print $column }'
}
most() {
	sort -n -k "$2,$2" "$folder/$1" | awk -v column="$2" 'END { print $column }'
}

line() { # what, value, unit, goal, "least" or "most" for the side of the goal, why
	awk -v what="$1" -v value="$2" -v unit="$3" -v goal="$4" -v side="$5" -v why="${6:-}" 'BEGIN {
		met = side == "least" ? value >= goal : value <= goal
		printf "  %-16s %8.2f %-5s goal %6.2f  %-6s  %s\n", what, value, unit, goal, met ? "met" : "MISSED", why
	}'
}

ratio() {
	awk -v one="$1" -v other="$2" 'BEGIN { print (other > 0 ? one / other : 0) }'
}

against() { # peer, file of its times, goal, side
	local own peer value
	own=$(least assay 1) peer=$(least "$2" 1)
	[ "$4" = least ] && value=$(ratio "$peer" "$own") || value=$(ratio "$own" "$peer")
	line "$1" "$value" times "$3" "$4" \
		"processor time $own s, $2 $peer s; on the clock $(least assay 2) s, $2 $(least "$2" 2) s"
}

audit() { # kind, times the speed of tshark, times the time of tcpdump (none: not compared)
	local kind=$1 file=$captures/$1.pcap packets server
	ASSAY_BUILD=$build scripts/captures/make.sh "$kind" "$captures" || {
		fail "there is no capture of $kind"
		return
	}
	packets=$(sed -n 's/^packets=//p' "$captures/$kind.info")
	server=$(sed -n 's/^server=\(.*\):.*/\1/p' "$captures/$kind.info")
	rm -f "$folder"/{assay,tcpdump,tshark,stream}
	cat "$file" >/dev/null # into memory, for all of them alike
	for ((round = 0; round < rounds; round++)); do
		measure assay 1 "$build/assay" audit --key "@$captures/$kind.keys" --format json "$file" || return
		[ -z "${3:-}" ] || measure tcpdump 0 tcpdump -r "$file" -w /dev/null || return
		# Once is enough: it takes a minute, so that a moment's disturbance is lost in it.
		[ $round != 0 ] || measure tshark 0 tshark -r "$file" -Y stun -T fields -e stun.type -e stun.att.type || return
	done
	echo "audit of $kind, $packets packets, on one core"
	against 'tshark / audit' tshark "$2" least
	[ -z "${3:-}" ] || against 'audit / tcpdump' tcpdump "$3" most
	line 'peak memory' "$(most assay 3 | awk '{ print $1 / 1024 }')" MiB 64 most
	# Each copy ten seconds behind the one before, so that the tokens of the last are still good.
	"$build/bench/repeat" $stream 10 "$file" "$server" |
		measure stream 1 "$build/assay" audit --key "@$captures/$kind.keys" --format json - || return
	line 'peak memory' "$(most stream 3 | awk '{ print $1 / 1024 }')" MiB 64 most \
		"of 4 GiB through a pipe; processor time $(least stream 1) s"
	echo
}

for program in /usr/bin/time:time tshark:tshark tcpdump:tcpdump taskset:util-linux; do
	command -v "${program%:*}" >/dev/null || fail "${program%:*} is not installed: apt-get install ${program#*:}"
done
[ $status = 0 ] || exit 1
audit media 25 4
audit signalling 5
exit $status
