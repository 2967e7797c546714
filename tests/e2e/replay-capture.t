#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# assay replay: what was captured of the reference is answered alike by the reference, and otherwise by one with a fault,
# in what the fault is about and nothing else; the spacing, two targets, transports; and what goes wrong.
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
use Time::HiRes qw(time sleep);

# my ($status, {id => verdict}, $stdout, $stderr) = replay({options}, 'argument', ...), of its JSON.
sub replay {
	my $options = ref $_[0] ? shift : {};
	my ($status, $out, $err) = run({ timeout => 120, %$options }, assay(), 'replay', '--format', 'json', '--rto', '0.1', @_);
	my %verdict = map { $_->{id} => $_->{verdict} } grep { $_->{type} eq 'scenario' } eval { json_lines($out) };
	return ($status, \%verdict, $out, $err);
}

sub worse { my ($verdicts) = @_; return [sort grep { $verdicts->{$_} eq 'fail' } keys %$verdicts] }

my $capture = reference_capture(qw(server/challenge server/refused-token server/long-term-checks/no-excuse
	server/long-term-checks/unknown-nonce server/allocation/other-user
	server/allocation/session-without-allocation server/accepted-token/message-integrity-sha256));

subtest 'the reference answers as the reference did' => sub {
	my ($status, $verdicts, $out, $err) = replay('--speed', 0, $capture);
	is $status, 0, 'alike' or diag $out, $err;
	is_deeply worse($verdicts), [], 'nothing differs';
	cmp_ok scalar keys %$verdicts, '>', 8, 'and there was something to differ';
	my ($start) = grep { $_->{type} eq 'run' } json_lines($out);
	my ($sent) = "@{ $start->{notes} }" =~ /(\d+) requests were sent/;
	cmp_ok $sent, '>', 50, 'many requests were sent';
	unlike "@{ $start->{notes} }", qr/went over|not put down|not played/, 'over their own transports, to the end';
	like "@{ $start->{notes} }", qr/processor time/, 'and it is told what that took';
};

subtest 'a fault shows in what it is about' => sub {
	my ($status, $verdicts, $out) = replay('--speed', 0, '--fault', 'accept-any-nonce', $capture);
	is $status, 1, 'it fails';
	is_deeply worse($verdicts), [map { "replay/$_-answered-error-438" } 'Allocate-with-a-token', 'CreatePermission-signed',
		'Refresh-with-a-token'], 'where a nonce was refused';
	like $out, qr/success instead of error 438/, 'and says how';
	($status, $verdicts) = replay('--speed', 0, '--fault', 'take-token-for-integrity', $capture);
	is $status, 1, 'so does another';
	is_deeply worse($verdicts), [map { "replay/$_-with-a-token-answered-error-401" } 'Allocate', 'Refresh'], 'where integrity was wrong';
};

subtest 'a token beside a password' => sub {
	my $out = tmp() . '/out';
	run(assay(), 'run', '--no-third-party', '--transport', 'udp', '--out', $out, 'server/unknown-attributes/token-beside-a-password');
	my ($status, $verdicts, $said, $err) = replay('--speed', 0, '--no-third-party', '--transport', 'udp', "$out/capture.pcapng");
	is $status, 0, 'is signed with the password, as it was' or diag $said, $err;
	is $verdicts->{'replay/Allocate-with-a-token-answered-error-420'}, 'pass', 'and answered as it was';
	unlike $said, qr/good ones stand for them/, 'and no other token stands for it, where none is taken';
};

subtest 'a client that does not wait for the answer to a new token' => sub {
	my $folder = tmp();
	my (undef, $out) = run(tree('suites/support/list.lua' => slurp('tests/e2e/crafted-captures.lua')), 'list', $folder);
	my ($key) = $out =~ /^(\S+)/;
	my ($status, $verdicts, $said, $err) = replay('--speed', 0, '--captured-key', $key, "$folder/without-waiting.pcapng");
	isnt $verdicts->{'replay/CreatePermission-signed-answered-success'} // 'fail', 'fail', 'signs what follows with the new one' or diag $said, $err;
	is $status, 0, 'and is answered as it was';
};

subtest 'verbatim' => sub {
	my ($status, $verdicts, $out) = replay('--speed', 0, '--verbatim', $capture);
	is $status, 1, 'the nonces are those of somebody else';
	like $out, qr/error 438 instead of success/, 'and the reference says so';
	my ($weak, $seen) = replay('--speed', 0, '--verbatim', '--fault', 'accept-any-nonce', $capture);
	is $seen->{'replay/Allocate-with-a-token-answered-success'}, 'pass', 'one that looks at no nonce is open to replay';
};

