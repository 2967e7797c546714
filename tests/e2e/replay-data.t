#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# assay replay --data: what the clients of a capture had relayed arrives at the peers again, in order and unchanged, over
# every transport, from captures of UDP and of TCP, and by coturn too; what has no channel or permission is left out with
# its reason. And --without and --only, which say by their frames what is played.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use captures;
use fixture;
use helper;
use IO::Socket::INET;
use POSIX ();
use Test::More;

# my ($status, \@notes, {id => verdict}, $stderr) = replay('argument', ...)
sub replay {
	my ($status, $out, $err) = run({ timeout => 120 }, assay(), 'replay', '--format', 'json', '--rto', '0.1', '--speed', '0', @_);
	my @records = eval { json_lines($out) };
	my ($start) = grep { $_->{type} eq 'run' } @records;
	my %verdict = map { $_->{id} => $_->{verdict} } grep { $_->{type} eq 'scenario' } @records;
	return ($status, $start ? $start->{notes} : [], \%verdict, $err);
}

# A peer on loopback that writes down what it gets and sends it back. ($port, \&datagrams, \&end)
sub peer {
	my ($silent) = @_;
	my $log = tmp() . '/peer';
	my $socket = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1') or die "no socket: $!";
	my $pid = fork // die "cannot fork: $!";
	if (!$pid) {
		$SIG{TERM} = 'DEFAULT';
		open my $file, '>', $log or POSIX::_exit(1);
		$file->autoflush(1);
		while (my $from = $socket->recv(my $octets, 65536)) {
			print $file unpack('H*', $octets), "\n";
			$socket->send($octets, 0, $from) unless $silent;
		}
		POSIX::_exit(0);
	}
	my $end = sub { kill 'TERM', $pid; waitpid $pid, 0 };
	return ($socket->sockport, sub { [map { pack 'H*', $_ } split /\n/, slurp($log)] }, $end);
}

# --- a captured conversation: [from the client, octets] each ---------------------------------------------------------

my $count = 0;
sub transaction { return sprintf '%012d', ++$count }
sub xored { my ($address, $port) = @_; return pack('nnN', 1, $port ^ 0x2112, unpack('N', pack 'C4', split /\./, $address) ^ 0x2112A442) }
sub signed { return (0x0006 => 'north', 0x0014 => 'here', 0x0015 => 'nonce', @_, 0x0008 => "\0" x 20) }

sub asked { # ($method, $code of the answer (0: none, 200: success), [of the answer], attributes of the request)
	my ($method, $code, $answer, @attributes) = @_;
	my $id = transaction();
	my @answers = $code == 0 ? () : $code == 200 ? [0, stun_message($method | 0x100, $id, @$answer)]
		: [0, stun_message($method | 0x110, $id, 0x0009 => pack('nCC', 0, $code / 100, $code % 100), @$answer)];
	return [1, stun_message($method, $id, @attributes)], @answers;
}
sub challenged { return asked(3, 401, [0x0014 => 'here', 0x0015 => 'nonce'], 0x0019 => pack('CCCC', 17, 0, 0, 0)) }
sub allocated { return challenged(), asked(3, 200, [0x0016 => xored('192.0.2.2', 50000), 0x0020 => xored('192.0.2.1', 4000), 0x000D => pack('N', 600)],
	0x0019 => pack('CCCC', 17, 0, 0, 0), signed(0x001B => 'a token of long ago' . 'x' x 60)) }
