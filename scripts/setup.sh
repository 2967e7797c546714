#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
#   scripts/setup.sh [build] [targets] [tests] [peers]
#
# Installs what is missing of what assay needs, by groups (default: all but peers), with apt-get, through sudo where not
# root. Prints each command before it runs it; does nothing when nothing is missing. Where there is no apt-get it says
# what to install, and fails. Only packages are installed: no file is changed, and no service is left running.
set -eu

# Group, Debian package, what it is for.
packages='
build    gcc                  C compiler
build    libc6-dev            C library headers
build    make                 runs the Makefile
build    pkg-config           finds the libraries below
build    liblua5.4-dev        scenarios are written in Lua 5.4
build    libssl-dev           OpenSSL 3: AEAD, HMAC, TLS
build    libpcap-dev          live capture, capture files
build    libevent-dev         event loop
build    libjansson-dev       JSON
build    zlib1g-dev           gzip
targets  coturn               a TURN server to certify
targets  sqlite3              makes the key database of coturn
tests    libcmocka-dev        C unit tests
tests    perl                 prove, and the end-to-end tests
tests    tshark               an outside opinion on messages and captures
tests    tcpdump              records the captures of make bench, and is measured there
tests    iptables             a path that loses datagrams
tests    iproute2             network namespaces
tests    python3-aioice       a TURN client to meet the reference server
tests    lua5.4               tests of the suites that need no engine
tests    lua-check            make lint
tests    faketime             a target whose clock is not ours
tests    clang-format         make lint
tests    shellcheck           make lint
tests    clang                a second compiler, fuzzing
tests    libclang-rt-dev      its sanitizers
tests    procps               looks for processes that were left behind
tests    time                 measures the memory of an audit
tests    parallel             scripts/audit-parallel.sh
tests    slurm-client         scripts/audit-slurm.sh
tests    slurmctld            a cluster of one node for it
tests    slurmd               the node
tests    munge                how they know each other
tests    kamailio             a STUN server to certify
tests    erlang-base          runs the next
tests    erlang-p1-stun       a STUN and TURN server to certify
tests    golang-go            builds another, of pion/turn
tests    golang-github-pion-turn.v2-dev  pion/turn
tests    golang-github-pion-dtls.v2-dev  its DTLS
peers    nodejs               runs servers of npm, to certify
peers    npm                  installs them: scripts/targets/npm.sh
'

for group in "$@"; do
	case $group in
	build | targets | tests | peers) ;;
	*)
		echo "setup.sh: no group '$group'; groups are build, targets, tests, peers" >&2
		exit 2
		;;
	esac
done
wanted=" ${*:-build targets tests} "

installed=' '
if command -v dpkg-query >/dev/null 2>&1; then
	# It fails for names that it does not know, and tells the others all the same.
	names=$(echo "$packages" | while read -r group name purpose; do echo "$name"; done)
	# shellcheck disable=SC2086
	installed=" $(dpkg-query -W -f '${db:Status-Status}/${Package} ' $names 2>/dev/null || true)"
fi
# A node that is not Debian's has an npm of its own.
if command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1; then
	installed="$installed installed/nodejs installed/npm "
fi

list=$(echo "$packages" | while read -r group name purpose; do
	case $wanted in *" $group "*) ;; *) continue ;; esac
	case $installed in *" installed/$name "*) continue ;; esac
	echo "$name $purpose"
done)
missing=$(echo "$list" | while read -r name purpose; do printf '%s ' "$name"; done)
missing=${missing% }
if [ -z "$missing" ]; then
	echo "setup.sh: nothing to install"
	exit 0
fi
# Packages that start a service and enable it for every boot; here only their programs are wanted.
services=''
for name in coturn erlang-base kamailio munge slurmctld slurmd; do
	case " $missing " in *" $name "*) ;; *) continue ;; esac
	case $name in
	erlang-base) services="$services epmd.service epmd.socket" ;;
	*) services="$services $name.service" ;;
	esac
done

if ! command -v apt-get >/dev/null 2>&1; then
	{
		echo "setup.sh: there is no apt-get here. Install these, named as Debian names them, then use SETUP=no:"
		echo "$list" | while read -r name purpose; do printf '  %-20s %s\n' "$name" "$purpose"; done
	} >&2
	exit 1
fi

as_root=''
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null 2>&1; then
		{
			echo "setup.sh: neither root nor sudo here. Have root run these:"
			echo "  apt-get update"
			echo "  apt-get install --no-install-recommends $missing"
		} >&2
		exit 1
	fi
	as_root=sudo
fi

run() {
	echo "+ $*"
	"$@"
}

apt() { # asks nothing (tshark would), waits for another apt that is at work
	run $as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@"
}

# A unit that is masked until then is not started. Where systemd does not run, Debian starts nothing that has no init.
masked=no
unmask() {
	[ $masked = yes ] || return 0
	masked=no
	# shellcheck disable=SC2086
	run $as_root systemctl unmask --runtime $services
}
if [ -n "$services" ] && [ -d /run/systemd/system ]; then
	trap unmask EXIT
	masked=yes
	# shellcheck disable=SC2086
	run $as_root systemctl mask --runtime $services
fi

apt update || echo "setup.sh: apt-get update failed; trying with the package lists that are here" >&2
# shellcheck disable=SC2086
apt install -y --no-install-recommends $missing

if [ $masked = yes ]; then
	unmask
	# shellcheck disable=SC2086
	run $as_root systemctl disable $services
fi