# Two flows of Binding requests: at 0 s and 1 s one, at 0.5 s the other; each answered after 10 ms.
my $spaced = do {
	my @packets;
	for my $one ([0, 4000], [0.5, 4001], [1, 4000]) {
		my ($at, $port) = @$one;
		my $id = sprintf '%012d', $at * 10;
		push @packets, [1e9 + $at, udp_packet('192.0.2.1', $port, '192.0.2.2', 3478, stun_message(0x0001, $id))],
			[1e9 + $at + 0.01, udp_packet('192.0.2.2', 3478, '192.0.2.1', $port,
				stun_message(0x0101, $id, 0x0020, pack('nnN', 1, 0, 0)))];
	}
	write_pcap(tmp() . '/spaced.pcap', @packets);
};

# A server of Binding that writes down when each request came, the first time, and from which port. ($port, \&times, $pid)
sub clerk {
	my ($silent) = @_;
	my $log = tmp() . '/log';
	my $socket = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1') or die "no socket: $!";
	my $pid = fork // die "cannot fork: $!";
	if (!$pid) {
		$SIG{TERM} = 'DEFAULT';
		open my $file, '>', $log or POSIX::_exit(1);
		$file->autoflush(1);
		my %came;
		while (my $from = $socket->recv(my $octets, 2000)) {
			my $id = substr $octets, 8, 12;
			print $file time, ' ', $socket->peerport, "\n" if !$came{$id}++ || $silent;
			next if $silent;
			$socket->send(stun_message(0x0101, $id, 0x0020, pack('nnN', 1, 0, 0)), 0, $from);
		}
		POSIX::_exit(0);
	}
	return ($socket->sockport, sub { [map { [split ' '] } split /\n/, slurp($log)] }, $pid);
}

subtest 'the spacing is kept, or not' => sub {
	my %spread; # by speed: from the first to the last, which a busy machine makes longer and never shorter
	for my $case ([1, 0.9], [10, 0.09]) {
		my ($speed, $least) = @$case;
		my ($port, $times, $pid) = clerk();
		my ($status, undef, $out, $err) = replay('--speed', $speed, '--server', "127.0.0.1:$port", '--no-third-party', $spaced);
		kill 'TERM', $pid;
		waitpid $pid, 0;
		is $status, 0, "speed $speed: alike" or diag $out, $err;
		my @seen = @{ $times->() }; # the last three: before them it is seen whether the target answers
		my @last = @seen[-3 .. -1];
		$spread{$speed} = $last[2][0] - $last[0][0];
		cmp_ok $spread{$speed}, '>', $least, "the last came so long after the first: $spread{$speed}";
		my %from; # flows that are both late may come in any order
		$from{ $_->[1] }++ for @last;
		is join(' ', sort values %from), '1 2', 'the two of one flow came from one port, the other flow from another';
	}
	cmp_ok $spread{10}, '<', $spread{1}, 'and ten times as fast took less';
	my ($port, $times, $pid) = clerk();
	my ($status) = replay('--speed', 0, '--no-wait', '--server', "127.0.0.1:$port", '--no-third-party', $spaced);
	kill 'TERM', $pid;
	waitpid $pid, 0;
	is $status, 0, 'at once: answered, though nobody waits for one answer before the next request';
	my @seen = @{ $times->() };
	is scalar @seen, 3, 'each request once, and nothing else';
	cmp_ok $seen[2][0] - $seen[0][0], '<', $spread{1}, 'without the spaces';
};

my $profiles = tmp();
sub profile_of {
	my ($name, $lines) = @_;
	return spill("$profiles/$name.lua", qq(return { name = "$name", role = "server", address = "127.0.0.1", $lines }\n));
}

subtest 'two targets beside each other' => sub {
	my ($first, $times, $one) = clerk();
	my ($second, $same, $other) = clerk();
	my @targets = map { ('--target', profile_of(@$_)) } ['one', "ports = { udp = $first }, third_party = false, transports = { 'udp' }"],
		['other', "ports = { udp = $second }, third_party = false, transports = { 'udp' }"];
	my ($status, $verdicts, $out, $err) = replay('--speed', 2, @targets, $spaced);
	kill 'TERM', $one, $other;
	waitpid $_, 0 for $one, $other;
	is $status, 0, 'alike' or diag $out, $err;
	is_deeply [sort keys %$verdicts], [sort map { "replay/$_/Binding-without-credentials-answered-success" } 'one', 'one-beside-other', 'other'],
		'each beside the capture, and both beside each other';
	my ($mine, $its) = ($times->(), $same->());
	ok $mine->[-3][0] < $its->[-1][0] && $its->[-3][0] < $mine->[-1][0], 'they were asked at the same time';

	my ($port, undef, $silent) = clerk();
	my ($dumb, undef, $mute) = clerk('silent');
	@targets = map { ('--target', profile_of(@$_)) } ['talker', "ports = { udp = $port }, third_party = false, transports = { 'udp' }"],
		['mute', "ports = { udp = $dumb }, third_party = false, transports = { 'udp' }"];
	($status, $verdicts) = replay('--speed', 0, '--no-wait', @targets, $spaced);
	kill 'TERM', $silent, $mute;
	waitpid $_, 0 for $silent, $mute;
	is $status, 1, 'one that is silent';
	is $verdicts->{'replay/talker-beside-mute/Binding-without-credentials-answered-success'}, 'fail', 'is not like one that answers';
};

