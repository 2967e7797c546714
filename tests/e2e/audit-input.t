#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# Bad input and bad output of assay audit: what is no capture, what breaks off, what was cut, what cannot be read or
# written, keys that open nothing. Each gets a sentence with the file and the place, the exit status of the contract, and
# a report of everything that came before.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use captures;
use helper;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

my $folder = tmp();
my $keys = demonstration_keys();
my $capture = reference_capture(qw(server/challenge server/accepted-token));
my $whole = slurp($capture);

# A report without its line ends.
sub flat { return $_[0] =~ s/\s+/ /gr }

sub complains {
	my ($name, $status, $pattern, @arguments) = @_;
	my ($got, $out, $err) = audit('--format', 'tap', @arguments);
	is $got, $status, "$name: status $status" or diag $out, $err;
	like $err, $pattern, "$name: it is said why";
	is scalar(() = $err =~ /\n/g), 1, "$name: in one line" or diag $err;
	return $out;
}

subtest 'what is no capture' => sub {
	spill("$folder/empty.pcap", '');
	spill("$folder/text.pcap", "this is a text, and no capture\n" x 10);
	spill("$folder/head.pcap", substr slurp(write_pcap("$folder/x.pcap")), 0, 11);
	complains('an empty file', 3, qr/^assay: \Q$folder\E\/empty\.pcap is empty/, "$folder/empty.pcap");
	complains('a text', 3, qr/^assay: \Q$folder\E\/text\.pcap is neither pcap nor pcapng/, "$folder/text.pcap");
	complains('half a header', 3, qr/\Q$folder\E\/head\.pcap/, "$folder/head.pcap");
	complains('no such file', 3, qr/^assay: cannot read \Q$folder\E\/gone\.pcap: No such file/, "$folder/gone.pcap");
	my $empty = tmp();
	complains('a folder without captures', 2, qr/no capture .* in the folder '\Q$empty\E'/, $empty);
	complains('nothing', 2, qr/a capture to audit is expected/);
	complains('a form that is none', 2, qr/--format is pretty, tap or json, not 'xml'/, '--format', 'xml', $capture);
	complains('a shard that is none', 2, qr/--shard is I\/N/, '--shard', '4/3', $capture);
	complains('a copy of two', 2, qr/--annotate writes one capture, and 2/, '--annotate', "$folder/a.pcapng", $capture, "$folder/text.pcap");

	# One bad file does not hide the others.
	my ($status, $out) = audit('--format', 'json', '--key', $keys, "$folder/empty.pcap", $capture);
	is $status, 3, 'a bad file beside a good one: status 3';
	my ($summary) = records($out, 'summary');
	is_deeply [@$summary{qw(files damaged unread)}], [2, 1, 1], 'both are counted';
	cmp_ok $summary->{pass}, '>', 5, 'and the good one is judged';
};

subtest 'a capture that breaks off' => sub {
	(undef, my $out) = audit('--format', 'json', '--key', $keys, $capture);
	my ($all) = map { $_->{packets} } records($out, 'file');
	for my $part (0.3, 0.7, 0.95) {
		my $length = int(length($whole) * $part) | 1; # blocks have a multiple of 4 octets
		my $path = spill("$folder/short.pcapng", substr $whole, 0, $length);
		my ($status, $json, $err) = audit('--format', 'json', '--key', $keys, $path);
		is $status, 3, "after $length octets: status 3";
		my ($file) = records($json, 'file');
		cmp_ok $file->{damage}{offset}, '<=', $length, 'the offset is in the file';
		cmp_ok $length - $file->{damage}{offset}, '<', 70000, 'and it is where the last block begins';
		cmp_ok $file->{packets}, '>', $all * $part * 0.5, 'what came before was read';
		my (undef, $count) = run('tshark', '-r', $path, '-T', 'fields', '-e', 'frame.number');
		is $file->{packets}, scalar(() = $count =~ /\n/g), 'all of it, as tshark reads it';
		like $err, qr/^assay: \Q$path\E: read up to octet $file->{damage}{offset}, behind frame $file->{packets}: /, 'and this is said';
	}
	my $at = 0;
	my $order = substr($whole, 8, 1) eq "\x4D" ? 'V' : 'N';
	$at += unpack $order, substr $whole, $at + 4, 4 while $at < 20000;
	spill("$folder/ruined.pcapng", substr($whole, 0, $at + 4) . "\xFF\xFF\xFF\xFF" . substr($whole, $at + 8));
	my ($status, $json, $err) = audit('--format', 'pretty', "$folder/ruined.pcapng");
	is $status, 3, 'damage in the middle: status 3';
	like flat($json), qr/note \S+ruined\.pcapng: read up to octet @{[$at + 4]}, behind frame \d+/, 'the report has the place too: that of the length';
	cmp_ok $json =~ /^(\d+) packets/m ? $1 : 0, '>', 0, 'with what came before';
};

