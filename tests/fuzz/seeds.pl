#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
#   tests/fuzz/seeds.pl FOLDER [CAPTURE.pcapng...]
#
# Writes inputs for the fuzz targets to FOLDER/NAME/: the published vectors, every message of the captures that are named
# (assay run --out writes one), and what is put together here. scripts/fuzz.sh --merge takes of them what the corpus
# lacks. Needs tshark where captures are named.
use strict;
use warnings;
use FindBin;
use Digest::MD5 qw(md5_hex);
use JSON::PP ();
use MIME::Base64 qw(decode_base64 encode_base64);

my ($folder, @captures) = @ARGV;
die "usage: seeds.pl FOLDER [CAPTURE.pcapng...]\n" unless defined $folder;
my $root = "$FindBin::Bin/../..";

sub slurp {
	my ($path) = @_;
	open my $file, '<:raw', $path or die "$path: $!\n";
	local $/;
	return scalar <$file>;
}

sub seed {
	my ($target, $octets) = @_;
	-d $_ || mkdir $_ or die "$_: $!\n" for $folder, "$folder/$target";
	open my $file, '>:raw', "$folder/$target/" . md5_hex($octets) or die "$folder/$target: $!\n";
	print $file $octets;
	close $file;
}

sub vectors {
	my ($name) = @_;
	return @{JSON::PP->new->utf8->decode(slurp("$root/vectors/$name.json"))->{vectors}};
}

my (@messages, @frames);
push @messages, pack 'H*', $_->{message} for vectors('rfc5769');
for my $capture (@captures) {
	open my $lines, '-|', 'tshark', '-r', $capture, '-T', 'fields', '-e', 'udp.payload', '-e', 'tcp.payload'
		or die "tshark: $!\n";
	while (<$lines>) {
		chomp;
		push @messages, map { pack 'H*', $_ } grep { length } split /\t/;
	}
	close $lines or die "tshark failed for $capture\n";
	open $lines, '-|', 'tshark', '-r', $capture, '-w', '-', '-F', 'pcap' or die "tshark: $!\n";
	binmode $lines;
	local $/;
	my $file = <$lines>;
	close $lines or die "tshark failed for $capture\n";
	for (my $at = 24; $at + 16 < length $file;) {
		my $length = unpack 'V', substr $file, $at + 8, 4;
		push @frames, substr $file, $at + 16, $length;
		$at += 16 + $length;
	}
}

# One message with an attribute of each type that is known.
sub attribute { return pack 'n n/a* x!4', @_ }

sub message {
	my ($type, $transaction, @attributes) = @_;
	my $body = join '', @attributes;
	return pack('n n N a12', $type, length $body, 0x2112A442, $transaction) . $body;
}
my $address = pack 'C C n a4', 0, 1, 3478, "\xC0\0\2\1";
my $address6 = pack 'C C n a16', 0, 2, 3478, "\x20\1\x0d\xb8";
my %values = (
	0x0001 => $address, 0x0003 => pack('N', 6), 0x0006 => 'user', 0x0008 => 'x' x 20, 0x0009 => "\0\0\4\1Unauthenticated",
	0x000A => pack('n2', 0x7F, 0x8001), 0x000C => pack('n2', 0x4000, 0), 0x000D => pack('N', 600), 0x0012 => $address,
	0x0013 => 'data', 0x0014 => 'realm', 0x0015 => 'nonce', 0x0016 => $address6, 0x0017 => pack('N', 1 << 24),
	0x0018 => "\x80", 0x0019 => pack('N', 17 << 24), 0x001A => '', 0x001B => 'token', 0x001C => 'y' x 32,
	0x001D => pack('n2', 1, 0), 0x001E => 'h' x 32, 0x0020 => $address, 0x0022 => 'reserved', 0x0024 => pack('N', 99),
	0x0025 => '', 0x0026 => 'padding', 0x0027 => pack('n2', 3478, 0), 0x002A => pack('N', 5), 0x8000 => pack('N', 1 << 24),
	0x8001 => "\2\0\4\x28Stale", 0x8002 => pack('n n/a* x!4 n n', 2, 'abc', 1, 0), 0x8003 => 'example.org',
	0x8004 => pack('n2N', 0, 3 << 9 | 3, 0), 0x8022 => 'software', 0x8023 => $address, 0x8028 => 'abcd',
	0x8029 => pack('Q>', 1), 0x802A => pack('Q>', 2), 0x802B => $address, 0x802C => $address6, 0x802E => 'server', 0x7F00 => '?',
);
push @messages, message(0x0003, 'transaction!', map { attribute($_, $values{$_}) } sort { $a <=> $b } keys %values);
push @messages, message(0x0101, 'transaction!', attribute($_, $values{$_})) for keys %values;
push @messages, pack('n n/a*', 0x4001, 'channel data'), pack('n n/a* x2', 0x4FFF, 'channel data'), "\x40", "\x80\0", "\0\1\0\4";
seed('stun-message', $_) for @messages;

