#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# The replay of a request over UDP, once it is no retransmission any more (40 s): only a target whose nonces live that
# long shows by it what becomes of an outlived nonce. The reference of other tests has shorter ones.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use fixture;
use helper;
use Test::More;

my $id = 'server/replay/after-the-nonce';
my $folder = tmp();
my %process;
for my $fault ('', 'accept-outlived-nonce') {
	my $serve = join ', ', map { "'$_'" } assay(), qw(serve --nonce-lifetime 40), ($fault ? ('--fault', $fault) : ());
	my $profile = spill("$folder/$fault.lua", <<"LUA");
return { server_name = 'turn', realm = 'here', delta = 5, transports = { 'udp' }, nonce_lifetime = 40,
  keys = { { kid = 'north', algorithm = 'A256GCM', key = '${\ ("QUFB" x 10 . "QUE=")}' } }, launch = { command = { $serve } } }
LUA
	$process{$fault} = start(assay(), 'run', '--no-capture', '--format', 'json', '--target', $profile, $id);
}
my %verdict;
for my $fault (sort keys %process) {
	ok wait_until(sub { !$process{$fault}->alive }, 120), "the run ends ($fault)";
	$process{$fault}->stop;
	my %result = results(json_lines($process{$fault}->out));
	$verdict{$fault} = $result{$id}{verdict} // 'none';
	cmp_ok $result{$id}{seconds}, '>', 41, "after more than 40 s ($fault)";
}
is $verdict{''}, 'pass', 'a server that lets its nonces end passes';
is $verdict{'accept-outlived-nonce'}, 'warn', 'one that does not is warned of';

done_testing;
