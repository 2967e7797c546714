#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# What is decrypted of captures of real peers, against what Wireshark decrypts of the same files: OpenSSL's own programs
# over TLS 1.2 and 1.3 (suites, resumption, key updates, HelloRetryRequest, 0-RTT) and DTLS 1.2, and assay's own runs,
# whose captures bring their secrets. What is not decrypted says why.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use helper;
use Test::More;

my $decrypt = build() . '/tests/capture/decrypt';
-x $decrypt or die "$decrypt is not there: make units\n";
my ($no_tshark) = run('tshark', '--version');

# What is heard of a capture: {"tcp 0"}{port} = octets in hexadecimal; and how each side stands, {"tcp 0"}{port} = text.
sub heard {
	my (@arguments) = @_;
	my ($status, $out, $err) = run({ timeout => 120 }, $decrypt, @arguments);
	is $status, 0, 'the capture is read' or diag $err;
	my (%data, %state);
	for (split /\n/, $out) {
		my ($kind, $protocol, $number, $port, $what, $rest) = split /\t/, $_, -1;
		$data{"$protocol $number"}{$port} .= $rest if $kind eq 'data';
		$state{"$protocol $number"}{$port} = $what eq 'decrypting' ? $what : "$what: $rest" if $kind eq 'state';
	}
	return (\%data, \%state);
}

# The same streams as Wireshark has them.
sub tshark {
	my ($capture, $log, $ports, @options) = @_;
	my ($status, $out, $err) = run({ timeout => 120 }, 'tshark', '-r', $capture, ($log ? ('-o', "tls.keylog_file:$log") : ()),
		(map { ('-d', $_) } @$ports), @options);
	is $status, 0, 'Wireshark reads it too' or diag $err;
	return $out;
}

sub witness {
	my ($capture, $log, $ports, $streams) = @_;
	my %data;
	my $out = tshark($capture, $log, $ports, '-q', map { /^tcp (\d+)/ ? ('-z', "follow,tls,raw,$1") : () } keys %$streams);
	for my $part (split /^={20,}$/m, $out) {
		my ($number) = $part =~ /^Filter: tcp\.stream eq (\d+)/m or next;
		my ($first) = $part =~ /^Node 0: \S+:(\d+)$/m or next; # of the other it does not tell
		my ($second) = grep { $_ != $first } keys %{ $streams->{"tcp $number"} };
		for my $line ($part =~ /^(\t?[0-9a-f]+)$/mg) {
			my $port = $line =~ s/^\t// ? $second : $first;
			$data{"tcp $number"}{$port} .= $line;
		}
	}
	# What is decrypted of DTLS and known by nothing is data, a field of its frame.
	$out = tshark($capture, $log, $ports, '-Y', 'dtls && data', '-T', 'fields', '-e', 'udp.stream', '-e', 'udp.srcport', '-e', 'data.data');
	for (split /\n/, $out) {
		my ($number, $port, $octets) = split /\t/;
		$data{"udp $number"}{$port} .= $octets =~ s/,//gr;
	}
	return \%data;
}