# Tokens: raw ones, and for every algorithm and form what is sealed.
my $plain = pack('n/a*', 'K' x 20) . pack('n N n N', 0, 1700000000, 6400, 3600);
for my $vector (vectors('rfc7635-appendix-a'), vectors('tokens')) {
	seed('token-open', chr(0) . pack('C/a*', 'example.org') . decode_base64($vector->{token}));
	seed('token-open', chr(3) . pack('C/a*', 'example.org') . decode_base64($vector->{token}));
}
for my $algorithm (0 .. 5) {
	for my $form (0 .. 4) {
		my $choice = $algorithm | $form << 3;
		my $name = pack 'C/a*', 'turn.example.org';
		seed('token-open', chr($choice | 0x40) . $name . "\7" . $_) for $plain, "${plain}extra", substr $plain, 0, 9;
		my $fields = pack 'n5', 12, 21, 1, 0, 3600;
		my $rest = pack('n/a*', 'K' x 20) . 'extra';
		seed('token-open', chr($choice | 0x80) . $name . $_) for "\0$fields$rest", "\1$fields$rest", "\2$fields$rest",
			"\4$fields\3$rest", "\x08$fields\x10" . 'N' x 16 . $rest, "\x10$fields\x05" . "\5" x 5 . $rest,
			"\x20$fields\x08" . 'A' x 8 . $rest, "\x40$fields$rest", "\x80$fields$rest";
		seed('token-open', chr($choice | 0xC0) . $name . pack('n C a*', @$_)) for [0, 1, 'K' x 20], [1, 16, 'K' x 20], [5, 1, 'K' x 32],
			[60, 128, 'K'], [20, 0, 'K'];
	}
}

# Messages and edits that are built: counts, whether there are overrides, the attributes, the edits.
my $kid = "\0\0\3kid";
my @list = ($kid, "\0\3\3key", "\0\4\3key", "\0\2");
for my $verb (0 .. 13) {
	for my $type (0, 2, 3) {
		for my $rest ("\0\3\5abc", "\1\2\0", "\x02\x10\2de", "\x82\1\4kidd", "\0\xC0\0\x20\3kid") {
			my $place = substr $rest, 0, 1;
			my $edit = chr($verb) . $place . chr($type) . "\3" . substr($rest, 1) . "\0\5\3abc";
			seed('stun-edit', chr(0x14) . "\0" . join('', @list) . $edit);
		}
	}
}
seed('stun-edit', chr(0x04) . "\1" . "\4\0\3kid\0\2" . "\x08\0\3kid\1x" . "\x0A\3\3key\x14\1y" . "\0\2\0\0");
seed('stun-edit', chr(0x22) . "\0" . "\0\0\xFF\xFF\xFF" . "\0\2" . "\x0D\0\0\0\0\xFF\x20\0" . "\x09\0\0\0\0\xFF\x20\0");

# Keys.
my @names = qw(A256GCM A192GCM A128GCM A128CBC-HS256 A192CBC-HS384 A256CBC-HS512);
my %size = (A256GCM => 32, A192GCM => 24, A128GCM => 16, 'A128CBC-HS256' => 32, 'A192CBC-HS384' => 48, 'A256CBC-HS512' => 64);
my @keys = map { "kid:$_:" . encode_base64('K' x $size{$_}, '') } @names;
seed('command-keys', $_) for @keys, join("\n", @keys), join("\r\n", '# a comment', '', @keys, ''), "a:b:c:$keys[0]\n", "$keys[0]x",
	'kid:A256GCM', 'kid', ':A256GCM:', 'kid:A256GCM:AA-_', 'kid:A256GCM:AA==', 'AAEC', 'AAE=', "AAE=\n", 'AB==', 'A=BC', "$keys[0]\n\0";

