#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# TLS and DTLS: the reference is certified over all four transports; what libpcap kept is read decrypted by Wireshark; a
# certificate that nobody vouches for ends a run before any verdict, unless that was asked for, and then the report says
# so.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use helper;
use fixture;
use Test::More;

my @all = map { ('--transport', $_) } qw(udp tcp tls dtls);
my $out = tmp();
my ($status, $tap, $err) = run({ timeout => 120 }, assay(), 'run', @all, '--format', 'tap', '--out', $out, 'server');
is $status, 0, 'the reference is certified over UDP, TCP, TLS and DTLS' or diag "$tap\n$err";
my @lines = json_lines("$out/results.ndjson");
my $run = of_type('run', @lines);
my $summary = of_type('summary', @lines);
my %result = results(@lines);
is_deeply [grep { !/^libpcap dropped/ } @{ $summary->{differences} }], [], 'both records agree';
ok((grep { /^tls: TLSv1\.3, TLS_/ } @{ $run->{notes} }), 'the report says what was agreed on over TLS');
ok((grep { /^dtls: DTLSv1\.2, / } @{ $run->{notes} }), 'and over DTLS');
ok !(grep { /not verified/ } @{ $run->{notes} }), 'and that it was verified, by not saying otherwise';
for my $transport (qw(tls dtls)) {
	my $one = $result{"server/token-lifetime/current-token\@$transport"};
	is $one->{verdict}, 'pass', "$transport: a token is accepted";
	ok !(grep { $_->{frame} } @{ $one->{exchange} }), "$transport: no frame is named for what only the sockets saw";
	cmp_ok scalar(grep { $_ eq 'skip' } map { $result{$_}{verdict} } grep { /\@$transport$/ } keys %result), '<', 20,
		"$transport: most scenarios run";
}

my ($no_tshark, $version) = run('tshark', '--version');
SKIP: {
	skip 'tshark is not installed', 2 if $no_tshark;
	skip 'nothing was captured', 2 if $run->{capture} !~ /^libpcap/;
	for my $layer (qw(tls dtls)) {
		# A decrypted record is data to Wireshark, which looks for STUN on UDP and TCP only.
		# Told by the port: Wireshark may know it as that of some other protocol.
		my ($port) = map { /^$layer .*:(\d+)$/ } @{ $run->{target}{addresses} };
		my $carrier = $layer eq 'tls' ? 'tcp' : 'udp';
		my ($failed, $frames, $why) = run({ timeout => 60 }, 'tshark', '-r', "$out/capture.pcapng",
			'-d', "$carrier.port==$port,$layer", '-Y',
			"$layer && data.data contains 21:12:a4:42", '-T', 'fields', '-e', 'frame.number');
		cmp_ok scalar(() = $frames =~ /^\d+$/mg), '>', 100, "Wireshark reads STUN inside $layer"
			or diag "$failed $why";
	}
}

# A server of our own, with a certificate of its own.
my $keys = tmp();
sub certificate {
	my ($name) = @_;
	my ($failed, undef, $why) = run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
		'-nodes', '-keyout', "$keys/$name.key", '-out', "$keys/$name.pem", '-subj', "/CN=$name", '-days', 1,
		'-addext', 'subjectAltName=IP:127.0.0.1');
	die $why if $failed;
	return "$keys/$name.pem";
}
my ($own, $other) = (certificate('own'), certificate('other'));
my $server = start({}, assay(), 'serve', '--tls-port', 0, '--dtls-port', 0, '--certificate', $own,
	'--private-key', "$keys/own.key");
ok $server->wait_for(qr/udp and tcp on 127\.0\.0\.1:\d+, tls on 127\.0\.0\.1:\d+, dtls on /, 20), 'a server says its ports'
	or diag $server->err;

my @scenario = ('--no-third-party', '--no-capture', 'server/challenge/unauthorized');
for my $transport (qw(tls dtls)) {
	my ($port) = $server->out =~ /[ ,]$transport on \S+?:(\d+),/;
	my @target = ('run', '--format', 'json', '--server', "127.0.0.1:$port", '--transport', $transport);
	my ($status, $out, $err) = run(assay(), @target, '--ca', $own, @scenario);
	unlike $out, qr/not verified/, "$transport, the right CA: verified";
	like $out, qr/"$transport: D?TLSv1\.[23], .*certificate \/CN=own"/, "$transport: and whose certificate it is";

	($status, $out, $err) = run({ timeout => 20 }, assay(), @target, '--ca', $other, @scenario);
	is $status, 3, "$transport, another CA: no verdict";
	like $err, qr/certificate is not trusted: /, "$transport: and the reason";
	like $err, qr/vouched for by \Q$other\E.*--ca FILE.*--insecure/, "$transport: and what can be done";
	unlike $err . $out, qr/does not answer|integrity_key/, "$transport: and nothing that was not seen";
	unlike $out, qr/"verdict":"(?:pass|fail|warn)"/, "$transport: nothing is judged";

	($status, $out, $err) = run({ timeout => 20 }, assay(), @target, @scenario);
	is $status, 3, "$transport, no CA: no verdict either";

	my $profile = tmp() . '/elsewhere.lua';
	spill($profile, qq[return { address = "127.0.0.1", ports = { $transport = $port }, third_party = false,\n]
		. qq[  transports = { "$transport" }, tls = { ca = "$own", name = "elsewhere.example" } }\n]);
	($status, $out, $err) = run({ timeout => 20 }, assay(), qw(run --format json --no-capture --target), $profile,
		'server/challenge/unauthorized');
	is $status, 3, "$transport, another name: no verdict";
	like $err, qr/certificate is not trusted: .*has to bear elsewhere\.example/, "$transport: and which it has to bear";

	($status, $out, $err) = run(assay(), @target, '--insecure', @scenario);
	like $out, qr/which was not verified \(insecure\)/, "$transport, --insecure: the report says so";
	unlike $err, qr/not trusted/, "$transport: and nothing stops it";
}

my ($no_coturn) = run('turnserver', '--version');
SKIP: {
	skip 'coturn is not installed', 2 if $no_coturn == 127;
	my ($status, $out, $err) = run(assay(), 'run', '--target', 'scripts/targets/coturn.lua', '--format', 'json',
		map { "server/challenge/unauthorized\@$_" } qw(tls dtls));
	my %coturn = results(json_lines($out));
	for my $suffix (qw(@tls @dtls)) {
		is $coturn{"server/challenge/unauthorized$suffix"}{verdict}, 'pass', "coturn is asked, unauthorized$suffix"
			or diag $err;
	}
}

my ($absent, undef, $words) = run(assay(), 'run', '--server', '127.0.0.1:9', '--transport', 'tls', '--ca', '/nowhere.pem',
	'--no-third-party');
is $absent, 2, 'a CA file that is not there: status 2';
like $words, qr{'tls\.ca': .*/nowhere\.pem}, 'and which';
is +(run(assay(), 'serve', '--tls-port', 0))[0], 2, 'TLS without a certificate is refused';
$server->stop;

done_testing;