sub permitted { my ($port, $code) = @_; return asked(8, $code // 200, [], 0x0012 => xored('127.0.0.1', $port), signed()) }
sub bound {
	my ($number, $port, $code, $address) = @_;
	return asked(9, $code // 200, [], 0x000C => pack('nn', $number, 0), 0x0012 => xored($address // '127.0.0.1', $port), signed());
}
sub deleted { return asked(4, 200, [0x000D => pack 'N', 0], 0x000D => pack('N', 0), signed()) }
sub sending {
	my ($port, $data, $address) = @_;
	return [1, stun_message(0x0016, transaction(), 0x0012 => xored($address // '127.0.0.1', $port), 0x0013 => $data)];
}
sub data { my ($port, $data) = @_; return [0, stun_message(0x0017, transaction(), 0x0012 => xored('127.0.0.1', $port), 0x0013 => $data)] }
sub channel { my ($number, $data, $back) = @_; return [$back ? 0 : 1, pack('nn', $number, length $data) . $data] }

# As datagrams, 10 ms apart; or as a TCP stream in which ChannelData is padded, its segments cut anywhere.
sub as_udp {
	my ($name, $port, @talk) = @_;
	my $at = 1e9;
	return write_pcap("$name.pcap", map { [$at += 0.01, $_->[0] ? udp_packet('192.0.2.1', $port, '192.0.2.2', 3478, $_->[1])
		: udp_packet('192.0.2.2', 3478, '192.0.2.1', $port, $_->[1])] } @talk);
}

sub segment {
	my ($up, $sequence, $acknowledged, $flags, $payload) = @_;
	my $tcp = pack('nnNNCCnnn', ($up ? (4000, 3478) : (3478, 4000)), $sequence, $acknowledged, 0x50, $flags, 65535, 0, 0) . $payload;
	my @ends = $up ? ('192.0.2.1', '192.0.2.2') : ('192.0.2.2', '192.0.2.1');
	return pack('CCnnnCCn', 0x45, 0, 20 + length $tcp, 0, 0, 64, 6, 0) . join('', map { pack 'C4', split /\./ } @ends) . $tcp;
}

sub as_tcp {
	my ($name, @talk) = @_;
	my ($at, @next, @packets) = (1e9, 1001, 5001);
	my $put = sub {
		my ($up, $flags, $payload) = @_;
		my $own = $up ? 0 : 1;
		push @packets, [$at += 0.01, segment($up, $next[$own], $next[!$own], $flags, $payload)];
		$next[$own] += length $payload;
	};
	@packets = ([$at, segment(1, 1000, 0, 2, '')], [$at, segment(0, 5000, 1001, 0x12, '')]);
	while (@talk) {
		my $up = $talk[0][0];
		my $octets = '';
		while (@talk && $talk[0][0] == $up) {
			my $one = (shift @talk)->[1];
			$octets .= $one . "\0" x (-length($one) % 4);
			last if ord($one) < 0x40; # data come together, a request by itself
		}
		$put->($up, 0x18, $_) for length $octets > 30 ? (substr($octets, 0, 21), substr $octets, 21) : $octets;
	}
	return write_pcap("$name.pcap", @packets);
}

my $folder = tmp();
my @sent = map { "sent $_ " . 'x' x $_ } 0 .. 9;
my @channelled = ('', map { "channelled $_ " . 'y' x $_ } 1 .. 9);
sub conversation {
	my ($port) = @_;
	return (allocated(), permitted($port), (map { (sending($port, $_), data($port, $_)) } @sent), bound(0x4001, $port),
		(map { channel(0x4001, $_) } @channelled), (map { channel(0x4001, $_, 1) } @channelled), deleted());
}

my ($port, $datagrams, $end) = peer();
my $capture = as_udp("$folder/data", 4000, conversation($port));
my $stream = as_tcp("$folder/stream", conversation($port));
my @all = (@sent, @channelled);

subtest 'without --data nothing is relayed, and the report says so' => sub {
	my ($status, $notes, $verdicts, $err) = replay($capture);
	is $status, 0, 'it is replayed' or diag $err;
	is_deeply $datagrams->(), [], 'no peer hears of it';
	like "@$notes", qr/^5 requests on 1 flows .*10 Send indications, and ChannelData \(20 of both sides\), were left out: --data sends/, 'which is said';
};

my $heard = 0;
for my $transport ('udp', 'tcp', 'tls', 'dtls') {
	for my $one (['UDP', $capture], ['TCP', $stream]) {
		my ($kind, $file) = @$one;
		subtest "captured over $kind, sent over $transport" => sub {
			my ($status, $notes, undef, $err) = replay('--data', '--transport', $transport, $file);
			is $status, 0, 'it is replayed' or diag $err, @$notes;
			my @new = @{ $datagrams->() };
			@new = @new[$heard .. $#new];
			$heard += @new;
			is_deeply \@new, \@all, 'all of it arrives at the peer, in its order and as it was';
			like "@$notes", qr/5 requests, 10 Send indications and 10 ChannelData on 1 flows/, 'the capture is counted';
			like "@$notes", qr/10 Send indications and 10 ChannelData were sent; 10 Data indications and 10 ChannelData came back \(in the capture 10 and 10\)/,
				'and so is what was sent and came back';
			unlike "@$notes", qr/left out/, 'nothing was left out';
		};
	}
}

subtest 'waiting for nothing' => sub {
	# Slowly, for a request needs the nonce of an answer that it does not wait for.
	my @few = ('a', 'b', 'c', 'd');
	my $brief = as_udp("$folder/brief", 4000, allocated(), permitted($port), bound(0x4001, $port), (map { sending($port, $_) } @few[0, 1]),
		(map { channel(0x4001, $_) } @few[2, 3]), deleted());
	my ($status, $notes, undef, $err) = replay('--data', '--no-wait', '--speed', 0.05, $brief);
	is $status, 0, 'it is replayed' or diag $err;
	my @new = @{ $datagrams->() };
	@new = @new[$heard .. $#new];
	$heard += @new;
	is_deeply \@new, \@few, 'all of it arrives at the peer';
	like "@$notes", qr/2 Send indications and 2 ChannelData were sent; 0 Data indications and 4 ChannelData came back/, 'and comes back';
};

subtest 'octet for octet' => sub {
	my ($status, $notes) = replay('--data', '--verbatim', $capture);
	is $status, 1, 'a server that looks at nonces lets nobody in';
	like "@$notes", qr/10 Send indications were left out: its CreatePermission was answered with error 4\d\d/, 'so there is no permission';
	like "@$notes", qr/10 ChannelData were left out: its ChannelBind was answered with error 4\d\d/, 'and no channel';
	is scalar @{ $datagrams->() }, $heard, 'and the peer gets nothing';
};

subtest 'what has no channel or permission is left out, with the reason' => sub {
	my $bad = as_udp("$folder/bad", 4000, allocated(), permitted($port), sending($port, 'good'), sending($port, 'bad', '127.0.0.2'),
		channel(0x4005, 'bad'), bound(0x4001, 9, 200, '224.0.0.1'), channel(0x4001, 'refused'), permitted($port, 403), sending($port, 'still good'),
		bound(0x4002, $port, 403), channel(0x4002, 'bound here, not there'), bound(0x4002, $port + 1), channel(0x4002, 'still bound'),
		deleted(), sending($port, 'too late'));
	my ($status, $notes) = replay('--data', $bad);
	is $status, 1, 'it differs from the capture, whose peer was for many';
	my @new = @{ $datagrams->() };
	@new = @new[$heard .. $#new];
	$heard += @new;
	is_deeply \@new, ['good', 'still good', 'bound here, not there', 'still bound'], 'what may be sent is sent';
	like "@$notes", qr/2 Send indications were left out: no CreatePermission for it came before/, 'no permission, and none any more';
	like "@$notes", qr/1 ChannelData were left out: no ChannelBind for it came before/, 'no channel';
	like "@$notes", qr/1 ChannelData were left out: its ChannelBind was answered with error 4\d\d/, 'none that was granted';
	my $unallocated = as_udp("$folder/unallocated", 4000, challenged(), bound(0x4001, $port), deleted(), channel(0x4001, 'bad'));
	(undef, $notes) = replay('--data', $unallocated);
	like "@$notes", qr/1 ChannelData were left out: its ChannelBind was answered with error 4\d\d/,
		'none without an allocation, and the Refresh between changes nothing';
	my $late = as_udp("$folder/late", 4000, sending($port, 'late'), channel(0x4001, 'late'), sending($port, 'late'), asked(1, 200, []));
	(undef, my $more) = replay('--data', $late);
	like "@$more", qr/3 indications and ChannelData were left out: no request of their flow stands before them/, 'and what nobody asked for';
	is scalar @{ $datagrams->() }, $heard, 'nothing of that arrives';
};

subtest 'as long as there is no answer it counts what the captured one was' => sub {
	my $mute = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1') or die "no socket: $!";
	my $hasty = as_udp("$folder/hasty", 4000, allocated(), bound(0x4001, $port), channel(0x4001, 'a'), bound(0x4002, $port, 403), channel(0x4002, 'b'),
		bound(0x4003, $port, 0), channel(0x4003, 'c'), channel(0x4001, 'd'), channel(0x4004, 'e'));
	my ($status, $notes) = replay('--data', '--no-wait', '--server', '127.0.0.1:' . $mute->sockport, '--key', demonstration_keys(), $hasty);
	like "@$notes", qr/0 Send indications and 2 ChannelData were sent/, 'what was granted there is taken for granted';
	like "@$notes", qr/2 ChannelData were left out: its ChannelBind had no success in the capture/, 'what was not is not';
	like "@$notes", qr/1 ChannelData were left out: no ChannelBind for it came before/, 'nor what was never asked for';
};

subtest 'data at the end of a flow' => sub {
	my @open = conversation($port);
	splice @open, -2;
	my ($status, $notes, undef, $err) = replay('--data', as_udp("$folder/open", 4000, @open));
	is $status, 0, 'it is replayed' or diag $err;
	my @new = @{ $datagrams->() };
	@new = @new[$heard .. $#new];
	$heard += @new;
	is_deeply \@new, \@all, 'all of it arrives at the peer';
	like "@$notes", qr/10 Data indications and 10 ChannelData came back/, 'and comes back, before the allocation is put down';
};

subtest 'a peer that says nothing' => sub {
	my ($mute, $silence, $stop) = peer('silent');
	my ($status, $notes) = replay('--data', as_udp("$folder/mute", 4000, conversation($mute)));
	is $status, 0, 'changes no verdict';
	like "@$notes", qr/10 Send indications and 10 ChannelData were sent; 0 Data indications and 0 ChannelData came back/, 'and is seen';
	is_deeply $silence->(), \@all, 'though it got all';
	$stop->();
};

subtest 'coturn' => sub {
	plan skip_all => 'coturn is not installed' if !-x '/usr/bin/turnserver';
	for my $transport ('udp', 'tcp') {
		my $profile = spill("$folder/coturn-$transport.lua", slurp('scripts/targets/coturn.lua') =~ s/transports = \{[^}]*\}/transports = { "$transport" }/r);
		for my $one (['UDP', $capture], ['TCP', $stream]) {
			my ($kind, $file) = @$one;
			my ($status, $notes, undef, $err) = replay('--data', '--target', $profile, $file);
			my @new = @{ $datagrams->() };
			@new = @new[$heard .. $#new];
			$heard += @new;
			is_deeply \@new, \@all, "relays all of it, captured over $kind and sent over $transport" or diag $err, @$notes;
			like "@$notes", qr/10 Send indications and 10 ChannelData were sent; 10 Data indications and 10 ChannelData came back/, 'both ways';
		}
	}
};

# --- frames ----------------------------------------------------------------------------------------------------------

# 1, 2: the challenge; 3, 4: the allocation; 5, 6: the permission; 7-26: Send and Data; 27, 28: the channel; 29-38, 39-48:
# ChannelData; 49, 50: the end.
subtest 'frames are left out' => sub {
	my ($status, $notes, $verdicts) = replay('--without', '5-6', $capture);
	like "@$notes", qr/^4 requests on 1 flows/, 'a request';
	like "@$notes", qr/1 messages of clients were left out, as --only and --without have it/, 'which is said';
	ok !grep({ /CreatePermission/ } keys %$verdicts), 'and not played';
	($status, $notes) = replay('--data', '--without', '5,7-26,30', '--without', '36-38', $capture);
	my @new = @{ $datagrams->() };
	@new = @new[$heard .. $#new];
	$heard += @new;
	is_deeply \@new, [@channelled[0, 2 .. 6]], 'data too: all but these arrive';
	like "@$notes", qr/4 requests, 0 Send indications and 6 ChannelData .*15 messages of clients were left out/, 'and are counted';
	($status, $notes) = replay('--only', '1-4', $capture);
	like "@$notes", qr/^2 requests on 1 flows .*3 messages of clients were left out/, 'only some are played';
	($status, $notes) = replay('--only', '1-6', '--without', '5', $capture);
	like "@$notes", qr/^2 requests on 1 flows/, 'and of these not all';
	($status, $notes) = replay('--without', '6', $stream); # 1, 2: SYN; 3, 4-5: challenge; 6-7: the request, in two segments
	like "@$notes", qr/^4 requests on 1 flows/, 'a request that came in several frames, by the first';
	($status, $notes) = replay('--without', '7', $stream);
	like "@$notes", qr/^4 requests on 1 flows/, 'and by the last of them';
};

subtest 'a server that dies of a request is played the rest' => sub {
	my $deadly = spill("$folder/deadly.pl", <<'PERL');
use IO::Socket::INET;
my $socket = IO::Socket::INET->new(Proto => 'udp', LocalAddr => $ENV{ASSAY_ADDRESS}, LocalPort => $ENV{ASSAY_PORT}) or die;
while (my $from = $socket->recv(my $octets, 2000)) {
	my ($type) = unpack 'n', $octets;
	exit 3 if $type == 0x0008;
	$socket->send(pack('nnN', $type | 0x0100, 0, 0x2112A442) . substr($octets, 8, 12), 0, $from);
}
PERL
	my $mortal = spill("$folder/mortal.lua", qq(return { name = "mortal", role = "server", address = "127.0.0.1", third_party = false,
		transports = { "udp" }, launch = { command = { "perl", "$deadly" } } }\n));
	my @killer = asked(8, 0, []);
	my $file = as_udp("$folder/deadly", 4000, asked(1, 200, []), @killer, @killer, asked(1, 200, []));
	my ($status, undef, $verdicts) = replay('--target', $mortal, $file);
	is $verdicts->{'replay/target-lives'}, 'fail', 'it dies';
	my $notes;
	($status, $notes, $verdicts) = replay('--target', $mortal, '--without', '3', $file);
	is $status, 0, 'not without that request, of which no retransmission is sent either';
	like "@$notes", qr/^2 requests on 1 flows/, 'the others are played';
	(my $err) = (replay('--target', $mortal, '--without', '4', $file))[3];
	like $err, qr/--without names 4, where there is nothing that would be played: frame 4 holds a retransmission, and its request is in frame 3$/,
		'whoever names the retransmission is told where the request is';
};

subtest 'lists that are none' => sub {
	for my $case (['', 'nothing between two commas, or no frame at all'], ['x', q('x' is neither a frame nor a range)], ['1,,2', 'nothing between two commas'],
		['5-', q('5-' is neither)], ['-5', q('-5' is neither)], ['0', 'frames are counted from 1'], ['0-4', 'frames are counted from 1'],
		['9-4', 'ends before it begins: 4-9 is meant'], ['1.5', q('1.5' is neither)], ['1-2-3', q('1-2-3' is neither)], ['9' x 40, 'is beyond every frame']) {
		my ($list, $why) = @$case;
		for my $option ('--without', '--only') {
			my ($status, undef, undef, $err) = replay("$option=$list", $capture);
			is $status, 2, "$option '$list' is refused";
			like $err, qr/^assay: \Q$option $list\E: .*\Q$why\E[^\n]*\n\z/, 'in one sentence that says why';
		}
	}
	for my $case ([['--without', '2,4'], '--without names 2,4, where there is nothing that would be played'],
		[['--without', '5,6,1000-2000'], '--without names 6,1000-2000'],
		[['--only', '2'], '--only names 2'], [['--without', '7'], '--without names 7'],
		[['--without', '1-100'], '--only and --without leave no request of it']) {
		my ($options, $why) = @$case;
		my ($status, undef, undef, $err) = replay(@$options, $capture);
		is $status, 2, "@$options selects nothing";
		like $err, qr/^assay: \Q$capture\E: \Q$why\E[^\n]*\n\z/, 'in one sentence too';
	}
	my ($status, $notes) = replay('--without', ' 5 , 49-50,49 ', $capture);
	like "@$notes", qr/^3 requests/, 'blanks, and ranges that overlap, are no matter';
	($status, $notes) = replay('--without', '3-6,4', '--without', '49', $capture);
	like "@$notes", qr/^2 requests/, 'nor one within another';
};

$end->();
done_testing;