# JSON, and octets that are strings.
seed('lua-json', $_) for '{"a":[1,-2.5,1e9,true,false,null],"b":{"c":"\u00e9\ud83d\ude00\n\\\\\""},"":[]}', '[' x 66 . ']' x 66,
	'[' x 63 . '{"a":1}' . ']' x 63, '9223372036854775807', '-9223372036854775808', '9223372036854775808', '-0.0', '1E400', '[1,]',
	'"\u0000"', '{"a":1,"a":2}', "\xE2\x82\xAC\xF0\x9F\x98\x80", "\xC0\x80\xED\xA0\x80\xF4\x90\x80\x80\xFF", "\xE2\x80\xA8\xC2\x85\x7F\0",
	'00ffA0', '0g', 'AAE=', 'AA-_', '0.1', '1.7976931348623157e308', '5e-324', '123456789012345678.5', '"' . "\xE2\x82" . '"';

# What a wire brings, and the frames of captures: the link type, what more there was of it, the frame.
my $udp = pack('n4', 40000, 3478, 8 + 20, 0) . substr message(1, 'transaction!'), 0, 20;
my $tcp = pack('n2 N2 C2 n3', 40000, 3478, 1, 2, 0x50, 0x18, 65535, 0, 0) . message(1, 'transaction!');
my @ips;
for ([17, $udp], [6, $tcp]) {
	my ($protocol, $body) = @$_;
	push @ips, pack('C2 n3 C2 n a4 a4', 0x45, 0, 20 + length $body, 0, 0, 64, $protocol, 0, "\x7F\0\0\1", "\x7F\0\0\2") . $body;
	push @ips, pack('N n C2 a16 a16', 6 << 28, length $body, $protocol, 64, "\0" x 15 . "\1", "\0" x 15 . "\2") . $body;
	push @ips, pack('N n C2 a16 a16', 6 << 28, 8 + length $body, 0, 64, "\0" x 15 . "\1", "\0" x 15 . "\2") .
		pack('C2 a6', $protocol, 0, '') . $body;
	push @ips, pack('N n C2 a16 a16', 6 << 28, 8 + length $body, 44, 64, "\0" x 15 . "\1", "\0" x 15 . "\2") .
		pack('C2 n N', $protocol, 0, 1, 9) . $body;
}
my $error = pack('C2 n N', 3, 3, 0, 0) . $ips[0];
push @ips, pack('C2 n3 C2 n a4 a4', 0x45, 0, 20 + length $error, 0, 0, 64, 1, 0, "\x7F\0\0\1", "\x7F\0\0\2") . $error;
$error = pack('C2 n N', 1, 4, 0, 0) . $ips[1];
push @ips, pack('N n C2 a16 a16', 6 << 28, length $error, 58, 64, "\0" x 15 . "\1", "\0" x 15 . "\2") . $error;
for my $ip (@ips) {
	my $type = ord($ip) >> 4 == 4 ? 0x0800 : 0x86DD;
	seed('capture-packet', $_ . $ip) for "\0\0" . "\0" x 12 . pack('n', $type), "\1\0", "\2\0\0\0\0\2", "\3\0\0\0\0\2",
		"\4\0" . "\0" x 14 . pack('n', $type), "\5\0", "\6\0", "\7\0", "\x08\0" . pack('n', $type) . "\0" x 18,
		"\0\0" . "\0" x 12 . pack('n4', 0x8100, 1, 0x88A8, 2) . pack('n', $type);
}
seed('capture-packet', "\0\0$_") for @frames[0 .. ($#frames < 40 ? $#frames : 40)];

# Capture files of them.
sub option { return pack 'n n/a* x!4', @_ }

sub block {
	my ($type, $body, $little) = @_;
	my $total = 12 + length $body;
	return $little ? pack('V2 a* V', $type, $total, $body, $total) : pack('N2 a* N', $type, $total, $body, $total);
}
my $section = block(0x0A0D0D0A, pack('N n2 N2', 0x1A2B3C4D, 1, 0, 0xFFFFFFFF, 0xFFFFFFFF) . option(1, 'a comment') . option(0, ''));
my $little = block(0x0A0D0D0A, pack('V v2 V2', 0x1A2B3C4D, 1, 0, 0xFFFFFFFF, 0xFFFFFFFF), 1);
my $interface = sub { block(1, pack('n2 N', @_[0, 1, 2]) . join('', @_[3 .. $#_])) };
my $packet = sub { my ($number, $octets, @options) = @_;
	return block(6, pack('N5', $number, 0x60000, 77, (length $octets) x 2) . pack('a* x!4', $octets) . join '', @options) };
seed('capture-file', $section . $interface->(101, 0, 0) . $interface->(1, 0, 64, option(9, "\x09"), option(14, "\0" x 7 . "\1"), option(0, '')) .
	$packet->(0, $ips[0], option(1, 'one'), option(1, "two\xFF"), option(0, '')) . $packet->(1, 'x' x 14 . $ips[1]) .
	block(3, pack('N', length $ips[0]) . $ips[0]) . block(2, pack('n2 N4', 0, 0, 0, 5, (length $ips[0]) x 2) . $ips[0]) .
	block(10, pack('N2', 0x544C534B, 4) . 'abcd') . block(5, pack('N3', 0, 0, 0)) . $section . $interface->(228, 0, 0, option(9, "\x83")) .
	$packet->(0, $ips[0]));
seed('capture-file', $little . block(1, pack('v2 V', 101, 0, 0), 1) .
	block(6, pack('V5', 0, 0x60000, 77, (length $ips[0]) x 2) . $ips[0], 1));
for my $magic (0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34) {
	for my $form ('V', 'N') {
		my $short = lc $form;
		my $extra = $magic == 0xA1B2CD34 ? "\0" x 8 : '';
		my $file = pack("$form ${short}2 ${form}4", $magic, 2, 4, 0, 0, 65535, 101);
		$file .= pack("${form}4", 1700000000, 5, (length) x 2) . $extra . $_ for @ips[0 .. 3];
		seed('capture-file', $file);
		seed('capture-file', substr $file, 0, length($file) - 9);
	}
}
if (eval { require IO::Compress::Gzip; 1 }) {
	my $file = $section . $interface->(101, 0, 0) . $packet->(0, $ips[0]);
	IO::Compress::Gzip::gzip(\$file, \my $packed);
	seed('capture-file', $packed);
	seed('capture-file', substr $packed, 0, length($packed) - 6);
}

# Segments: the limit, what is done, then frames and how they are cut.
my $frames = message(1, 'transaction!') . pack('n n/a* x2', 0x4001, '12') . message(0x0101, 'transaction!', attribute(6, 'kid'));
seed('capture-stream', "\xFF\x08\0" . join('', map { chr(32) . chr($_) } 10, 20, 30) . "\x21\0\x50\x40" . "\x22\x10\x05" . "\xA0" .
	"\x20\x40" . "\xFE" . "\x30\1" . "\xFF$_$frames") for "\0", "\6", "\x40";
seed('capture-stream', "\2\x28\x20\x21\x10\0\x30\x23\x20\x90\x20\x08\x48\x20\7\7\xFF\x03$frames\x80");
seed('capture-stream', "\1\xFF\3" . pack('n n', 1, 3) . 'x' x 40);

# What scripts are given is the same messages; ours, not those of captures, which are many of a kind.
seed('lua-stun', $_) for @messages[0 .. 7], @messages[-60 .. -1], pack('n', 12) . 'N' x 12 . 'C' x 34 . 'T' x 16;

# An adversary between a DTLS client and a server: pairs of what is done and to what extent.
my $shake = "\0\0\1\0\0\0\1\0\1\0\1\0\0\0\0\0\0\0\1\0\1\0";
my $talk = "\4\7\5\x08\0\0\1\0";
my $hello = pack('C n n n N n', 22, 0xFEFD, 0, 0, 0, 54) . pack('C C n n C n C n', 1, 0, 42, 0, 0, 0, 0, 42) .
	pack('n a32 C C n n C C', 0xFEFD, 'R' x 32, 0, 0, 2, 0xC02B, 1, 0);
seed('net-dtls', $_) for '', $shake, $shake . $talk x 3, "\6\0$shake$talk", "\x08\0$shake$talk", "$shake\x08\0$talk", "$shake\x0C\x20\1$talk",
	"$shake\4\1\x0E\x10$talk", "$shake\4\1\x0A\0\4\2\x0A\0$talk", "\x12" . chr(length $hello) . $hello . $shake,
	"\x10" . chr(length $hello) . $hello . $shake, "$shake$talk\x10" . chr(length $hello) . $hello . $talk, "\x14\1$shake",
	"$shake$talk\x17\x80$talk", "$shake$talk\x16\x40\1\0$talk", "\0\0\1\0\0\0\x07\0\7\0\7\0\7\0", "$shake\x14\2\x15\3$talk",
	"\0\0\1\0\0\0\4\1\4\2\5\3\x0B\0\1\0$shake";

# A stream of frames, its pieces, and whether a reply is waited for.
my $success = message(0x0101, 'transaction!', attribute(6, 'kid'));
seed('net-stream', $_ . $frames) for "\0\0", "\6\1", "\xFF\0";
seed('net-stream', $_) for "\3\1$success$frames", "\x20\1$success$success", "\7\0$frames\x80abc", "\7\0" . substr($frames, 0, 30),
	"\1\0\0\1\0\2", "\1\1" . pack('n n', 0x4001, 0) . $success, "\0\0\x40", "\0\1";
