#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# A path that loses a tenth of the datagrams in each direction, and a machine whose cores are all busy, change no verdict
# to fail: what a scenario concludes then is what it concludes on a good day, or that nothing can be concluded.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use helper;
use Test::More;

sub verdicts_of {
	my ($output) = @_;
	return { map { $_->{id} => $_ } grep { $_->{type} eq 'scenario' } json_lines($output) };
}

sub agree {
	my ($name, $good, $bad) = @_;
	cmp_ok scalar keys %$good, '>', 40, "$name: there is something to compare";
	is join(' ', sort keys %$bad), join(' ', sort keys %$good), "$name: the same scenarios ran";
	my @changed = grep { $bad->{$_}{verdict} ne $good->{$_}{verdict} && $bad->{$_}{verdict} ne 'inconclusive' } sort keys %$good;
	is scalar @changed, 0, "$name: no verdict changed";
	diag "$name: $_: $good->{$_}{verdict} became $bad->{$_}{verdict}: " . ($bad->{$_}{reason} // '') for @changed;
	my @unsure = grep { $bad->{$_}{verdict} eq 'inconclusive' && $good->{$_}{verdict} ne 'inconclusive' } sort keys %$good;
	cmp_ok scalar @unsure, '<=', @{ [keys %$good] } / 20, "$name: hardly any became inconclusive";
	diag "$name: $_: $bad->{$_}{reason}" for @unsure;
}

my %target = (reference => []);
$target{coturn} = ['--target', 'scripts/targets/coturn.lua'] if -x '/usr/bin/turnserver';

# The runs wait most of the time, so they stand beside each other.
my %run;
for my $name (sort keys %target) {
	my @command = (assay(), 'run', '--format', 'json', @{ $target{$name} });
	$run{"$name, good"}  = start(@command);
	$run{"$name, lossy"} = start('scripts/loss.sh', '0.1', @command);
}
wait_until { !grep { $_->alive } values %run } 240;
my %status = map { $_ => $run{$_}->stop } keys %run;

for my $name (sort keys %target) {
	my $lossy = $run{"$name, lossy"};
	SKIP: {
		skip "$name: " . ($lossy->err =~ s/\n.*//sr), 4 if $status{"$name, lossy"} == 77;
		my ($dropped, $seen) = $lossy->err =~ /(\d+) of (\d+) UDP datagrams dropped/;
		ok $dropped && $dropped > $seen / 20, "$name: datagrams were lost" or diag $lossy->err;
		agree("$name, lossy", verdicts_of($run{"$name, good"}->out), verdicts_of($lossy->out));
	}
}

# Two loops a core, ended by their process id.
my $cores = () = slurp('/proc/cpuinfo') =~ /^processor/mg;
my @loops = map { start('perl', '-e', 'alarm 600; 1 while 1') } 1 .. 2 * $cores;
for my $name (sort keys %target) {
	my ($status, $output, $errors) = run({ timeout => 200 }, assay(), 'run', '--format', 'json', @{ $target{$name} });
	is $status, $status{"$name, good"}, "$name: the same exit status on a busy machine" or diag $errors;
	agree("$name, busy", verdicts_of($run{"$name, good"}->out), verdicts_of($output));
}
$_->stop('KILL') for @loops;

done_testing;
