#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# What is said of answer times: the rank test behind it, and that a server which takes longer over some failures than
# over others is told of, with the size of the effect, and is failed for nothing.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use fixture;
use helper;
use Test::More;

my ($status, $out, $err) = run('lua5.4', '-e', <<'LUA');
package.path = "suites/?.lua"
local ranks = require "support.ranks"
local function near(a, b) return math.abs(a - b) < 1e-9 end
assert(ranks.median { 3, 1, 2 } == 2 and ranks.median { 4, 1, 3, 2 } == 2.5, "the median")
local low, high = {}, {}
for i = 1, 25 do low[i], high[i] = i, i + 25 end
local outcome = ranks.compare(low, high)
assert(outcome.delta == -1, "every one of the first below every one of the second")
-- The sum of ranks lies 25 * 25 / 2 from its mean, whose deviation is the root of 25 * 25 * 51 / 12.
assert(near(outcome.z, -312.5 / math.sqrt(25 * 25 * 51 / 12)), "in standard deviations")
outcome = ranks.compare(high, low)
assert(outcome.delta == 1 and outcome.z > 6, "and the other way round")
outcome = ranks.compare(low, low)
assert(outcome.delta == 0 and outcome.z == 0, "a series does not differ from itself")
assert(ranks.compare({ 1, 1, 1 }, { 1, 1, 1 }).delta == 0, "equal values are neither above nor below")
assert(near(ranks.compare({ 1, 2, 3 }, { 2, 2, 2 }).delta, 0), "half above, half below")
LUA
is $status, 0, 'the rank test' or diag "$out$err";

for my $case (
	['the reference', [], qr/^answer times: no pair of failures differs by an effect worth naming/],
	['a server that thinks over some', ['--fault', 'think-over-sensible-blocks'],
		qr/^answer times differ between tag and key: medians \d{4,} and \d+ microseconds, Cliff.s delta (?:1\.00|0\.[5-9]\d), /],
) {
	my ($name, $words, $note) = @$case;
	($status, $out, $err) = run({ timeout => 60 }, assay(), qw(run --no-capture --transport udp --format json),
		@$words, 'server/one-outcome');
	is $status, 0, "$name is failed for nothing" or diag $err;
	my %result = results(json_lines($out));
	my @notes = @{ $result{'server/one-outcome/failed-decryption'}{notes} || [] };
	is scalar(grep { /$note/ } @notes), 1, "$name: what its answer times tell" or diag join "\n", @notes;
}

done_testing;