subtest 'transports' => sub {
	my $all = reference_capture('server/challenge/nonce');
	my ($status, undef, $out) = replay('--speed', 0, $all);
	is $status, 0, 'what was captured over TLS and DTLS is replayed' or diag $out;
	unlike $out, qr/went over/, 'over TLS and DTLS';
	my ($process, $port) = reference();
	my $keys = demonstration_keys();
	($status, undef, $out) = replay('--speed', 0, '--server', "127.0.0.1:$port", '--transport', 'udp', '--key', $keys, $all);
	$process->stop;
	is $status, 0, 'and over UDP where that is all there is' or diag $out;
	like $out, qr/flows? of tls in the capture went over udp: the target offers no tls/, 'which is said';
};

subtest 'a target that dies is named, with the request it died of' => sub {
	my $deadly = spill("$profiles/deadly.pl", <<'PERL');
use IO::Socket::INET;
my $socket = IO::Socket::INET->new(Proto => 'udp', LocalAddr => $ENV{ASSAY_ADDRESS}, LocalPort => $ENV{ASSAY_PORT}) or die;
while (my $from = $socket->recv(my $octets, 2000)) {
	my ($type) = unpack 'n', $octets;
	exit 3 if $type == 0x0008;
	my $type_of_answer = $type | 0x0100;
	$socket->send(pack('nnN', $type_of_answer, 0, 0x2112A442) . substr($octets, 8, 12), 0, $from);
}
PERL
	my @packets = map { [1e9 + $_ / 10, udp_packet('192.0.2.1', 4000, '192.0.2.2', 3478, stun_message($_ == 2 ? 8 : 1, sprintf '%012d', $_))],
		[1e9 + $_ / 10 + 0.01, udp_packet('192.0.2.2', 3478, '192.0.2.1', 4000, stun_message($_ == 2 ? 0x108 : 0x101, sprintf '%012d', $_))] } 0 .. 4;
	my $deadly_capture = write_pcap("$profiles/deadly.pcap", @packets);
	my $profile = profile_of('mortal', qq(third_party = false, transports = { "udp" }, launch = { command = { "perl", "$deadly" } }));
	my ($status, $verdicts, $out, $err) = replay('--speed', 0, '--target', $profile, $deadly_capture);
	is $status, 1, 'that is a failure' or diag $out, $err;
	is $verdicts->{'replay/target-lives'}, 'fail', 'of its own';
	like $out, qr/died: .*unanswered then: frame 5 \(CreatePermission without credentials\)/, 'and says of what';
	like $out, qr/3 requests were not played/, 'and what was left out';
};

subtest 'interrupted' => sub {
	my @packets = map { [1e9 + $_ * 300, udp_packet('192.0.2.1', 4000, '192.0.2.2', 3478, stun_message(1, sprintf '%012d', $_))] } 0, 1;
	my $long = write_pcap(tmp() . '/long.pcap', @packets);
	my ($status, $out, $err) = run({ signal => [3, 'INT'], timeout => 30 }, assay(), 'replay', '--format', 'tap', $long);
	is $status, 130, 'by its status' or diag $err;
	like $out, qr/1 requests were not played: interrupted/, 'the report says how far it came';
	like $out, qr/^Bail out!/m, 'and that it is not whole';
};

