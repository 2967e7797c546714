#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# The capture of a run, as tshark reads it: every message is well formed, comments name scenario and step, the frame
# numbers of the results point at the very messages, and both records agree. The same without the privilege to capture.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use fixture;
use helper;
use List::Util qw(max);
use Test::More;

my @fields = qw(frame.number frame.comment udp.srcport udp.dstport udp.payload tcp.srcport tcp.dstport tcp.payload tcp.reassembled_in
	tcp.analysis.retransmission stun.type.method icmp.type icmpv6.type _ws.malformed);

# The frames of a capture as tshark sees them, by number; STUN is looked for on the port.
sub frames {
	my ($path, $port) = @_;
	my ($status, $out, $err) = run({ timeout => 60 }, 'tshark', '-2', '-r', $path, '-d', "udp.port==$port,stun", '-d', "tcp.port==$port,stun",
		'-T', 'fields', '-E', 'occurrence=a', '-E', 'aggregator=;', map { ('-e', $_) } @fields);
	is $status, 0, 'tshark reads the capture' or diag $err;
	my %frames;
	for my $line (split /\n/, $out) {
		my %frame;
		@frame{@fields} = split /\t/, $line, -1;
		$frames{ $frame{'frame.number'} } = \%frame;
	}
	return \%frames;
}

# What tshark shows in the clear; for the encrypted transports, and for a second address: tls.t, decrypt.t, transports.t.
my @plain = qw(--transport udp --transport tcp);

# What a run in $out has captured, against its results.
sub agrees {
	my ($name, $out, $live) = @_;
	my @lines = json_lines("$out/results.ndjson");
	my ($run, $summary) = map { scalar of_type($_, @lines) } qw(run summary);
	my ($port) = $run->{target}{addresses}[0] =~ /:(\d+)$/;
	is_deeply $summary->{differences}, [], "$name: both records agree";
	my $frames = frames("$out/capture.pcapng", $port);
	my @all = map { $frames->{$_} } sort { $a <=> $b } keys %$frames;

	is join(' ', map { $_->{'frame.number'} } grep { $_->{'_ws.malformed'} ne '' } @all), '', "$name: no frame is malformed";
	my @datagrams = grep { $_->{'udp.payload'} ne '' && $_->{'icmp.type'} eq '' && $_->{'icmpv6.type'} eq '' } @all;
	my @undecoded = grep { $_->{'udp.payload'} !~ /^[4-7]/ && $_->{'stun.type.method'} eq '' } @datagrams;
	is join(' ', map { $_->{'frame.number'} } @undecoded), '', "$name: every datagram is decoded as STUN (or is ChannelData)";
	# tshark does not look again into what the kernel has sent again.
	@undecoded = grep { $_->{'tcp.payload'} ne '' && !grep { $_ ne '' } @$_{qw(stun.type.method tcp.reassembled_in tcp.analysis.retransmission)} } @all;
	is join(' ', map { $_->{'frame.number'} } @undecoded), '', "$name: so is every message over TCP"
		or diag map { join(' ', @$_{qw(frame.number tcp.srcport tcp.dstport)}, substr($_->{'tcp.payload'}, 0, 200)) . "\n" } @undecoded;
	my @strangers = grep { my $frame = $_; !grep { $frame->{$_} =~ /(?:^|;)$port(?:;|$)/ } qw(udp.srcport udp.dstport tcp.srcport tcp.dstport) } @all;
	is join(' ', map { $_->{'frame.number'} } @strangers), '', "$name: nothing is in it but what goes to the target or comes from it";

	my (@unseen, @wrong, @silent, %taken);
	my $messages = 0;
	for my $result (of_type('scenario', @lines)) {
		my $rule = $result->{id} =~ /^invariants\//; # its evidence is other scenarios' messages
		for my $entry (@{ $result->{exchange} }) {
			next if $entry->{direction} eq 'icmp';
			$messages++;
			my $where = "$result->{id}, $entry->{step}";
			my $frame = defined $entry->{frame} ? $frames->{ $entry->{frame} } : undef;
			if (!$frame) { push @unseen, $where; next }
			my ($mine, $theirs) = map { /:(\d+)$/ } $entry->{direction} eq 'sent' ? @$entry{qw(from to)} : @$entry{qw(to from)};
			my ($from, $to) = $entry->{direction} eq 'sent' ? ($mine, $theirs) : ($theirs, $mine);
			my $protocol = $entry->{transport};
			push @wrong, "$where: ports of frame $entry->{frame}" if $frame->{"$protocol.srcport"} ne $from || $frame->{"$protocol.dstport"} ne $to;
			if ($protocol eq 'udp') {
				push @wrong, "$where: octets of frame $entry->{frame}" if $frame->{'udp.payload'} ne $entry->{hex};
				push @wrong, "$where: frame $entry->{frame} is taken" if $taken{ $entry->{frame} }++ && !$rule;
			} else { # which may lie anywhere in the segment, and end in another one
				push @wrong, "$where: octets of frame $entry->{frame}" if index($frame->{'tcp.payload'}, substr $entry->{hex}, 0, 40) < 0;
			}
			next if $rule || $frame->{'frame.comment'} eq "$result->{id}: $entry->{step}";
			next if $protocol eq 'tcp' && index($frame->{'frame.comment'}, $result->{id}) == 0;
			push @silent, "frame $entry->{frame} of $where: '$frame->{'frame.comment'}'";
		}
	}
	cmp_ok $messages, '>', 20, "$name: there are messages ($messages)";
	is join("\n", @unseen), '', "$name: every message has its frame";
	is join("\n", @wrong), '', "$name: and its frame is that message";
	is join("\n", @silent), '', "$name: the comment names scenario and step";
	my @mute = grep { $_->{'udp.payload'} ne '' && $_->{'frame.comment'} eq '' } @all;
	is join(' ', map { $_->{'frame.number'} } @mute), '', "$name: no datagram is without a comment";
	return (\@lines, $frames, $port);
}

