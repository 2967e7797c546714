#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
#   scripts/bench/replay.sh
#
# How fast a capture of coturn and uclient is replayed: every request made anew, with tokens sealed and integrity
# computed under the capture's keys, and sent as fast as it can be to a sink (scripts/bench/sink.c) that swallows it.
# assay runs on one core and the sink beside it. And what memory that takes.
#
# ASSAY_BUILD is the folder of the build (default: build), with assay and bench/sink in it, and of the captures that
# scripts/bench/audit.sh makes; BENCH_CAPTURES may name another folder of these. Exit status: 0 it was measured, 1 not.
set -uo pipefail
home=$(cd "$(dirname "$0")/../.." && pwd)
cd "$home" || exit 1
build=${ASSAY_BUILD:-build}
captures=${BENCH_CAPTURES:-$build/bench}
capture=$captures/signalling
if [ ! -e "$capture.pcap" ] || [ ! -e "$capture.keys" ]; then
	echo "bench: there is no $capture.pcap with its keys: scripts/bench/audit.sh makes it" >&2
	exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
name=$(sed -n 's/^server_name=//p' "$capture.info")

mkfifo "$folder/stop"
"$build/bench/sink" <"$folder/stop" >"$folder/sink" &
sink=$!
exec 8>"$folder/stop"
for _ in $(seq 100); do
	[ -s "$folder/sink" ] && break
	sleep 0.05
done
port=$(head -n 1 "$folder/sink")
taskset -c "$(($(nproc) - 1))" "$build/assay" replay "$capture.pcap" --speed 0 --no-wait --server "127.0.0.1:$port" \
	--key "@$capture.keys" --server-name "$name" --format json 8>&- >"$folder/replayed" 2>"$folder/err"
exec 8>&-
wait "$sink"
perl - "$folder/replayed" "$folder/sink" <<'EOT' || { cat "$folder/err"; exit 1; }
use strict;
use warnings;
use JSON::PP;

my ($results, $sink) = map { open my $file, '<', $_ or die "$_: $!"; [<$file>] } @ARGV;
die "nothing was replayed\n" if !@$results;
my $notes = join ' ', @{ decode_json($results->[0])->{notes} };
my ($sent, $seconds, $processor) = $notes =~ /(\d+) requests were sent in ([\d.]+) s .*?processor time ([\d.]+) s/
	or die "nothing was replayed\n";
chomp @$sink;
print "replay as fast as possible to a sink: $sent authenticated requests, $sink->[1] of them reached it\n";
my ($memory) = $notes =~ /assay took (\d+) MiB of memory/ or die "it is not told what memory that took\n";
my @lines = (['a second', $sent / ($seconds || 1)], ['a second of CPU', $sent / ($processor || 1)]);
for (@lines) {
	my ($what, $value) = @$_;
	printf "  %-16s %8.0f      goal %6.0f  %s\n", $what, $value, 20_000, $value >= 20_000 ? 'met' : 'MISSED';
}
printf "  %-16s %8.0f MiB  most %6.0f  %s\n", 'peak memory', $memory, 128, $memory <= 128 ? 'met' : 'MISSED';
EOT
echo