sub compare {
	my ($name, $capture, $log, $ports) = @_;
	my ($data, $state) = heard($capture, $log // ());
	SKIP: {
		skip 'tshark is not installed', 3 if $no_tshark;
		my $witness = witness($capture, $log, $ports, $state);
		# It reads CBC suites too.
		delete $witness->{$_} for grep { join(' ', values %{ $state->{$_} }) =~ /is not an AEAD suite/ } keys %$state;
		is_deeply $data, $witness, "$name: what Wireshark decrypts, octet for octet";
	}
	return ($data, $state);
}

# An address of loopback that nobody else is likely to use now, so that the capture has nothing of others.
my $address = sprintf '127.%d.%d.%d', 64 + ($$ >> 16 & 0x3F), $$ >> 8 & 0xFF, $$ & 0xFF;
my $folder = tmp();
my $log = "$folder/keys.log";
for my $kind (qw(ec rsa)) {
	my ($failed, undef, $why) = run('openssl', 'req', '-x509', '-newkey', ($kind eq 'ec' ? ('ec', '-pkeyopt', 'ec_paramgen_curve:P-256') : 'rsa:2048'),
		'-nodes', '-keyout', "$folder/$kind.key", '-out', "$folder/$kind.pem", '-subj', "/CN=$kind", '-days', 1);
	die $why if $failed;
}

sub server {
	my (@options) = @_;
	my $port = free_port();
	my $server = start({}, 'sh', '-c', 'while sleep 0.1; do echo the server says; done | exec "$@"', 'sh', 'openssl', 's_server', '-accept',
		"$address:$port", '-cert', "$folder/ec.pem", '-key', "$folder/ec.key", '-dcert', "$folder/rsa.pem", '-dkey', "$folder/rsa.key", @options);
	$server->wait_for(qr/ACCEPT/, 10) or die 'openssl s_server does not start: ' . $server->err;
	return ($port, $server);
}

# A conversation: what the client says, a line at a time (K and k are its commands), once hands are shaken; it leaves with
# Q. What it reads at once it takes for one line, so each waits until the one before was understood: until the server has
# it, or the command has been carried out; and Q until the server has said something too.
sub client {
	my ($server, $port, $lines, @options) = @_;
	my ($heard, $told) = map { spill(tmp() . '/said', '') } 1, 2;
	my @steps = map { /^k\z/i ? "say $_ KEYUPDATE '$told'" : "say '$_' '^$_\$' '$server->{folder}/out'" } @$lines;
	my $script = join "\n", <<"SCRIPT", @steps, "until_there 'the server says' '$heard' 0", 'echo Q';
until_there() {
	for i in \$(seq 200); do
		[ "\$(grep -c "\$1" "\$2")" -gt "\$3" ] && return
		sleep 0.05
	done
}
say() {
	before=\$(grep -c "\$2" "\$3")
	echo "\$1"
	until_there "\$2" "\$3" "\$before"
}
until_there 'Verify return code' '$heard' 0
SCRIPT
	run({ timeout => 60 }, 'sh', '-c', "($script) | exec \"\$@\" >'$heard' 2>'$told'", 'sh', 'openssl', 's_client', '-connect', "$address:$port",
		'-keylogfile', $log, @options);
	return slurp($heard);
}

my @talks = (
	[ 'TLS 1.2, AES-128-GCM', ['-tls1_2'], ['-cipher', 'ECDHE-RSA-AES128-GCM-SHA256'] ],
	[ 'TLS 1.2, AES-256-GCM', ['-tls1_2'], ['-cipher', 'ECDHE-ECDSA-AES256-GCM-SHA384'] ],
	[ 'TLS 1.2, ChaCha20', ['-tls1_2'], ['-cipher', 'ECDHE-RSA-CHACHA20-POLY1305'] ],
	[ 'TLS 1.2, CCM', [ '-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-CCM' ], ['-cipher', 'ECDHE-ECDSA-AES128-CCM'] ],
	[ 'TLS 1.2, a ticket', ['-tls1_2'], ['-sess_out', "$folder/ticket"], ['-sess_in', "$folder/ticket"] ],
	[ 'TLS 1.2, a session id', [ '-tls1_2', '-no_ticket' ], ['-sess_out', "$folder/id"], ['-sess_in', "$folder/id"] ],
	[ 'TLS 1.3, AES-128-GCM', ['-tls1_3'], ['-ciphersuites', 'TLS_AES_128_GCM_SHA256'] ],
	[ 'TLS 1.3, AES-256-GCM', ['-tls1_3'], ['-ciphersuites', 'TLS_AES_256_GCM_SHA384'] ],
	[ 'TLS 1.3, ChaCha20', ['-tls1_3'], ['-ciphersuites', 'TLS_CHACHA20_POLY1305_SHA256'] ],
	[ 'TLS 1.3, CCM', [ '-tls1_3', '-ciphersuites', 'TLS_AES_128_CCM_SHA256' ], ['-ciphersuites', 'TLS_AES_128_CCM_SHA256'] ],
	[ 'TLS 1.3, a PSK', ['-tls1_3'], ['-sess_out', "$folder/psk"], ['-sess_in', "$folder/psk"] ],
	[ 'TLS 1.3, HelloRetryRequest', [ '-tls1_3', '-groups', 'P-256' ], ['-groups', 'X25519:P-256'] ],
	[ 'TLS 1.3, 0-RTT', [ '-tls1_3', '-early_data' ], ['-sess_out', "$folder/early"], ['-sess_in', "$folder/early", '-early_data', "$folder/early.txt"] ],
);
spill("$folder/early.txt", "said before anything else\n");

SKIP: {
	my $capture = "$folder/peers.pcap";
	my $tcpdump = start({}, 'tcpdump', '-i', 'lo', '-U', '-s', 0, '-w', $capture, "host $address");
	skip 'nothing may be captured here', 1 unless $tcpdump->wait_for(qr/listening on lo/, 10);
	my (@ports, @spoilt, %name);
	# What clients in a row say to a server of its own. Returns its port, and what the last one heard. If not all of it
	# was heard (openssl's DTLS does not outlive a handshake that is repeated) another server has another try.
	my $talk = sub {
		my ($options, $lines, @clients) = @_;
		my ($port, $heard);
		for (1 .. 5) {
			($port, my $server) = server(@$options);
			my @heard = map { client($server, $port, $lines, @$_) } @clients;
			$server->stop;
			$heard = $heard[-1];
			my $count = () = $server->out =~ /^\Q$lines->[-1]\E$/mg;
			last if $count == @clients && !grep { !/the server says/ } @heard;
			push @spoilt, $port;
		}
		return ($port, $heard);
	};
	for my $one (@talks) {
		my ($name, $options, @clients) = @$one;
		my ($port, $heard) = $talk->($options, [ 'one line', $name =~ /1\.3/ ? ('K', 'two', 'k', 'three') : (), 'the last' ], @clients);
		push @ports, $port;
		$name{$port} = $name;
		like $heard, qr/^Reused, /m, "$name: is resumed" if @clients == 2;
		like $heard, qr/^Early data was accepted/m, "$name: is taken" if $name =~ /0-RTT/;
	}
	my ($cbc) = $talk->(['-tls1_2'], ['not read'], [ '-cipher', 'ECDHE-RSA-AES128-SHA256' ]);
	rename $log, "$log.kept" or die;
	my ($blind) = $talk->(['-tls1_3'], ['not read either'], []);
	rename "$log.kept", $log or die;
	push @ports, $cbc, $blind;
	my ($dtls) = $talk->([ '-dtls1_2', '-listen' ], [ 'one datagram', 'another' ], ['-dtls1_2']);
	sleep 1; # until tcpdump has seen it all
	$tcpdump->stop('INT');
	if (@spoilt) {
		run('tcpdump', '-r', $capture, '-w', "$capture.whole", join ' and ', map { "not port $_" } @spoilt);
		$capture .= '.whole';
	}
	my ($data, $state) = compare('openssl', $capture, $log, [ (map { "tcp.port==$_,tls" } @ports), "udp.port==$dtls,dtls" ]);
	my %seen;
	for my $stream (sort keys %$state) {
		my ($port) = grep { my $known = $_; grep { $_ == $known } @ports, $dtls } keys %{ $state->{$stream} };
		my ($client) = grep { $_ != $port } keys %{ $state->{$stream} };
		$seen{$port}++;
		if ($port == $cbc || $port == $blind) {
			my $why = $port == $cbc ? qr/TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256 is not an AEAD suite/ : qr/no secret .* for client random [0-9a-f]{16}/;
			like $state->{$stream}{$_}, qr/^opaque: .*$why/, 'opaque, and why' for $port, $client;
			ok !$data->{$stream}, 'nothing comes of it';
			next;
		}
		my $name = $name{$port} // 'DTLS 1.2';
		is $state->{$stream}{$_}, 'decrypting', "$name: both sides are read" for $port, $client;
		my $said = pack 'H*', $data->{$stream}{$client} // '';
		like $said, $port == $dtls ? qr/^one datagram\nanother\n/ : qr/one line\n.*the last\n\z/s, "$name: what the client said";
		like pack('H*', $data->{$stream}{$port} // ''), qr/the server says/, "$name: what the server said";
		like $said, qr/^said before anything else/, 'and what it said first' if $name =~ /0-RTT/ && $seen{$port} == 2;
	}
	is_deeply [ grep { !$seen{$_} } @ports, $dtls ], [], 'no conversation is missing';
}

# assay's own capture brings its secrets.
my $out = tmp() . '/out';
my ($status, undef, $err) = run({ timeout => 120 }, assay(), 'run', '--transport', 'tls', '--transport', 'dtls', '--out', $out, 'server/challenge',
	'server/session-key');
is $status, 0, 'a run over TLS and DTLS' or diag $err;
my ($run) = grep { $_->{type} eq 'run' } json_lines("$out/results.ndjson");
SKIP: {
	skip 'nothing was captured on the wire', 3 if $run->{capture} !~ /^libpcap/;
	my @ports = map { /^(d?tls) .*:(\d+)$/ ? ($1 eq 'tls' ? 'tcp' : 'udp') . ".port==$2,$1" : () } @{ $run->{target}{addresses} };
	my ($data, $state) = compare('assay run', "$out/capture.pcapng", undef, \@ports);
	for my $transport (qw(tcp udp)) {
		my @messages = grep { /2112a442/ } map { values %{ $data->{$_} } } grep { /^$transport/ } keys %$data;
		cmp_ok scalar(@messages), '>', 10, "$transport: STUN is heard";
	}
}

done_testing;