# The whole suite against the reference, seen by libpcap where that is permitted.
my ($out, $status, $tap, $err);
for (1 .. 3) { # where much else goes over the loopback, the kernel may drop packets: then nothing can be compared
	$out = tmp() . '/out';
	($status, $tap, $err) = run({ timeout => 120 }, assay(), 'run', '--out', $out, @plain, 'server');
	last if slurp("$out/results.ndjson") !~ /libpcap dropped/;
	note 'once more: libpcap dropped packets';
}
is $status, 0, 'a run of the whole suite: status 0' or diag $err;
my ($how) = $tap =~ /^# packets: (.*)$/m;
note "packets: $how";
my $live = $how =~ /^libpcap on /;
like $how, $live ? qr/^libpcap on lo$/ : qr/^own sockets \(no capture: .+\)$/, 'the report says how it was captured';
my ($lines, $frames, $port) = agrees('the whole suite', $out, $live);

my ($read, $text) = run({ timeout => 60 }, 'tshark', '-r', "$out/capture.pcapng", '-d', "udp.port==$port,stun", '-O', 'stun',
	'-Y', 'stun.att.type == 0x001b || stun.att.type == 0x802e');
is $read, 0, 'tshark shows messages with the attributes of RFC 7635';
like $text, qr/Attribute Type: $_$/m, "tshark knows $_" for qw(ACCESS-TOKEN THIRD-PARTY-AUTHORIZATION);
if ($live) {
	ok scalar(grep { $_->{'tcp.srcport'} ne '' && $_->{'tcp.payload'} eq '' } values %$frames), 'libpcap also sees how connections open and close';
}

