#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# A server for tests/e2e/probe.t: over UDP on port $ARGV[0] of loopback. Binding requests get a success without any
# attribute, all others a 401 with REALM, SOFTWARE and THIRD-PARTY-AUTHORIZATION as $ARGV[1] has them, in hex and with
# colons between; messages of more than $ARGV[2] octets get no answer, or end it where $ARGV[3] is there.
use strict;
use warnings;
use IO::Socket::INET;

my ($port, $texts, $limit, $dies) = @ARGV;
my ($realm, $software, $name) = map { pack 'H*', $_ } split /:/, $texts, -1;
my $udp = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Proto => 'udp') or die "udp: $!";
$| = 1;
print "up\n";

sub attribute {
	my ($type, $value) = @_;
	return pack('nn', $type, length $value) . $value . "\0" x (-length($value) % 4);
}

while (my $peer = $udp->recv(my $request, 65536)) {
	exit if $dies && length $request > $limit;
	next if length $request < 20 || length $request > $limit;
	my $binding = unpack('n', $request) == 1;
	my $body = $binding ? '' : attribute(0x0009, pack('nCC', 0, 4, 1) . 'no') . attribute(0x0014, $realm)
		. attribute(0x0015, 'f//499k954d6OL34oL9FSTvy64sA') . attribute(0x8022, $software) . attribute(0x802e, $name);
	$udp->send(pack('nn', unpack('n', $request) | ($binding ? 0x100 : 0x110), length $body) . substr($request, 4, 16) . $body,
		0, $peer);
}
