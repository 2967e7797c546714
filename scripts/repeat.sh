#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
#   scripts/repeat.sh [--runs N] [--busy] [ARGUMENT]...
#
# Runs `assay run ARGUMENT...` N times in a row (default 20) and compares the verdicts, scenario by scenario and check
# by check, with those of the first run. --busy keeps every processor busy with something else meanwhile.
#
#   scripts/repeat.sh --busy --target scripts/targets/coturn.lua
#
# ASSAY_BUILD is the folder of the build (default: build). Exit status: 0 every run gave the same verdicts, 1 one did
# not, 2 wrong use or a run that reported nothing.
set -euo pipefail

usage() {
	echo "usage: scripts/repeat.sh [--runs N] [--busy] [ARGUMENT OF assay run]..." >&2
	exit 2
}

runs=20 busy=no
while [ $# -gt 0 ]; do
	case $1 in
	--runs)
		[[ ${2:-} =~ ^[1-9][0-9]*$ ]] || usage
		runs=$2
		shift 2
		;;
	--busy) busy=yes && shift ;;
	--help) usage ;;
	*) break ;;
	esac
done
home=$(cd "$(dirname "$0")/.." && pwd)
build=${ASSAY_BUILD:-build}
case $build in /*) ;; *) build=$home/$build ;; esac
assay=$build/assay
[ -x "$assay" ] || {
	echo "repeat.sh: $assay is not there: build it first" >&2
	exit 2
}

folder=$(mktemp -d)
loops=()
rest() {
	for loop in "${loops[@]}"; do kill "$loop" 2>/dev/null || true; done
	loops=()
}
trap 'rest; rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM HUP

# Each loop ends by itself after a time that no run takes, should nobody be left to end it.
work() {
	for ((i = 0; i < $(nproc); i++)); do
		timeout 600 sh -c 'while :; do :; done' &
		loops+=($!)
	done
}

echo "$runs runs of: assay run $*$([ $busy = no ] || echo " (with $(nproc) busy loops beside it)")"
for ((run = 1; run <= runs; run++)); do
	[ $busy = no ] || work
	status=0
	"$assay" run --format json "$@" >"$folder/$run" 2>"$folder/err" </dev/null || status=$?
	rest
	wait 2>/dev/null || true
	[ -s "$folder/$run" ] || {
		echo "repeat.sh: run $run reported nothing (status $status):" >&2
		cat "$folder/err" >&2
		exit 2
	}
	perl - "$run" "$status" "$folder/1" "$folder/$run" <<-'EOT' || echo differs >"$folder/differs"
		use strict;
		use warnings;
		use JSON::PP;

		# Verdicts of a run: scenario -> [verdict, reason], and those of its checks -> [verdict, what came].
		sub verdicts {
			my ($path) = @_;
			open my $file, '<', $path or die "$path: $!";
			my (%seen, $summary);
			while (my $line = <$file>) {
				my $one = decode_json $line;
				$summary = $one if $one->{type} eq 'summary';
				next if $one->{type} ne 'scenario';
				$seen{ $one->{id} } = [$one->{verdict}, $one->{reason} // ''];
				for my $check (@{ $one->{checks} }) {
					my @name = ($one->{id}, $check->{requirement}, $check->{label} // ());
					$seen{"@name"} = [$check->{verdict}, $check->{got} // ''];
				}
			}
			return (\%seen, $summary);
		}

		my ($run, $status, $first, $this) = @ARGV;
		my ($expected) = verdicts($first);
		my ($got, $summary) = verdicts($this);
		my @differences;
		my %names = (%$expected, %$got);
		for my $name (sort keys %names) {
			my ($old, $new) = map { $_->{$name} // ['not there', ''] } $expected, $got;
			next if $old->[0] eq $new->[0];
			my ($before, $now) = map { $_->[0] . ($_->[1] ne '' ? " ($_->[1])" : '') } $old, $new;
			push @differences, "    $name: $before in run 1, now $now";
		}
		my @counts = map { "$summary->{$_} $_" } grep { $summary->{$_} } qw(pass fail warn inconclusive skip);
		my $aborted = $summary->{aborted} ? " aborted: $summary->{aborted}" : '';
		my $outcome = @differences ? @differences . ' of them differ:' : $run == 1 ? 'to compare with' : 'the same';
		printf "run %2d  %5.1f s  status %d  %s%s; %d verdicts of scenarios and checks, %s\n", $run,
			$summary->{seconds}, $status, join(', ', @counts), $aborted, scalar keys %$got, $outcome;
		print s/([^\x20-\x7e])/sprintf '\\x%02X', ord $1/ger, "\n" for @differences;
		exit(@differences > 0);
	EOT
done
if [ -e "$folder/differs" ]; then
	echo "the verdicts differ"
	exit 1
fi
echo "$runs runs, the same verdicts"