# What a scenario holds at once it has declared, else max_allocations of a profile would be a lie.
my ($listed, $list) = run(assay(), 'list', '--format', 'json', 'server');
my %declared = map { $_->{id} => $_->{allocations} // 1 } json_lines($list);

sub attribute {
	my ($octets, $wanted) = @_;
	for (my $i = 20; $i + 4 <= length $octets;) {
		my ($type, $length) = unpack 'nn', substr $octets, $i, 4;
		return substr $octets, $i + 4, $length if $type == $wanted;
		$i += 4 + $length + (-$length % 4);
	}
	return undef;
}
my @greedy;
for my $result (grep { $_->{id} !~ /^invariants/ } of_type('scenario', @$lines)) {
	my (%ending, %lives);
	my $most = 0;
	for my $entry (grep { length($_->{hex} // '') >= 40 } @{ $result->{exchange} }) {
		my $octets = pack 'H*', $entry->{hex};
		my ($type, $transaction) = (unpack('n', $octets), substr $octets, 8, 12);
		my $ends = (attribute($octets, 0x0d) // '') eq "\0\0\0\0";
		my $client = "$entry->{transport} " . ($entry->{direction} eq 'sent' ? $entry->{from} : $entry->{to});
		$ending{$transaction} = 1 if $type == 0x0004 && $ends && $entry->{direction} eq 'sent';
		$lives{$client} = 1 if $type == 0x0103 && !$ends && $entry->{direction} eq 'received';
		delete $lives{$client} if $type == 0x0104 && $ending{$transaction};
		$most = max($most, scalar keys %lives);
	}
	my $id = $result->{id} =~ s/@.*//r;
	push @greedy, "$result->{id} holds $most, declares $declared{$id}" if $most > $declared{$id};
}
is join("\n", @greedy), '', 'no scenario holds more allocations at once than it declares';

# From assay's own sockets: on request, and where nobody permits more.
my @some = ('server/challenge', 'server/permissions', 'server/session-key');
$out = tmp() . '/out';
($status, $tap, $err) = run({ timeout => 60 }, assay(), 'run', '--no-capture', '--out', $out, @plain, @some);
is $status, 0, 'without libpcap: status 0' or diag $err;
like $tap, qr/^# packets: own sockets \(libpcap is not used\)$/m, 'without libpcap: the report says so';
agrees('without libpcap', $out, 0);

if ($> == 0) {
	my $program = tree();
	my $place = $program =~ s{/assay$}{}r;
	chmod 0755, $place;
	system('chmod', '-R', 'a+rX', $place) == 0 or die;
	mkdir "$place/open" or die;
	chmod 0777, "$place/open" or die;
	($status, $tap, $err) = run({ timeout => 60, env => { HOME => "$place/open", TMPDIR => "$place/open" } },
		'setpriv', '--reuid', 65534, '--regid', 65534, '--clear-groups', '--inh-caps=-all', $program, 'run', '--out', "$place/open/out", @plain, @some);
	is $status, 0, 'without privilege: status 0' or diag $err;
	is $err, '', 'without privilege: no complaint';
	like $tap, qr/^# packets: own sockets \(no capture: .*(?i:permi).*\)$/m, 'without privilege: the report says why';
	agrees('without privilege', "$place/open/out", 0);
} else {
	like $how, qr/^own sockets/, 'who is not root captures nothing, or was given the privilege' unless $live;
}

# What is not as the records have it is told: an answer from another port than was asked.
my $stray = spill(tmp() . '/stray.pl', <<'PERL');
	use IO::Socket::INET;
	my $socket = IO::Socket::INET->new(LocalAddr => "$ENV{ASSAY_ADDRESS}:$ENV{ASSAY_PORT}", Proto => "udp") or die $!;
	my $other = IO::Socket::INET->new(LocalAddr => $ENV{ASSAY_ADDRESS}, Proto => "udp") or die $!;
	while (my $client = $socket->recv(my $message, 65535)) {
		my $answer = pack("nn", unpack("n", $message) | 0x110, 8) . substr($message, 4, 16) . pack("nnnCC", 9, 4, 0, 4, 0);
		$socket->send($answer, 0, $client) for 1 .. 5;
		$other->send("\0" x 8, 0, $client);
	}
PERL
$out = tmp() . '/out';
($status, $tap, $err) = run({ timeout => 60 }, assay(), 'run', '--rto', '0.05', '--out', $out, '--no-third-party', '--launch', "exec perl $stray",
	'server/unknown-attributes');
my @differences = @{ of_type('summary', json_lines("$out/results.ndjson"))->{differences} };
ok scalar(grep { /came from 127\.0\.0\.1:\d+, the request went to/ } @differences), 'packets from another port are told';
ok scalar(grep { /: 5 answers to 1 transmission of a request/ } @differences), 'so are more answers than requests' or diag join "\n", @differences;
my %told;
$told{ s/: \d+ answers? to .*//r }++ for grep { /answers? to \d+ transmissions? of a request/ } @differences;
is join(' ', grep { $told{$_} > 1 } sort keys %told), '', 'once for each step';
like $tap, qr/came from 127\.0\.0\.1/, 'the report shows them';

done_testing;
