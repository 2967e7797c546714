#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# The memory of assay replay grows with the flows that are open at one time, not with the capture: not with those that
# are over, not with requests, and not with what is relayed.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use captures;
use helper;
use IO::Socket::INET;
use Test::More;

plan skip_all => 'a sanitizer takes memory of its own' if slurp(assay()) =~ /__asan_init/;

my $sink = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1') or die "no socket: $!"; # that nobody reads

# What a replay of a capture that make(n) yields packets for takes, in MiB.
sub memory {
	my ($what, $number, $make, @options) = @_;
	my $time = 1e9;
	my $path = write_pcap(tmp() . '/many.pcap', map { [$time += 0.0001, $_] } map { $make->($_) } 1 .. $number);
	my ($status, $out, $err) = run({ timeout => 180 }, assay(), 'replay', '--format', 'json', '--speed', 0, '--no-wait', '--no-third-party',
		'--server', '127.0.0.1:' . $sink->sockport, @options, $path);
	my ($start) = grep { $_->{type} eq 'run' } eval { json_lines($out) };
	my ($memory) = "@{ $start->{notes} // [] }" =~ /assay took (\d+) MiB of memory/;
	ok defined $memory, "$number $what are played" or diag $status, $out, $err;
	return $memory;
}

sub up { my ($host, $octets) = @_; return udp_packet('10.' . join('.', $host >> 16 & 255, $host >> 8 & 255, $host & 255), 4000, '192.0.2.2', 3478, $octets) }
sub down { my ($host, $octets) = @_; return udp_packet('192.0.2.2', 3478, '10.' . join('.', $host >> 16 & 255, $host >> 8 & 255, $host & 255), 4000, $octets) }
sub asked { # a request of a client and its answer
	my ($host, $number) = @_;
	my $id = pack 'NNN', 7, $host, $number;
	return (up($host, stun_message(0x0001, $id, 0x8022 => 'x' x 200)), down($host, stun_message(0x0101, $id, 0x8022 => 'y' x 200)));
}

# More than the audit beneath follows at once (12288), so that it forgets as many as it meets.
my ($few, $many) = map { memory('flows', $_, sub { asked($_[0], 1) }) } 13000, 40000;
cmp_ok $many, '<=', $few + 8, "three times the flows take no more: $many MiB, not $few";

($few, $many) = map { memory('requests', $_, sub { asked(1 + $_[0] % 16, $_[0]) }) } 10000, 60000;
cmp_ok $many, '<=', $few + 8, "six times the requests of a few flows take no more: $many MiB, not $few";

my $peer = pack('nnN', 1, 0x2112 ^ 9, 0x7F000001 ^ 0x2112A442);
my $binding = sub { my ($host) = @_; my $id = pack 'NNN', 9, $host, 0;
	return (up($host, stun_message(0x0009, $id, 0x000C => pack('nn', 0x4000, 0), 0x0012 => $peer)), down($host, stun_message(0x0109, $id))) };
my $channel = sub { my ($number) = @_;
	return $number <= 4 ? $binding->($number) : up(1 + $number % 4, pack('nn', 0x4000, 800) . pack('N', $number) x 200) };
($few, $many) = map { memory('packets of data', $_, $channel, '--data') } 5000, 40000;
cmp_ok $many, '<=', $few + 8, "eight times the data take no more: $many MiB, not $few";

done_testing;
