#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# The fuzz targets: every input of the corpus passes through its target under the sanitizers; the same inputs find a fault
# that is put into a copy of the code each target is about, so that what they claim is seen to be claimed; and libFuzzer,
# where clang has it, finds one that no input of the corpus shows.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use helper;
use Test::More;

my ($cores) = (run('nproc'))[1] =~ /(\d+)/;
my $sanitized = build() . '/sanitized';
my @targets = map { m{([^/]+)\.c$} } glob 'tests/fuzz/*-*.c';

# Of the make that runs the tests nothing is taken over.
my %clean = map { $_ => undef } qw(MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES SANITIZE FUZZ BUILD CC CFLAGS);

sub make { return run({ timeout => 900, env => \%clean }, 'make', 'SANITIZE=1', "BUILD=$sanitized", @_) }

# What is planted: the file, what it says, what the copy says instead.
my %faults = (
	'audit-capture'  => ['audit/audit.c', 'if (kind->each) {', 'if (kind->each && !audit->options.every) {'],
	'audit-conversation' => ['audit/marks.c', 'return &marks->held[i];', 'return NULL;'],
	'audit-session'  => ['audit/session.c', 'facts->request = transaction->facts;', 'facts->request = facts->message;'],
	'capture-file'   => ['capture/pcapng.c', 'writer_u64(out, packet->time);', 'writer_u64(out, packet->time + 1);'],
	'capture-fragments' => ['capture/fragments.c', 'memcpy(piece->data, data, length);', 'memset(piece->data, data[0], length);'],
	'capture-packet' => ['capture/packet.c', 'packet->destination.port = destination;', 'packet->destination.port = (uint16_t)(destination ^ 1);'],
	'capture-reading' => ['capture/reader.c', 'packet->frame = ++notes->packets;', 'packet->frame = notes->packets++;'],
	'capture-stream' => ['capture/pieces.c', 'pieces->held -= length;', 'pieces->held -= length - 1;'],
	'capture-dtls'   => ['capture/dtls_passive.c', '.last_tag = record->tag,', '.last_tag = record->tag + 1,'],
	'capture-tls'    => ['capture/tls_passive.c', '.last_tag = record->last_tag,', '.last_tag = record->last_tag + 1,'],
	'command-keys'   => ['token/base64.c', 'if (padding && (bits & ', 'if (length > 1000 && (bits & '],
	'lua-json'       => ['base/utf8.c', ' && *value >> 11 != 0x1B', ''],
	'lua-stun'       => ['lua/stun_value.c', '"port", address->port)', '"port", address->port ^ 1)'],
	'net-dtls'       => ['net/dtls.c', 'dtls->datagram.length = length;', 'dtls->datagram.length = length - 1;'],
	'net-stream'     => ['net/stream.c', 'evbuffer_drain(input, frame.size)', 'evbuffer_drain(input, frame.content)'],
	'stun-edit'      => ['stun/edit.c', 'if (stun_octets_equal(edit->octets, padding_of(attribute)))', 'if (!edit)'],
	'stun-message'   => ['stun/text.c', 'octet >= 0x20 && octet < 0x7F', 'octet >= 0x10 && octet < 0x7F'],
	'token-open'     => ['token/gcm.c', 'Final_ex(engine->cipher, rest, &written) != 1) {', 'Final_ex(engine->cipher, rest, &written) < 0) {'],
);
is_deeply [grep { !$faults{$_} } @targets], [], 'every target has a fault to find, a row of this test';

my ($status, $output, $errors) = make("-j$cores", 'replays');
is $status, 0, 'the targets are built' or BAIL_OUT $errors;

my $octets = 0;
for my $target (@targets) {
	my @inputs = glob "tests/fuzz/corpus/$target/*";
	$octets += -s for @inputs;
	cmp_ok scalar @inputs, '>=', 10, "$target has a corpus";
	is_deeply [grep { -s > 4096 } @inputs], [], "$target: none is longer than what is fuzzed with";
	($status, $output, $errors) = run({ timeout => 120 }, "$sanitized/fuzz/$target", "tests/fuzz/corpus/$target");
	is $status, 0, "$target: every input passes" or diag substr $errors, -4000;
	is $output, @inputs . " inputs\n", "$target: none was left out";
}
cmp_ok $octets, '<', 1_000_000, 'the corpus is small';
is_deeply [grep { !-e "tests/fuzz/$_.c" } map { m{([^/]+)$} } glob 'tests/fuzz/corpus/*'], [], 'no corpus is without a target';

