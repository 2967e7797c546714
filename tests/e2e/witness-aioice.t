#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# The reference server and the suite share one codec, so a mistake in it could hide from both. This client shares
# nothing with them: aioice allocates on the reference with long-term credentials and exchanges data with a peer.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use helper;
use Test::More;

my $python = '/usr/bin/python3';
my $client = root() . '/tests/e2e/aioice-allocate.py';
plan skip_all => 'aioice is not installed (Debian: python3-aioice)'
	if system("$python -c 'import aioice' 2>/dev/null") != 0;

# A reference on a free port: the process, and the port that it names.
sub reference {
	my $server = start(assay(), 'serve', '--strict', '--user', 'ninja:secret of the ninja', @_);
	$server->wait_for(qr/^assay serve: udp and tcp on /m) or BAIL_OUT 'the reference does not start: ' . $server->err;
	my ($port) = $server->out =~ / on \S+:(\d+), /;
	return ($server, $port);
}

my ($server, $port) = reference();
for my $transport (qw(udp tcp)) {
	my ($status, $out, $err) = run($python, $client, '127.0.0.1', $port, $transport, 'ninja', 'secret of the ninja');
	is $status, 0, "$transport: the client comes to its end" or diag $out, $err;
	my ($relayed) = $out =~ /^relayed 127\.0\.0\.1 (\d+)$/m;
	ok $relayed && $relayed != $port, "$transport: it gets a relayed address of its own";
	my @sizes = $out =~ /^echoed (\d+) /mg;
	is "@sizes", '1 2 3 4 160 1200', "$transport: datagrams of all sizes come back through the relay";
	like $out, qr/^refreshed 900$/m, "$transport: the allocation is refreshed";
	like $out, qr/^deleted$/m, "$transport: and deleted";

	($status, $out) = run($python, $client, '127.0.0.1', $port, $transport, 'ninja', 'secret of somebody');
	is $out, "refused 401\n", "$transport: a wrong password gets 401";
	($status, $out) = run($python, $client, '127.0.0.1', $port, $transport, 'nobody', 'secret of the ninja');
	is $out, "refused 401\n", "$transport: so does an unknown user";
}
is $server->stop('TERM'), 0, 'SIGTERM ends the reference with status 0';
is $server->err, '', 'and it had nothing to complain about';

# The witness has eyes: a server that does what it does not expect is seen by it.
($server, $port) = reference('--fault', 'lose-data-to-peer');
my ($status, $out) = run({ timeout => 30 }, $python, $client, '127.0.0.1', $port, 'udp', 'ninja', 'secret of the ninja');
is $status, 1, 'a reference that relays nothing is found out';
$server->stop('INT');

done_testing;
