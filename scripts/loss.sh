#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
#   scripts/loss.sh PROBABILITY COMMAND [ARGUMENT]...
#
# Runs a command in a fresh network namespace with nothing but loopback, where each UDP datagram is lost with the
# given probability (0 to 1): `scripts/loss.sh 0.1 build/assay run` loses a tenth in each direction. TCP and ICMP are
# spared.
#
# A datagram on loopback passes OUTPUT once and INPUT once. The loss is in INPUT alone: once for each datagram,
# whichever way it goes, and after the place where a capture sees it, as if it were lost further down the path. In
# OUTPUT the sender would be told (EPERM), which no lossy path does.
#
# Exits with the command's status; says on stderr how many datagrams passed and how many were dropped. 2: wrong use.
# 77: this machine cannot do it. The namespace goes with its last process.
set -euo pipefail

usage() {
	echo "usage: scripts/loss.sh PROBABILITY COMMAND [ARGUMENT]..." >&2
	exit 2
}

cannot() {
	echo "loss.sh: $1" >&2
	exit 77
}

if [ "${1:-}" != --inside ]; then
	[ $# -ge 2 ] || usage
	[[ $1 =~ ^(0(\.[0-9]+)?|1(\.0+)?)$ ]] || usage
	command -v unshare >/dev/null || cannot "unshare is not installed (util-linux)"
	options=(--net)
	[ "$(id -u)" = 0 ] || options+=(--user --map-root-user)
	unshare "${options[@]}" true 2>/dev/null || cannot "no new network namespace is allowed here"
	exec unshare "${options[@]}" -- "$0" --inside "$@"
fi
shift
probability=$1
shift

PATH=$PATH:/usr/sbin:/sbin
command -v ip >/dev/null || cannot "ip is not installed (iproute2)"
ip link set lo up

# Of the two kernel interfaces of iptables a machine may have either. The lock file's usual place is not writable for a
# mapped root, and there is nobody to share it with.
lock=$(mktemp)
trap 'rm -f "$lock"' EXIT
export XTABLES_LOCKFILE=$lock
lose() { # by one of the two, for one family
	"$1" -A INPUT -p udp -m comment --comment seen &&
		"$1" -A INPUT -p udp -m statistic --mode random --probability "$probability" -j DROP
}
tables=
for kind in legacy nft; do
	command -v iptables-$kind >/dev/null || continue
	if why=$(lose iptables-$kind 2>&1); then
		tables=$kind
		break
	fi
	iptables-$kind -F INPUT 2>/dev/null || true
done
[ -n "$tables" ] || cannot "neither iptables-legacy nor iptables-nft can drop at random here${why:+: $why}"
if [ -e /proc/net/if_inet6 ]; then
	why=$(lose ip6tables-$tables 2>&1) || cannot "ip6tables-$tables cannot drop at random here: $why"
fi

counters() {
	for family in ip ip6; do
		${family}tables-$tables -nvxL INPUT 2>/dev/null || true
	done | awk -v probability="$probability" -v tables="iptables-$tables" '
		/statistic mode random/ { dropped += $1; next }
		/seen/ { seen += $1 }
		END {
			printf "loss.sh: %d of %d UDP datagrams dropped (probability %s, %s)\n",
				dropped, seen, probability, tables
		}' >&2
}

# A terminal's interrupt reaches the command by itself; a signal to this script alone is handed on. env undoes the
# ignored SIGINT of a background job.
env --default-signal=INT,QUIT "$@" <&0 &
child=$!
trap 'kill -TERM $child 2>/dev/null || true' TERM
trap 'kill -HUP $child 2>/dev/null || true' HUP
trap : INT
status=0
while :; do
	wait $child && status=0 || status=$?
	kill -0 $child 2>/dev/null || break
done
counters
exit $status