# The text of a source file with the fault in it.
sub faulty {
	my ($path, $from, $to) = @_;
	my $source = slurp("engine/$path");
	(my $copy = $source) =~ s/\Q$from\E/$to/;
	isnt $copy, $source, "engine/$path still says what is to be changed";
	return $copy;
}

# How make would compile and link, so that a copy is compiled alike and linked in front of the archives.
for my $target (grep { $faults{$_} } @targets) {
	my $folder = tmp();
	my $fault = spill("$folder/fault.c", faulty(@{ $faults{$target} }));
	my $commands = (make('-n', '-W', "tests/fuzz/$target.c", "$sanitized/fuzz/$target"))[1];
	my ($compile) = $commands =~ m{^(.* -c -o \S+ tests/fuzz/\S+)$}m;
	my ($link) = $commands =~ m{^(.* -o \Q$sanitized/fuzz/$target\E .*)$}m;
	ok $compile && $link, "$target: make tells how it is built" or diag $commands;
	next if !$compile || !$link;
	$compile =~ s{ -MMD -MP -c -o \S+ \S+$}{ -c -o $folder/fault.o $fault};
	$link =~ s{ -o \S+}{ -o $folder/target $folder/fault.o};
	is +(run({ timeout => 120 }, 'sh', '-c', "$compile && $link"))[0], 0, "$target: with a fault in it it is built";
	($status, $output, $errors) = run({ timeout => 120 }, "$folder/target", "tests/fuzz/corpus/$target");
	isnt $status, 0, "$target finds the fault";
	like $errors, qr/does not hold|Sanitizer|runtime error/, "$target: and says so";
}

SKIP: {
	my $probe = tmp();
	spill("$probe/probe.c", "int LLVMFuzzerTestOneInput(void);\nint LLVMFuzzerTestOneInput(void) { return 0; }\n");
	skip 'there is no clang with libFuzzer', 1
		if (run('clang', '-fsanitize=fuzzer,address', '-o', "$probe/probe", "$probe/probe.c"))[0] ne '0';
	my $copy = tmp();
	run('cp', '-r', qw(Makefile engine scripts tests), $copy);
	my $message = "$copy/engine/stun/channel.c";
	my @fuzz = ({ timeout => 400, cwd => $copy, env => { %clean, BUILD => 'build', FUZZ_SECONDS => 5 } }, 'scripts/fuzz.sh');
	($status, $output, $errors) = run(@fuzz, 'stun-message');
	is $status, 0, 'libFuzzer finds nothing in five seconds' or diag $output, $errors;
	like $output, qr/^stun-message: nothing found in 5 s, \d+ inputs, \d+ edges$/m, 'and the script says so';

	# No input begins so: searching is what finds it.
	is_deeply [grep { slurp($_) =~ /^\x5A/ } glob 'tests/fuzz/corpus/stun-message/*'], [], 'the corpus does not show the next fault';
	(my $source = slurp($message)) =~ s/(int stun_channel_parse\(.*?\n\{\n)/$1\tif (length > 4 && *(const uint8_t *)data == 0x5A)\n\t\tabort();\n/s;
	spill($message, "#include <stdlib.h>\n$source");
	$fuzz[0]{env}{FUZZ_SECONDS} = 280; # it ends when it has found it; a busy machine needs longer
	($status, $output, $errors) = run(@fuzz, 'stun-message');
	is $status, 1, 'it finds a fault that was put in' or diag $output, $errors;
	my ($again) = $output =~ /^stun-message: shown again by: (.*)$/m;
	ok $again, 'and tells how to see it again' or diag $output;
	isnt +(run({ cwd => $copy }, 'sh', '-c', $again // 'true'))[0], 0, 'which shows it';
	is +(run(@fuzz, 'no-target'))[0], 2, 'a target that is not there is an error';
}
done_testing;
