#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
#   scripts/captures/make.sh small|media|signalling [FOLDER]
#
# Records what turnutils_uclient and a coturn that takes tokens say to each other, and leaves it in FOLDER (default:
# build/bench, or bench below $ASSAY_BUILD), unless it is there from an earlier call:
#
#   KIND.pcap   the packets, whole, as tcpdump wrote them
#   KIND.keys   the long-term keys, lines KID:ALGORITHM:BASE64: those that uclient has built in
#   KIND.info   lines NAME=VALUE: server, server_name, realm, packets, dropped, octets, seconds; KIND.keylog, where
#               there is one, holds the secrets of the TLS and DTLS connections for Wireshark and assay
#
#   small       seconds and a thousand packets, of everything: tokens and passwords, channels and Send indications,
#               UDP, TCP, TLS and DTLS, the traffic between the relayed addresses too
#   media       at least a million packets, nearly all of them ChannelData: calls with sound (172 octets a packet) and
#               calls with a picture (900 octets). A minute or two
#   signalling  at least a million packets, each a STUN request or its answer: many short sessions, some of them with
#               the additional requests of uclient -G. One or two minutes
#
# media and signalling hold the port of the server only, as a tap in front of it sees it; in signalling the filter of
# the capture takes ChannelData and indications away (the sessions carry one message each, else they would not end).
# Everything runs in namespaces of its own (network, processes), so it needs no free port, meets nobody else's packets,
# and ends with this script however that ends. It takes root, or a kernel that lets users make namespaces.
#
# Exit status: 0 the files are there, 1 they are not, 2 the command line is wrong.
set -euo pipefail
umask 022

server=192.0.2.1 port=3478 secure=5349
realm=example.org server_name=coturn.example.org user=ninja password=youhavetoberealistic
# uclient has these built in, and draws one for each token. (In its source the first and the third have 33 octets, the
# second 17, since each ends in a line feed; coturn uses as many as the algorithm takes, and so do these.)
keys='north:A256GCM:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=
union:A128GCM:MTIzNDU2Nzg5MDEyMzQ1Ng==
oldempire:A256GCM:MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI='

fail() {
	echo "make.sh: $1" >&2
	exit 1
}

kind=${1:-}
case "$kind" in
small | media | signalling) ;;
*)
	echo "usage: make.sh small|media|signalling [FOLDER]" >&2
	exit 2
	;;
esac
home=$(cd "$(dirname "$0")/../.." && pwd)

if [ "${3:-}" != inside ]; then
	build=${ASSAY_BUILD:-build}
	folder=${2:-$build/bench}
	mkdir -p "$folder"
	folder=$(cd "$folder" && pwd)
	if [ -s "$folder/$kind.pcap" ] && [ -s "$folder/$kind.info" ]; then
		exit 0
	fi
	for program in turnserver:coturn turnutils_uclient:coturn sqlite3:sqlite3 tcpdump:tcpdump ip:iproute2 \
		openssl:openssl unshare:util-linux setpriv:util-linux; do
		command -v "${program%:*}" >/dev/null || fail "${program%:*} is not installed: apt-get install ${program#*:}"
	done
	as=()
	[ "$(id -u)" = 0 ] || as=(--user --map-current-user --keep-caps) # tcpdump as root would become another user
	work=$(mktemp -d "$folder/.$kind-XXXXXX")
	# The second namespace is of processes: when its first one goes, the kernel ends all others; and that one goes with
	# this script, also when this one is killed.
	setpriv --pdeathsig KILL \
		unshare "${as[@]}" --net --pid --fork --kill-child --mount-proc "$0" "$kind" "$work" inside &
	inside=$!
	trap 'kill -KILL $inside 2>/dev/null || true; rm -rf "$work"' EXIT
	trap 'exit 130' INT TERM HUP
	wait $inside || fail "there is no $kind.pcap; if namespaces are forbidden here, root may still make them"
	for part in keylog keys info pcap; do
		[ ! -e "$work/$part" ] || mv "$work/$part" "$folder/$kind.$part"
	done
	exit 0
fi

work=$2
cd "$work"
ip link set lo up
ip address add $server/32 dev lo
for last in {1..64}; do
	ip address add "198.51.100.$last/32" dev lo
done
# Wide enough that hardly any client meets the port, and so the allocation, of one before it (437).
echo '6000 65535' >/proc/sys/net/ipv4/ip_local_port_range
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -H -n)"

mkdir coturn
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out certificate.pem -days 2 -subj "/CN=$server_name" \
	2>/dev/null || fail "openssl made no certificate"
printf '%s\n' "$keys" >keys

preload=''
if [ "$kind" = small ] && cc -shared -fPIC -O -o keylog.so "$home/scripts/captures/keylog.c" -ldl 2>cc.log; then
	preload=$work/keylog.so
fi
# What clients leave behind (each uclient does with the first allocation of a pair) must not use up the relayed ports.
lifetime=''
[ "$kind" != signalling ] || lifetime=15
CAPTURE_KEYLOG=$work/keylog LD_PRELOAD=$preload ASSAY_ADDRESS=$server ASSAY_PORT=$port ASSAY_REALM=$realm \
	ASSAY_SERVER_NAME=$server_name ASSAY_FOLDER=$work/coturn ASSAY_KEYS=$keys ASSAY_USERS=$user:$password \
	ASSAY_THIRD_PARTY=yes ASSAY_TLS_PORT=$secure ASSAY_DTLS_PORT=$secure ASSAY_CERTIFICATE=$work/certificate.pem \
	ASSAY_PRIVATE_KEY=$work/key.pem COTURN_MAX_LIFETIME=$lifetime "$home/scripts/targets/coturn.sh" >coturn.log 2>&1 &
