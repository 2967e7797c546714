#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# Several transports in one run: the transport is a suffix to the id, and the command that a report prints runs that
# very instance again; over IPv6 the messages go over IPv6; without IPv6 on this machine its transports are skipped, with
# the reason, and nothing fails for it; a session of DTLS that nobody uses ends.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use helper;
use fixture;
use IO::Socket::IP;
use Socket qw(SOCK_STREAM);
use Test::More;

my $ipv6 = IO::Socket::IP->new(LocalHost => '::1', Listen => 1, Type => SOCK_STREAM);
my @unshare = ('unshare', '--net', $> == 0 ? () : qw(--user --map-root-user));
my $scenario = 'server/token-lifetime/expired-token';

sub judged {
	my ($status, $out, $err) = run({ timeout => 120 }, @_);
	my @lines = json_lines($out);
	return { status => $status, err => $err, run => of_type('run', @lines) // {}, results => { results(@lines) } };
}

# The ids of a run's scenarios, but for the rules for every message.
sub ids { return join ' ', sort grep { !m{^invariants/} } keys %{ $_[0]{results} } }

my @transports = (qw(udp tcp tls dtls), $ipv6 ? qw(udp6 tcp6) : ());
my $all = judged(assay(), qw(run --format json --fault accept-expired), $scenario);
is ids($all), join(' ', sort map { $scenario . ($_ eq 'udp' ? '' : "\@$_") } qw(udp tcp tls dtls udp6 tcp6)),
	'a scenario about authentication runs over each transport, the first without a suffix';
is join(' ', @{ $all->{run}{target}{transports} }), "@transports", 'the run says which they are';
for my $transport (@transports) {
	my $id = $scenario . ($transport eq 'udp' ? '' : "\@$transport");
	my $result = $all->{results}{$id};
	is $result->{verdict}, 'fail', "$id falls to the fault";
	my @words = split / /, $result->{rerun};
	is shift @words, 'assay', "$id: there is a command that runs it again";
	my $again = judged(assay(), @words, '--format', 'json', '--no-capture');
	is ids($again), $id, "$id: it runs this one and no other";
	is $again->{results}{$id}{verdict}, 'fail', "$id: with the same verdict";
	my ($protocol, $host) = ($transport =~ s/6$//r, $transport =~ /6$/ ? '[::1]' : '127.0.0.1');
	my @exchange = @{ $again->{results}{$id}{exchange} };
	my @elsewhere = grep { $_->{transport} ne $protocol || "$_->{from} $_->{to}" !~ /^\Q$host\E:\d+ \Q$host\E:\d+$/ } @exchange;
	is scalar @elsewhere, 0, "$id: every message went over $protocol at $host";
	cmp_ok scalar @exchange, '>', 3, "$id: and there were some";
}

# A rule for all messages is shown again by the scenario whose messages broke it.
my $rule = judged(assay(), qw(run --format json --no-capture --fault omit-unknown-list server/unknown-attributes));
my $broken = $rule->{results}{'invariants/unknown-attributes'};
is $broken->{verdict}, 'fail', 'a rule for all messages is broken';
my (undef, @words) = split / /, $broken->{rerun};
like $words[-1], qr{^server/unknown-attributes/[\w-]+\@\w+$}, 'the command names the scenario that showed it';
my $shown = judged(assay(), @words, '--format', 'json', '--no-capture');
is $shown->{results}{'invariants/unknown-attributes'}{verdict}, 'fail', 'and shows it again';

# What is about a token's inside is shown once; what is about some transports is run over those alone.
is ids(judged(assay(), qw(run --format json --no-capture server/token-lifetime/zero-lifetime))),
	'server/token-lifetime/zero-lifetime', 'a scenario about a token runs over the first transport alone';
is ids(judged(assay(), qw(run --format json --no-capture server/secure-transport/token-exchange))),
	join(' ', map { "server/secure-transport/token-exchange\@$_" } qw(dtls tls)), 'one about TLS and DTLS over those alone';
my $foreign = judged(assay(), qw(run --format json --no-capture server/secure-transport/token-exchange@tcp));
is $foreign->{results}{'server/secure-transport/token-exchange@tcp'}{verdict}, 'skip', 'and is skipped over another';
like $foreign->{results}{'server/secure-transport/token-exchange@tcp'}{reason}, qr/about TLS and DTLS/, 'which is said';

# A server of two addresses that runs already, and profiles about it.
my $folder = tmp();
sub profile {
	my ($port, $more) = @_;
	return spill("$folder/profile.lua", <<"EOT");
return { address = "127.0.0.1", third_party = false, ports = { udp = $port, tcp = $port }, $more }
EOT
}
SKIP: {
	skip 'this machine has no IPv6 loopback', 5 if !$ipv6;
	my ($server, $port) = reference('--no-third-party', '--address6', '::1');
	like $server->out, qr/, the same on ::1,/, 'the reference says its second address';
	my $both = judged(assay(), qw(run --format json --no-capture --target), profile($port, 'address6 = "::1"'),
		'server/allocation/success-attributes');
	is join(' ', @{ $both->{run}{target}{addresses} }),
		"udp 127.0.0.1:$port tcp 127.0.0.1:$port udp6 [::1]:$port tcp6 [::1]:$port", 'both addresses are asked';
	is scalar(grep { $_->{verdict} eq 'fail' } values %{ $both->{results} }), 0, 'and nothing fails';
	my $one = judged(assay(), qw(run --format json --no-capture --target), profile($port, ''),
		'server/allocation/success-attributes');
	is join(' ', @{ $one->{run}{target}{transports} }), 'udp tcp', 'one address unless the profile names a second';
	$server->stop;
}
my ($status, undef, $err) = run(assay(), qw(run --target), profile(1, 'transports = { "udp", "udp6" }'));
is $status, 2, 'udp6 without address6: status 2';
like $err, qr/'address6'.*udp6/, 'and what is missing';
($status, undef, $err) = run(assay(), qw(run --target), profile(1, 'address6 = "127.0.0.1"'));
is $status, 3, 'an IPv4 address as the second: no verdict';
like $err, qr/127\.0\.0\.1: .*IPv6/, 'and why';

SKIP: {
	my ($unable) = run(@unshare, 'sh', '-c', 'PATH=$PATH:/usr/sbin:/sbin; ip link set lo up');
	skip 'no new network namespace is allowed here', 6 if $unable;
	my $without = judged(@unshare, 'sh', '-c', 'PATH=$PATH:/usr/sbin:/sbin; ip link set lo up;'
		. 'echo 1 >/proc/sys/net/ipv6/conf/lo/disable_ipv6 2>/dev/null; exec "$@"', 'sh',
		assay(), qw(run --format json --no-capture), 'server/challenge/unauthorized');
	is $without->{status}, 0, 'without IPv6 the run is green' or diag $without->{err};
	for my $suffix (qw(@udp6 @tcp6)) {
		my $result = $without->{results}{"server/challenge/unauthorized$suffix"};
		is $result->{verdict}, 'skip', "without IPv6 $suffix is skipped";
		like $result->{reason}, qr/no IPv6 loopback.*::1/, 'with the reason';
	}
	is $without->{results}{'server/challenge/unauthorized@dtls'}{verdict}, 'pass', 'and the others run';
}

# A client of DTLS that goes away without a word leaves nothing behind it.
my $keys = tmp();
my ($no_openssl) = run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
	'-keyout', "$keys/key.pem", '-out', "$keys/certificate.pem", '-subj', '/CN=idle', '-days', 1);
die 'openssl makes no certificate' if $no_openssl;
for my $case ([1, 'ends'], [60, 'stays']) {
	my ($idle, $what) = @$case;
	my ($server) = reference('--dtls-port', 0, '--certificate', "$keys/certificate.pem", '--private-key', "$keys/key.pem",
		'--idle', $idle);
	my ($port) = $server->out =~ /dtls on \S+:(\d+),/;
	my $client = start({}, 'sh', '-c', 'sleep 5 | openssl s_client -dtls1_2 -connect 127.0.0.1:"$0" 2>&1', $port);
	ok $client->wait_for(qr/Cipher *: \S/, 10), 'a session of DTLS is open' or diag $client->out;
	my $ended = $client->wait_for(qr/^closed$/m, 3);
	is !!$ended, $what eq 'ends', "with --idle $idle it $what";
	$client->stop;
	$server->stop;
}

done_testing;