subtest 'packets that were cut, clocks that go back, links that are not known' => sub {
	my $message = stun_message(0x0001, 'abcdefghijkl', 0x8022 => 'software');
	my @packet = map { udp_packet('192.0.2.1', 4000 + $_, '192.0.2.2', 3478, $message) } 0 .. 3;
	my $path = write_pcap("$folder/cut.pcap", [1000, $packet[0]], [1001, $packet[1], 52], [1002, $packet[2]]);
	my ($status, $out) = audit('--format', 'pretty', $path);
	like flat($out), qr/1 packet cut short by the capture \(its snap length\), the first is frame 2; what was cut is not judged, 1 message/,
		'a cut packet is told';
	like $out, qr/^3 packets, 2 STUN messages/m, 'and the others are judged';
	$path = write_pcap("$folder/back.pcap", [1000, $packet[0]], [990, $packet[1]], [1001, $packet[2]]);
	(undef, $out) = audit('--format', 'pretty', $path);
	my $offset = 24 + 16 + length $packet[0];
	like flat($out), qr/time runs backwards at 1 packet, the first is frame 2 at octet $offset/, 'a clock that went back is told, with its place';
	like $out, qr/^3 packets, 3 STUN messages/m, 'and all are judged';
	$path = write_pcap("$folder/link.pcap", { link => 147 }, [1000, $packet[0]], [1001, $packet[1]]);
	($status, $out) = audit('--format', 'pretty', $path);
	is $status, 3, 'a link type that is not known: status 3';
	like flat($out), qr/2 packets of link type 147, which is not decoded here, from frame 1 on/, 'which is told';
};

subtest 'keys that open nothing' => sub {
	my $wrong = spill("$folder/wrong", 'north:A256GCM:' . 'QUFB' x 10 . "QUE=\n");
	my ($status, $out) = audit('--format', 'pretty', '--key', "\@$wrong", $capture);
	like flat($out), qr/no token opened under the key of kid north: \d+ tokens; is it the right key \(--key\)/, 'a wrong key is told';
	my ($finding) = $out =~ /^(FAIL.*)$/m;
	is $finding, undef, 'and nobody is blamed for it';
	(undef, $out) = audit('--format', 'pretty', '--key', 'other:A256GCM:' . 'QUFB' x 10 . 'QUE=', $capture);
	like flat($out), qr/no key was given \(--key\) for \d+ tokens of kid .*north/, 'so is a kid without a key';
	(undef, $out) = audit('--format', 'pretty', '--key', $keys, '--server-name', 'another.example.org', $capture);
	like flat($out), qr/a server announces another name than --server-name gives/, 'and a wrong name of the server';
	like $out, qr{^  north  A256GCM +\d+ +[1-9]}m, 'though its tokens open under the one that it announces';
	complains('a key of a wrong length', 2, qr/--key: number 1: .*16/, '--key', 'north:A128GCM:QUFB', $capture);
	complains('a key file that is not there', 2, qr/--key: .*No such file/, '--key', "\@$folder/none", $capture);
	complains('a key log that is not there', 2, qr/--keylog: .*No such file/, '--keylog', "$folder/none", $capture);
	my $text = spill("$folder/text", "kid:algorithm\nnot a log\n");
	my $many = spill("$folder/many", join '', map { sprintf "CLIENT_RANDOM %064x %096x\n", $_, $_ } 1 .. 65537);
	complains('a key log that is none', 2, qr/--keylog: \Q$text\E: no line of it is one of a TLS key log/, '--keylog', $text, $capture);
	complains('key logs of too many connections', 2, qr/--keylog: \Q$many\E: more than 65536 TLS secrets/, '--keylog', $many, $capture);
	for my $log ($text, $many) {
		my ($got, undef, $err) = run(assay(), 'replay', $capture, '--keylog', $log);
		is $got, 2, 'nor does a replay take such a log' or diag $err;
	}
	my $empty = spill("$folder/empty-log", "# nothing yet\n");
	unlike((audit('--format', 'tap', '--keylog', $empty, $capture))[2], qr/keylog/, 'one with nothing in it yet is one');
};

