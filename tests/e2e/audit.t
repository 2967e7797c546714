#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# The reports of assay audit: the three forms of one capture, the contract of the JSON, what is told of a capture besides
# breaches (held against tshark), what an eavesdropper learns, and the annotated copy.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use captures;
use helper;
use List::Util qw(min max sum);
use TAP::Parser;
use Test::More;

my $keys = demonstration_keys();
my $capture = reference_capture(qw(server/challenge server/accepted-token));
my ($status, $json, $err) = audit('--key', $keys, '--format', 'json', $capture);
is $status, 0, 'the reference keeps what is asked of it' or diag $err, $json =~ /^(.*"verdict":"fail".*)$/m;
is $err, '', 'and nothing is said on stderr';

subtest 'the JSON keeps the contract' => sub {
	my @records = eval { json_lines($json) };
	is $@, '', 'every line is JSON';
	is $records[0]{type}, 'file', 'it begins with the file';
	is $records[-1]{type}, 'summary', 'and ends with the summary';
	is scalar(grep { $_->{type} eq 'summary' } @records), 1, 'of which there is one';
	unlike $json, qr/[^\x20-\x7E\n]/, 'all of it is printable ASCII';
	my @homeless = grep { $_->{type} ne 'summary' && ($_->{file} // '') ne $capture } @records;
	is scalar @homeless, 0, 'every record names its capture';
	my $summary = $records[-1];
	my %count;
	$count{ $_->{verdict} }++ for grep { !$_->{implied_by} } records($json, 'requirement');
	is $summary->{$_}, $count{$_} // 0, "the summary counts $_" for qw(pass fail warn);
	cmp_ok $summary->{pass}, '>', 5, 'and something was judged';
};

# A server with a fault, and what the forms say of it.
my $faulty = tmp();
run({ timeout => 60 }, assay(), 'run', '--fault', 'accept-expired', '--rto', '0.1', '--out', $faulty, 'server/token-lifetime');
my $bad = "$faulty/capture.pcapng";

subtest 'a breach, in each form' => sub {
	my ($as_json, $out, $error) = (undef, undef, undef);
	($status, $as_json) = audit('--key', $keys, '--format', 'json', $bad);
	is $status, 1, 'status 1';
	my ($finding) = grep { $_->{verdict} eq 'fail' } records($as_json, 'finding', '7635-7-09');
	ok $finding, 'the finding is there' or return;
	my @missing = grep { !defined $finding->{$_} } qw(requirement verdict file frames offset count flows reason);
	is "@missing", '', 'with all that the contract names';
	cmp_ok $finding->{count}, '>=', scalar @{ $finding->{frames} }, 'frames are the first of those that count';
	like $finding->{flows}[0], qr/^udp \S+:\d+ > \S+:\d+$/, 'a flow is an address and another';
	my (undef, $tshark) = run('tshark', '-r', $bad, '-Y', "frame.number==$finding->{frames}[0]", '-T', 'fields', '-e', 'udp.srcport');
	like $finding->{flows}[0], qr/:\Q@{[$tshark =~ s{\s}{}gr]}\E$/, 'and the frame is one of it, an answer';
	is scalar @{ $finding->{exchange} }, 2, 'request and answer are the evidence';

	($status, $out) = audit('--key', $keys, '--format', 'pretty', $bad);
	is $status, 1, 'pretty: status 1';
	like $out, qr/^FAIL  7635-7-09  .*\(server\)$/m, 'pretty: the requirement';
	like $out, qr/expected .*\n\s+got .*\n\s+in +\d+ messages?: frames? $finding->{frames}[0]\b/, 'pretty: expected, got, where';
	like $out, qr/evidence  frames \d+.*\n.*Allocate request\n(?:.*\n)+?.*Allocate success response/, 'pretty: one exchange, decoded';
	like $out, qr/^held\n  .*7635-4-02 \(\d+\)/m, 'pretty: what held, in one paragraph';
	unlike $out, qr/[^\x20-\x7E\n]/, 'pretty: printable ASCII alone';

	($status, $out, $error) = audit('--key', $keys, '--format', 'tap', $bad);
	my $parser = TAP::Parser->new({ tap => $out });
	my %point;
	while (my $result = $parser->next) {
		$point{$1} = $result if $result->is_test && $result->description =~ m{^- \w+/(\S+)};
	}
	ok !$parser->parse_errors, 'tap: TAP::Parser reads it' or diag $parser->parse_errors;
	ok !$point{'7635-7-09'}->is_ok, 'tap: the point of the requirement is not ok';
	ok $point{'7635-4-02'}->is_actual_ok, 'tap: that of another is';
	like $out, qr/^# who talked to whom:\n#   client +server +over/m, 'tap: the summary is a comment';
	is scalar(keys %point), scalar(() = $out =~ /^(?:not )?ok /mg), 'tap: a requirement a point';
};

subtest 'what is told of a capture, held against tshark' => sub {
	my @want = ('-d', 'udp.port==1-65535,stun', '-Y', 'stun && udp && !icmp', '-T', 'fields');
	my ($code, $out) = run({ timeout => 60 }, 'tshark', '-r', $capture, @want,
		map { ('-e', $_) } qw(ip.src udp.srcport ip.dst udp.dstport stun.type.class stun.type.method stun.id frame.time_epoch));
	is $code, 0, 'tshark reads it';
	my @messages = map { [split /\t/] } split /\n/, $out;
	my @udp = grep { $_->{transport} eq 'udp' } records($json, 'traffic');
	is sum(map { $_->{messages} } @udp), scalar @messages, 'as many messages over UDP';
	my (%requests, %seen, %success, %first, %latency, %answered);
	for (@messages) {
		my (undef, undef, undef, undef, $class, $method, $id, $time) = @$_;
		my ($kind, $name) = (hex $class, hex $method);
		if ($kind == 0) {
			$requests{$name}++ if !$seen{"$_->[1] $id"}++;
			$first{"$_->[1] $id"} //= $time;
		} elsif ($kind >= 0x10) {
			$success{$name}++ if $kind == 0x10;
			push @{ $latency{$name} }, $time - $first{"$_->[3] $id"} if defined $first{"$_->[3] $id"} && !$answered{"$_->[3] $id"}++;
		}
	}
	# The methods over all transports, so at least those over UDP.
	my %method = map { $_->{method} => $_ } records($json, 'method');
	cmp_ok $method{Allocate}{requests}, '>=', $requests{3}, 'Allocate requests, without those that were repeated';
	cmp_ok $method{Allocate}{outcomes}{success}, '>=', $success{3} - 1, 'successes';
	if (!grep { $_->{transport} ne 'udp' } records($json, 'traffic')) {
		my @sorted = sort { $a <=> $b } @{ $latency{3} };
		is $method{Allocate}{latencies}, scalar @sorted, 'as many answers were timed';
		my $median = $sorted[$#sorted / 2] * 1e6;
		cmp_ok abs($method{Allocate}{median} - $median), '<=', $median * 0.07 + 2, 'the median is right within the width of a bucket';
		cmp_ok abs($method{Allocate}{longest} - $sorted[-1] * 1e6), '<=', 2, 'so is the longest';
	}
	my %key = map { $_->{kid} => $_ } records($json, 'key');
	is $key{north}{algorithm}, 'A256GCM', 'the algorithm of a kid';
	cmp_ok $key{north}{opened}, '>', 5, 'and how many of its tokens opened';
	cmp_ok $key{north}{least}, '<=', $key{north}{most}, 'their lifetimes';
	my %name = map { ("$_->{kind} $_->{value}" => $_) } records($json, 'name');
	ok $name{'server name Stun1@reference.example.org'}, 'the name of the server';
	ok $name{'realm example.org'}, 'the realm';
	ok $name{'server software assay reference'}, 'the software';
};

subtest 'transports and secrets: what is encrypted and read, what is encrypted and not' => sub {
	my $folder = tmp();
	my ($code, undef, $error) = run({ timeout => 120 }, assay(), 'run', '--rto', '0.1', '--out', "$folder/out", 'server/challenge/third-party-attribute@tls',
		'server/challenge/third-party-attribute@dtls');
	is $code, 0, 'a run over TLS and DTLS' or diag $error;
	my ($all, $file) = ("$folder/out/capture.pcapng", "$folder/secure.pcapng");
	(undef, my $out) = audit('--key', $keys, '--format', 'json', $all);
	my ($port) = map { $_->{server} =~ /:(\d+)$/ } grep { $_->{transport} eq 'tls' } records($out, 'traffic');
	run('tshark', '-r', $all, '-Y', "udp.port==$port || tcp.port==$port", '-w', $file); # without what the run asks first
	(undef, $out) = audit('--key', $keys, '--format', 'json', $file);
	my %over = map { $_->{transport} => 1 } records($out, 'traffic');
	ok $over{tls} && $over{dtls}, 'its capture tells what was said in both';
	my ($file_record) = records($out, 'file');
	is $file_record->{tls_opaque}, 0, 'and nothing is opaque';
	my @clear = grep { $_->{clear} > 0 } records($out, 'name');
	is scalar @clear, 0, 'of the names none was in the clear';
	(undef, my $eaves) = audit('--privacy', '--format', 'pretty', $file);
	like $eaves, qr/^what an eavesdropper learns\n  nothing: no name, token or secret/m, 'as the privacy view says';

	# Without the secrets.
	($code) = run('editcap', '--discard-all-secrets', $file, "$folder/blind.pcapng");
	is $code, 0, 'the secrets are taken out';
	($code, $out) = audit('--key', $keys, '--format', 'pretty', "$folder/blind.pcapng");
	is $code, 3, 'nothing can be judged: status 3';
	like $out, qr/opaque: tls \S+ > \S+.*: no secret/, 'and it is said why';
	like $out, qr/not judged: what was said is encrypted, and its secrets are not known \(--keylog\)/, 'and what would help';
};

# One token, from two addresses and three ports; a hostile user name; two servers.
my $token = pack('n', 12) . 'n' x 12 . 'sealed' x 6;
my @asks = (['192.0.2.10', 4000, 1000], ['192.0.2.10', 4001, 1001], ['198.51.100.7', 4000, 1002.5], ['198.51.100.7', 4000, 1004]);
my $evil = "us\e[31mer\r\nnot ok 1 # x\xFF";
my $ask = sub {
	my ($at, $kid, $own) = @_;
	my ($host, $port, $time) = @{ $asks[$at] };
	my @attributes = (0x0019 => "\x11\0\0\0", 0x0006 => $kid, 0x0014 => 'example.net', 0x0015 => 'nonce', 0x001B => $own // $token);
	return [$time, udp_packet($host, $port, '203.0.113.1', 3478, stun_message(0x0003, chr(65 + $at) x 12, @attributes))];
};

subtest 'what an eavesdropper learns' => sub {
	my $folder = tmp();
	my $file = write_pcap("$folder/reuse.pcap", map { $ask->($_, 'alice') } 0 .. 3);
	my (undef, $out) = audit('--format', 'json', $file);
	my ($reuse) = records($out, 'reuse');
	is_deeply $reuse->{hosts}, ['192.0.2.10', '198.51.100.7'], 'one token, two networks';
	is $reuse->{first_frame}, 3, 'noticed in frame 3';
	is $reuse->{requests}, 2, 'and twice in all';
	my ($privacy) = records($out, 'privacy');
	is_deeply [@$privacy{qw(tokens_clear linking reuses)}], [4, 1, 1], 'it is one token, on several flows';
	my ($user) = grep { $_->{kind} eq 'username' } records($out, 'name');
	is_deeply [@$user{qw(value messages clear flows)}], ['alice', 4, 4, 3], 'the user is named in each message';
	my (undef, $pretty) = audit('--format', 'pretty', '--privacy', $file);
	like $pretty, qr/username +"alice" +4 +3 +192\.0\.2\.10, 198\.51\.100\.7$/m, 'and so it is told';
	like $pretty, qr/one of kid "alice", again in frame 3 of .*: 192\.0\.2\.10, 198\.51\.100\.7$/m, 'so is the token';
	(undef, $pretty) = audit('--format', 'pretty', $file);
	unlike $pretty, qr/eavesdropper/, 'only to who asks';

	# Different tokens tell nothing of the kind.
	$file = write_pcap("$folder/fresh.pcap", map { $ask->($_, 'alice', pack('n', 12) . $_ x 48) } 0 .. 3);
	(undef, $out) = audit('--format', 'json', $file);
	is scalar(() = records($out, 'reuse')), 0, 'a token each: none is reused';
	is((records($out, 'privacy'))[0]{linking}, 0, 'and none links flows');
};

subtest 'wrong keys, wrong passwords' => sub {
	my $folder = tmp();
	my $notes = sub { join "\n", map { $_->{text} } records((audit(@_, '--format', 'json'))[1], 'note') };
	my $wrong = 'north:A256GCM:' . 'A' x 43 . '=';
	like $notes->('--key', $wrong, $capture), qr/no token opened under the key of kid north: .* is it the right key/, 'a key';
	unlike $notes->('--key', $keys, $capture), qr/is it the right/, 'but not of the right ones';

	run({ timeout => 60 }, assay(), 'run', '--no-third-party', '--out', $folder, 'server/unknown-attributes');
	my $plain = "$folder/capture.pcapng";
	like $notes->('--user', 'ninja:wrong', $plain), qr/under the password of its user .* is it the right password/, 'a password';
	is $notes->('--user', $_, $plain), '', "but nothing with $_" for 'ninja:youhavetoberealistic', 'nobody:wrong';
	my $verdicts = sub { join ' ', map { "$_->{requirement} $_->{verdict}" } records((audit('--user', $_[0], '--format', 'json', $plain))[1], 'requirement') };
	is $verdicts->('ninja:wrong') =~ s/ 5389-15\.4-0[12] \w+//gr, $verdicts->('ninja:youhavetoberealistic') =~ s/ 5389-15\.4-0[12] \w+//gr,
		'and no verdict of another requirement changes';
};

subtest 'hostile names' => sub {
	my $folder = tmp();
	my $file = write_pcap("$folder/a \e[31m\"#%s.pcap", map { $ask->($_, $evil) } 0 .. 3);
	for my $form (qw(pretty tap json)) {
		my (undef, $out, $error) = audit('--privacy', '--format', $form, $file);
		unlike $out . $error, qr/[^\x20-\x7E\n]/, "$form: nothing but printable ASCII leaves";
		unlike $out, qr/^not ok 1 # x/m, "$form: no line is forged";
		like $out, qr/us\\+x1B\[31mer\\+r\\+nnot ok 1 \\*# x\\+xFF/, "$form: the name is shown";
	}
};

subtest 'the annotated copy' => sub {
	my $folder = tmp();
	my ($code, undef, $error) = audit('--key', $keys, '--annotate', "$folder/copy.pcapng", '--format', 'tap', $bad);
	is $code, 1, 'written beside the report' or diag $error;
	my $show = sub {
		my ($path, @fields) = @_;
		my ($state, $out) = run({ timeout => 60 }, 'tshark', '-r', $path, '-T', 'fields', '-E', 'occurrence=a', map { ('-e', $_) } @fields);
		return $state ? "tshark: $state" : $out;
	};
	my @same = qw(frame.number frame.time_epoch frame.len frame.cap_len frame.encap_type frame.interface_id ip.src udp.payload tcp.payload);
	is $show->("$folder/copy.pcapng", @same), $show->($bad, @same), 'it has the same packets, times, link types and interfaces';
	my (undef, $out) = run('tshark', '-r', "$folder/copy.pcapng", '-Y', 'frame.comment contains "assay: fail 7635-7-09"', '-T', 'fields', '-e', 'frame.number');
	my (undef, $as_json) = audit('--key', $keys, '--format', 'json', $bad);
	my %told = map { $_ => 1 } map { @{ $_->{frames} } } grep { $_->{verdict} eq 'fail' } records($as_json, 'finding', '7635-7-09');
	is join(' ', split /\s+/, $out), join(' ', sort { $a <=> $b } keys %told), 'the packets that break 7635-7-09 say so';
	my @before = split /\n/, $show->($bad, 'frame.comment');
	my @after = split /\n/, $show->("$folder/copy.pcapng", 'frame.comment');
	is scalar(grep { index($after[$_] // '', $before[$_]) != 0 } 0 .. $#before), 0, 'comments that were there are kept';
	cmp_ok scalar(grep { length } @before), '>', 0, 'and there were some';

	# Secrets go along, so that the copy can be read as well as the capture.
	run({ timeout => 120 }, assay(), 'run', '--rto', '0.1', '--out', "$folder/tls", 'server/challenge/third-party-attribute@tls');
	audit('--annotate', "$folder/tls.pcapng", '--format', 'tap', "$folder/tls/capture.pcapng");
	(undef, my $first) = audit('--format', 'json', "$folder/tls/capture.pcapng");
	(undef, my $second) = audit('--format', 'json', "$folder/tls.pcapng");
	my ($as_first) = $second =~ s/tls\.pcapng/tls\/capture.pcapng/gr;
	is $as_first =~ s/offset":\d+//gr, $first =~ s/offset":\d+//gr, 'the copy of a TLS capture is judged alike';

	# A message that is put together when its packet has passed: the comment stands where it was, and tells where it is.
	my $wrong = sub { stun_message(0x0001, sprintf('transaction%d', $_[0]), 0x8028 => 'xxxx') };
	my $right = sub { stun_message(0x0001, sprintf('transaction%d', $_[0])) };
	my @ends = ('192.0.2.10', 50000, '192.0.2.1', 3478);
	my ($at, @packets) = (1);
	for ($right->(0), undef, $right->(1), $wrong->(2), $wrong->(3)) {
		my $octets = $_ // $right->(9);
		push @packets, [1.7e9 + @packets, tcp_packet(@ends, $at, 0, 0x18, $octets)] if $_;
		$at += length $octets;
	}
	my $comments = sub {
		write_pcap("$folder/gap.pcap", @packets);
		audit('--annotate', "$folder/gap.pcapng", '--format', 'tap', "$folder/gap.pcap");
		my @texts = split /\n/, $show->("$folder/gap.pcapng", 'frame.comment');
		my $told = sub { join ',', map { /\(the message of frame (\d+)\)/ ? $1 : 'own' } split /\\n/, $_[0] };
		return join ' ', map { length $texts[$_] ? $_ + 1 . ':' . $told->($texts[$_]) : () } 0 .. $#texts;
	};
	is $comments->(), '4:3,own', 'at the end of the capture';
	push @packets, [1.7e9 + 9, tcp_packet(@ends[2, 3, 0, 1], 1, $at, 0x10, '')];
	is $comments->(), '5:3,4', 'when the gap was given up';

	# Over the capture itself nothing is written.
	my $content = slurp($bad);
	symlink $bad, "$folder/link.pcapng";
	for my $path ($bad, "$folder/link.pcapng") {
		($code, undef, $error) = audit('--annotate', $path, '--format', 'tap', $bad);
		is $code, 2, "not over the capture itself";
		like $error, qr/\Q$path\E is the capture itself/, 'which is said';
	}
	ok slurp($bad) eq $content, 'and it is as it was';

	# A capture that breaks off: what was there is in the copy.
	spill("$folder/short.pcapng", substr $content, 0, int(length($content) * 0.6));
	($code, undef, $error) = audit('--annotate', "$folder/short-copy.pcapng", '--format', 'tap', "$folder/short.pcapng");
	like $error, qr/\Q$folder\E\/short\.pcapng: read up to octet \d+, behind frame \d+/, 'damage is told';
	my ($frames) = $error =~ /behind frame (\d+)/;
	(undef, $out) = run('capinfos', '-c', '-M', "$folder/short-copy.pcapng");
	like $out, qr/packets: +$frames\b/, 'and the copy has all packets up to there';
};

done_testing;