subtest 'what cannot be replayed' => sub {
	my $folder = tmp();
	my $text = spill("$folder/text", "this is no capture\n" x 10);
	my ($status, $out, $err) = run(assay(), 'replay', $text);
	is $status, 3, 'no capture';
	like $err, qr/^assay: \Q$text\E is neither pcap nor pcapng: .*\n\z/, 'one sentence';
	my $empty = write_pcap("$folder/empty.pcap");
	($status, $out, $err) = run(assay(), 'replay', $empty);
	is $status, 3, 'no requests';
	like $err, qr/there is no STUN request in it/, 'said so';
	($status, $out, $err) = run(assay(), 'replay', "$folder/none.pcap");
	is $status, 3, 'no such file';
	mkdir "$folder/folder";
	my $long = "$folder/" . 'long' x 40;
	my $gzip = spill("$folder/cut.gz", "\x1F\x8B\x08\x00\x00\x00\x00\x00\x00\x03\xC3");
	for my $case (["$folder/none.pcap", 'cannot read %s: No such file or directory'], ["$folder/folder", 'cannot read %s: Is a directory'],
		[spill("$folder/nothing", ''), '%s is empty: not even the header of a capture file'], [spill("$folder/two", 'ab'), '%s has 2 octets: no capture file'],
		[spill($long, ''), '%s is empty: not even the header of a capture file'],
		[spill("$folder/bzip2", 'BZh91AY'), '%s is neither pcap nor pcapng: it is compressed with bzip2'],
		[spill("$folder/header", substr slurp($empty), 0, 12), '%s ends within the header of a pcap file'],
		[$gzip, '%s: the compressed capture file ends early'],
		['', 'a capture is expected, and the name given is empty'],
		["$folder/nothing/there", 'cannot read %s: Not a directory'], [$empty, '%s: there is no STUN request']) {
		my ($path, $sentence) = @$case;
		my $expected = quotemeta($sentence =~ s{%s}{$path}r);
		for my $command ('replay', 'audit') {
			next if $command eq 'audit' && $path =~ /^(?:\Q$empty\E|\Q$folder\E\/folder)\z/; # to an audit they are something else
			($status, $out, $err) = run(assay(), $command, $path);
			is $status, 3, "$command: '$path'" if $command eq 'replay';
			like $err, qr/^assay: $expected[^\n]*\n\z/, "$command: $sentence";
			my $name = quotemeta $path;
			cmp_ok scalar(() = $err =~ /$name/g), '==', 1, 'the name is told once' if $path ne '';
		}
	}
	($status, $out, $err) = run(assay(), 'replay', '-');
	is $err, "assay: the standard input is empty: not even the header of a capture file\n", 'the standard input by its name';
	for my $case (['key', 'KID:ALG:BASE64'], ['user', 'NAME:PASSWORD']) {
		my ($noun, $form) = @$case;
		($status, $out, $err) = run(assay(), 'replay', "--captured-$noun", "\@$folder/none", $spaced);
		is $err, "assay: --captured-$noun: cannot read $folder/none: No such file or directory\n", "--captured-$noun is called so";
		($status, $out, $err) = run(assay(), 'replay', "--captured-$noun", 'x', $spaced);
		is $err, "assay: --captured-$noun: number 1: $form is expected\n", 'also when it is none';
		($status, $out, $err) = run(assay(), 'replay', "--captured-$noun", "\@$folder/nothing", $spaced);
		is $err, "assay: --captured-$noun: there is no $noun in what it names\n", 'and when nothing is in its file';
		is $status, 2, 'the command line is wrong';
	}
	($status) = replay('--speed', 0, '--captured-user', 'somebody:secret', $spaced);
	is $status, 0, 'users of the captured server may be given without keys';
	($status, $out, $err) = run(assay(), 'replay', '--target', $text, $spaced);
	is $status, 2, 'a profile that is none';
	($status, $out, $err) = run(assay(), 'replay', '--rc', 1000, $spaced);
	is $status, 2, 'an option out of its range';
	($status, $out, $err) = run(assay(), 'replay', '--captured-key', 'north', $spaced);
	is $status, 2, 'a key that is none';
	($status, $out, $err) = run(assay(), 'replay');
	is $status, 2, 'nothing to replay';

	my $whole = slurp($spaced);
	my $torn = spill("$folder/torn.pcap", substr $whole, 0, length($whole) - 30);
	my $verdicts;
	($status, $verdicts, $out) = replay('--speed', 0, $torn);
	is $status, 3, 'a capture that breaks off';
	like $out, qr/the capture breaks off at octet \d+/, 'is replayed so far, and the report says where';
	is scalar keys %$verdicts, 2, 'with what was whole';

	my $dead = free_port();
	($status, $out, $err) = run({ timeout => 60 }, assay(), 'replay', '--rto', '0.05', '--no-third-party', '--server', "127.0.0.1:$dead", $spaced);
	is $status, 3, 'no server';
	like $err, qr/does not answer/, 'said so';
	($status, $out, $err) = run({ timeout => 60 }, 'sh', '-c', "@{[assay()]} replay --speed 0 --format tap $spaced >/dev/full");
	is $status, 4, 'a full disk';
};

done_testing;