subtest 'folders' => sub {
	my $tree = tmp();
	mkdir "$tree/$_" for qw(a a/b locked);
	spill("$tree/a/one.pcapng", $whole);
	spill("$tree/a/b/two.PCAPNG", $whole);
	spill("$tree/a/notes.txt", 'no capture');
	run('gzip', '-k', "$tree/a/one.pcapng");
	symlink '..', "$tree/a/b/up";
	my (undef, $out) = audit('--format', 'json', $tree);
	is_deeply [map { $_->{file} } records($out, 'file')], ["$tree/a/b/two.PCAPNG", "$tree/a/one.pcapng", "$tree/a/one.pcapng.gz"],
		'all captures in it, each once, gzip too, and no loop';
	(undef, $out) = audit('--format', 'json', "$tree/a/one.pcapng", $tree, "$tree/a/one.pcapng");
	is scalar(() = records($out, 'file')), 3, 'what is named twice is read once';

	# root may read everything, so somebody else asks.
	chmod 0, "$tree/locked";
	chmod 0755, $tree, "$tree/a", "$tree/a/b";
	my @who = $> == 0 ? ('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups') : ();
	my ($status, $json, $err) = run({ timeout => 60 }, @who, assay(), 'audit', '--format', 'json', $tree);
	is $status, 3, 'a folder that may not be read: status 3' or diag $err;
	like $err, qr/cannot read \Q$tree\E\/locked: Permission denied/, 'which is said';
	is scalar(() = records($json, 'file')), 4, 'and the others are read';
};

subtest 'output that cannot be written' => sub {
	for my $form (qw(pretty tap json)) {
		my ($status, undef, $err) = run({ timeout => 60 }, 'sh', '-c', 'exec "$0" "$@" > /dev/full', assay(), 'audit', '--format', $form, $capture);
		is $status, 4, "$form on a full disk: status 4";
		like $err, qr/^assay: the report cannot be written: .*No space left/, "$form: it is said";
		($status, undef, $err) = run({ timeout => 60 }, 'bash', '-c', '"$0" "$@" | true; exit ${PIPESTATUS[0]}', assay(), 'audit', '--format', $form, $capture,
			"$folder/short.pcapng");
		is $status, 4, "$form to nobody: status 4";
	}
	complains('a copy on a full disk', 4, qr/^assay: --annotate: .*No space left/, '--annotate', '/dev/full', $capture);
	complains('a copy that cannot be made', 4, qr/^assay: --annotate: cannot make \Q$folder\E\/none\/x: No such/, '--annotate', "$folder/none/x", $capture);
};

subtest 'an interruption' => sub {
	for my $form (qw(json pretty tap)) {
		my $pipe = tmp() . '/pipe';
		POSIX::mkfifo($pipe, 0600);
		my $process = start({}, assay(), 'audit', '--format', $form, '--key', $keys, $pipe);
		open my $writer, '>', $pipe or die "cannot write to $pipe: $!";
		syswrite $writer, $whole; # and no end
		my $left = wait_until { sysread_waits($process->pid) } 20;
		ok $left, "$form: it has read all and waits";
		kill 'INT', $process->pid;
		my $ended = wait_until { !$process->alive } 10;
		ok $ended, "$form: SIGINT ends it";
		is $process->stop, 130, "$form: status 130";
		my $out = $process->out;
		like $out, $form eq 'json' ? qr/"interrupted":true/ : qr/interrupted: this is what was gathered/, "$form: it says so";
		like $out, $form eq 'json' ? qr/"requirement":"7635-4-02".*"pass"/ : qr/7635-4-02/, "$form: and tells what it has gathered";
		close $writer;
	}
};

# Whether a process sleeps in read(2).
sub sysread_waits {
	my ($pid) = @_;
	open my $file, '<', "/proc/$pid/wchan" or return 0;
	my $where = <$file> // '';
	return $where =~ /pipe/ if $where =~ /[a-z]/;
	open my $stat, '<', "/proc/$pid/stat" or return 0;
	return <$stat> =~ /\) S / && sleep(0.3);
}

# What was not judged, and why: nobody says that there is no STUN in what could not be read.
for ([[], 101, 'no STUN was found'], [[[1, 'x' x 40]], 147, 'no STUN was found, and packets of some link types are not decoded']) {
	my ($packets, $link, $said) = @$_;
	my $path = write_pcap(tmp() . '/nothing.pcap', { link => $link }, @$packets);
	(undef, my $told) = audit('--format', 'tap', $path);
	like $told, qr/# SKIP \Q$said\E$/m, $said;
}
like((audit('--format', 'tap', tmp() . '/nowhere.pcap'))[1], qr/# SKIP nothing could be read$/m, 'nor of what is not there');

done_testing;
