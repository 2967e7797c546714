#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
#   scripts/bench.sh
#
# What assay costs: the server suite over all transports against the reference (and coturn, if installed), in seconds,
# processor time and memory; how many malformed messages the robustness suite sends, and how fast; then the rates of
# its own token and integrity code beside bare OpenSSL; then an audit beside tshark and tcpdump (bench/audit.sh, which
# records captures first where there are none). Each line names its goal and says whether it was met. This is a
# measurement and no test: a goal that is missed is no failure.
#
# ASSAY_BUILD is the folder of the build (default: build), which `make bench` has made. Exit status: 0 all was
# measured, 1 something was not.
set -uo pipefail
home=$(cd "$(dirname "$0")/.." && pwd)
cd "$home" || exit 1
build=${ASSAY_BUILD:-build}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
status=0

# One run of the server suite; the arguments name the target.
suite() {
	local name=$1
	shift
	"$build/assay" run --format json --out "$folder/out" "$@" server >"$folder/results" 2>"$folder/err"
	"$build/assay" list --format json server >"$folder/list"
	perl - "$name" "$folder/results" "$folder/list" <<-'EOT' || { status=1 && cat "$folder/err"; }
		use strict;
		use warnings;
		use JSON::PP;
		use List::Util qw(max sum0);

		my ($name, @paths) = @ARGV;
		my ($results, $listed) = map {
			open my $file, '<', $_ or die "$_: $!";
			[map { decode_json $_ } <$file>];
		} @paths;
		my %alone = map { $_->{id} => 1 } grep { $_->{alone} } @$listed;
		my ($summary) = grep { $_->{type} eq 'summary' } @$results;
		die "the run against $name came to no end" if !$summary || $summary->{aborted};
		my (@together, @alone);
		for my $one (grep { $_->{type} eq 'scenario' } @$results) {
			my $id = $one->{id} =~ s/\@\w+$//r;
			push @{ $alone{$id} ? \@alone : \@together }, $one->{seconds};
		}
		my ($longest, $sum) = (max(0, @together), sum0 @alone);
		my $usage = $summary->{usage};

		sub line {
			my ($what, $value, $unit, $goal, $why) = @_;
			printf "  %-16s %8.2f %-4s goal %6.2f  %-6s  %s\n", $what, $value, $unit, $goal,
				$value <= $goal ? 'met' : 'MISSED', $why // '';
		}
		my ($run) = grep { $_->{type} eq 'run' } @$results;
		printf "server suite against %s over %s: %d scenarios, %s\n", $name,
			join(', ', @{ $run->{target}{transports} }), @together + @alone,
			join ', ', map { "$summary->{$_} $_" } grep { $summary->{$_} } qw(pass fail warn inconclusive skip);
		line 'wall time', $summary->{seconds}, 's', $longest + $sum + 5,
			sprintf 'longest that overlaps %.2f, those alone %.2f in all, and 5', $longest, $sum;
		line '', $summary->{seconds}, 's', 180;
		line 'processor time', $usage->{user} + $usage->{system}, 's', 2,
			sprintf 'user %.2f, system %.2f; the target beside it %.2f', $usage->{user}, $usage->{system},
			$usage->{children_user} + $usage->{children_system};
		line 'peak memory', $usage->{peak_kib} / 1024, 'MiB', 128;
	EOT
	echo
}

# Malformed messages over UDP: how many in a run of the robustness suite, and how fast.
robustness() {
	"$build/assay" run --format json --no-capture --transport udp robustness >"$folder/results" 2>"$folder/err"
	perl - "$folder/results" <<-'EOT' || { status=1 && cat "$folder/err"; }
		use strict;
		use warnings;
		use JSON::PP;

		my ($sent, $seconds, $usage) = (0, 0);
		while (<>) {
			my $value = decode_json $_;
			$usage = $value->{usage} if $value->{type} eq 'summary';
			for my $note (@{ $value->{notes} || [] }) {
				my ($count, $rate) = $note =~ /^(\d+) malformed messages over udp .*?, (\d+) a second/ or next;
				$sent += $count;
				$seconds += $count / ($rate || 1);
			}
		}
		die "no malformed message was sent" if !$sent;
		print "robustness suite against the reference over UDP: malformed messages\n";
		sub line {
			my ($what, $value, $goal, $why) = @_;
			printf "  %-16s %8.0f      goal %6.0f  %-6s  %s\n", $what, $value, $goal,
				$value >= $goal ? 'met' : 'MISSED', $why // '';
		}
		line 'in a run', $sent, 20_000;
		my ($own, $target) = map { $usage->{"${_}user"} + $usage->{"${_}system"} } '', 'children_';
		line 'a second', $sent / $seconds, 5_000, sprintf 'processor time of each: %.0f us, in the target %.0f us',
			$own / $sent * 1e6, $target / $sent * 1e6;
	EOT
	echo
}

suite "the reference"
robustness
if command -v turnserver >/dev/null && command -v sqlite3 >/dev/null; then
	suite coturn --target scripts/targets/coturn.lua
else
	echo "coturn is not installed: scripts/setup.sh targets"
	echo
fi

echo "share of the rate of bare OpenSSL calls (medians; goal: 70 %)"
"$build/bench/crypto" >"$folder/crypto" || status=1
while read -r line; do
	share=${line% %} share=${share##* }
	[ "$share" -ge 70 ] && outcome=met || outcome=MISSED
	printf '  %-84s %s\n' "$line" "$outcome"
done <"$folder/crypto"
echo
ASSAY_BUILD=$build scripts/bench/audit.sh || status=1
ASSAY_BUILD=$build scripts/bench/replay.sh || status=1
exit $status
