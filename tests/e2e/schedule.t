#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# Scenarios overlap, at most --jobs of them at once; one that says alone = true has the target to itself; a scenario over
# each transport is run over each; and the whole takes no longer than its longest scenario and those that are alone.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use helper;
use fixture;
use Test::More;

my $suite = <<'LUA';
local scenario = require "support.scenario"
for i = 1, 12 do
  scenario("wait-" .. i) {
    title = "waits", covers = { "7635-4-02" }, alone = i > 10, transports = i == 1 and "each" or nil,
    run = function(t)
      t:note("from %.6f", t:now())
      t:wait(0.3)
      t:note("to %.6f", t:now())
      t:check("7635-4-02", t:allocate { credentials = false }:is_error(401))
    end,
  }
end
LUA
my $program = tree('suites/server/waiting.lua' => $suite);

# How many of the intervals hold the beginning of this one, itself among them.
sub beside {
	my ($one, @all) = @_;
	return scalar grep { $_->{from} <= $one->{from} && $one->{from} < $_->{to} } @all;
}

for my $jobs (3, 32) {
	my ($status, $output, $errors) = run($program, 'run', qw(--format json --transport udp --transport tcp), '--jobs', $jobs, 'server/waiting');
	is $status, 0, "--jobs $jobs passes" or diag $errors;
	my %result = results(json_lines($output));
	my @spans;
	for my $id (grep { m{server/waiting/} } sort keys %result) {
		my ($from) = map { /from ([\d.]+)/ } @{ $result{$id}{notes} };
		my ($to)   = map { /to ([\d.]+)/ } @{ $result{$id}{notes} };
		push @spans, { id => $id, from => $from, to => $to, alone => scalar($id =~ /wait-1[12]$/) };
	}
	is scalar @spans, 13, '12 scenarios, one of them over each transport';
	ok $result{'server/waiting/wait-1@tcp'}, 'whose id says so';
	my ($most) = sort { $b <=> $a } map { beside($_, @spans) } @spans;
	cmp_ok $most, '<=', $jobs, "no more than $jobs at once";
	cmp_ok $most, '>=', $jobs < 11 ? $jobs : 5, 'and they do overlap';
	for my $alone (grep { $_->{alone} } @spans) {
		my @others = grep { $_ != $alone && $_->{from} < $alone->{to} && $alone->{from} < $_->{to} } @spans;
		is scalar @others, 0, "$alone->{id} runs alone";
	}
}
done_testing;