coturn=$!

for _ in {1..100}; do
	(: <>/dev/tcp/$server/$port) 2>/dev/null && break
	kill -0 $coturn 2>/dev/null || fail "coturn did not start: $(tail -3 coturn.log)"
	sleep 0.1
done

# Of what STUN writes into the first two bits (0) and into the class: a request 00, an indication 01, answers 10 and 11.
case "$kind" in
small) filter='ip' ;;
media) filter="port $port" ;;
signalling) filter="udp port $port and udp[8] & 0xc0 = 0 and udp[8:2] & 0x110 != 0x10" ;;
esac
tcpdump -i lo -B 262144 -s 0 -Z root -w pcap "$filter" 2>tcpdump.log &
tcpdump=$!
for _ in {1..100}; do
	grep -q listening tcpdump.log 2>/dev/null && break
	kill -0 $tcpdump 2>/dev/null || fail "tcpdump did not start: $(cat tcpdump.log)"
	sleep 0.1
done

# One uclient from address 198.51.100.$1 to the end, with at most so many seconds.
uclient() {
	local address=198.51.100.$1 seconds=$2
	shift 2
	timeout "$seconds" turnutils_uclient -L "$address" -p $port "$@" $server >>uclient.log 2>&1
}

started=$SECONDS
case "$kind" in
small)
	uclient 1 30 -J -c -y -m 2 -n 5 -l 172 &          # channels
	uclient 2 30 -J -c -y -s -m 2 -n 5 &              # Send and Data indications
	uclient 3 30 -J -y -m 4 -n 3 &                    # with allocations for RTCP: EVEN-PORT, RESERVATION-TOKEN
	uclient 4 30 -J -c -y -G -g -m 4 -n 3 &           # additional requests
	uclient 9 30 -J -c -y -O -m 40 || true &          # clients in a hurry: some are refused, and the answers say why
	uclient 5 30 -J -c -y -t -m 2 -n 5 &              # TCP
	uclient 6 30 -J -c -y -t -S -p $secure -m 2 -n 5 -z 200 & # TLS: of what comes together uclient loses some
	uclient 7 30 -J -c -y -S -p $secure -m 2 -n 5 &   # DTLS
	uclient 8 30 -c -y -u $user -w $password -m 2 -n 5 & # a password
	wanted=400
	;;
media)
	# A message is two packets here: to the server, and on from it.
	for call in {1..8}; do
		length=172
		[ $((call % 4)) != 0 ] || length=900
		uclient "$call" 360 -J -c -y -m 10 -n 6500 -z 6 -l $length &
	done
	wanted=1000000
	;;
signalling)
	line() { # one after the other, until there is enough
		local client=$1
		shift
		while [ ! -e enough ]; do
			uclient $(((client += 7) % 64 + 1)) 60 -J -c -y -n 1 -l 40 "$@" || true
		done
	}
	wanted=1000000
	# A uclient needs seconds for its clients, most of which it waits; one with -O goes as soon as they are set up.
	for client in {1..24}; do
		extra=()
		[ $((client % 4)) != 0 ] || extra=(-G)
		line "$client" -m 30 "${extra[@]}" &
	done
	line 25 -O -m 60 &
	line 26 -O -m 60 &
	# SIGUSR1 has tcpdump say how many packets there are.
	while :; do
		sleep 2
		kill -USR1 $tcpdump 2>/dev/null || fail "tcpdump ended: $(cat tcpdump.log)"
		sleep 0.2
		count=$(sed -n 's/^[^0-9]*\([0-9]*\) packets captured.*/\1/p' tcpdump.log | tail -1)
		if [ "${count:-0}" -ge $((wanted + 5000)) ] || [ $((SECONDS - started)) -gt 400 ]; then
			break
		fi
	done
	: >enough
	;;
esac

for job in $(jobs -p); do
	[ "$job" = $coturn ] || [ "$job" = $tcpdump ] || wait "$job" || echo "make.sh: a uclient failed" >&2
done
elapsed=$((SECONDS - started))
sleep 2 # the kernel hands out packets in blocks, the last ones late
kill -INT $tcpdump
wait $tcpdump || true
kill $coturn
count=$(sed -n 's/^\([0-9]*\) packets\{0,1\} captured.*/\1/p' tcpdump.log | tail -1)
dropped=$(sed -n 's/^\([0-9]*\) packets\{0,1\} dropped by kernel.*/\1/p' tcpdump.log | tail -1)
cat >info <<-EOT
	server=$server:$port
	server_name=$server_name
	realm=$realm
	packets=$count
	dropped=$dropped
	octets=$(stat -c %s pcap)
	seconds=$elapsed
EOT
[ "$dropped" = 0 ] || echo "make.sh: $dropped packets were dropped from $kind.pcap" >&2
[ "$count" -ge "$wanted" ] || fail "only $count packets; $(tail -3 uclient.log)"
