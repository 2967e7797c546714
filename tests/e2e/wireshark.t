#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# The companion for Wireshark, in the Lua of the tshark that is here and in Lua 5.4: it opens what `assay token open`
# opens, to the same fields, in captures of a run and of coturn; a wrong key is called one; and no token breaks it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use fixture;
use helper;
use JSON::PP ();
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;

my $json = JSON::PP->new->utf8;
my @vectors = map { @{ $json->decode(slurp("vectors/$_"))->{vectors} } }
	qw(tokens.json rfc7635-appendix-a.json rfc7518-appendix-b.json);

# Captures of one's own: datagrams between a client and a server at ports of their own, one second apart.
sub datagram {
	my ($time, $back, $port, $message) = @_;
	my @ends = (pack('C4', 198, 51, 100, 1), pack('C4', 192, 0, 2, 1));
	my @ports = (40000, $port);
	if ($back) {
		@ends = reverse @ends;
		@ports = reverse @ports;
	}
	my $udp = pack('n4', @ports, 8 + length $message, 0) . $message;
	my $packet = pack('C2n3C2n', 0x45, 0, 20 + length $udp, 0, 0, 64, 17, 0) . join('', @ends) . $udp;
	return pack('L4', $time, 500000, length $packet, length $packet) . $packet;
}

sub capture { return spill(tmp() . '/made.pcap', pack('LSSlL3', 0xa1b2c3d4, 2, 4, 0, 0, 262144, 101) . join '', @_) }

sub attribute { my ($type, $value) = @_; return pack('nn', $type, length $value) . $value . "\0" x (-length($value) % 4) }

sub message { my ($type, @attributes) = @_; my $body = join '', @attributes; return pack('nnNa12', $type, length $body, 0x2112a442, 'transaction.') . $body }

sub challenge { return message(0x0113, attribute(0x0009, pack('nCC', 0, 4, 1) . 'Unauthorized'), attribute(0x802e, $_[0])) }

sub request { my ($kid, $token) = @_; return message(0x0003, defined $kid ? attribute(0x0006, $kid) : (), attribute(0x001b, $token)) }

# Rows of fields, by the dissector with these preferences (a list of name => value). Any Lua error fails the test.
my @names = qw(frame.number assay.token assay.token.kid assay.token.opened assay.token.form assay.token.nonce assay.token.key_length
	assay.token.mac_key assay.token.timestamp assay.token.fraction assay.token.lifetime assay.token.left assay.token.extra assay.token.error
	assay.server_name frame.time_epoch assay.token.issued assay.token.expires);

sub tshark {
	my ($path, $preferences, @options) = @_;
	my @given = @$preferences;
	my @arguments;
	while (my ($name, $value) = splice @given, 0, 2) {
		push @arguments, '-o', "$name:$value";
	}
	my ($status, $out, $err) = run({ timeout => 120 }, 'tshark', '-n', '-r', $path, '-X', 'lua_script:scripts/wireshark/assay.lua', @arguments, @options);
	is $status, 0, 'tshark reads it' or diag $err;
	unlike "$out$err", qr/Lua error|lua_script|assay[\w-]*\.lua:\d/i, '... and no Lua breaks';
	return $out;
}

sub rows {
	my ($path, $preferences, @options) = @_;
	my $out = tshark($path, $preferences, '-T', 'fields', '-E', 'occurrence=f', (map { ('-e', $_) } @names), @options);
	return map { my %row; @row{ map { s/^assay\.(token\.)?//r } @names } = split /\t/, $_, -1; \%row } split /\n/, $out;
}

# That rows (of tokens that open) hold what `assay token open` says of the same tokens.
sub agree {
	my ($rows, $keys, $name) = @_;
	for my $row (@$rows) {
		my ($status, $out, $err) = run(assay(), 'token', 'open', '--with-secrets', '--key', "\@$keys", '--kid', $row->{kid}, '--server-name', $name,
			encode_base64(pack('H*', $row->{token}), ''));
		my $told = $status == 0 ? $json->decode($out) : {};
		my %wanted = (opened => $status == 0 ? 1 : 0);
		if ($status == 0) {
			$wanted{$_} = $told->{$_} for qw(form nonce key_length timestamp fraction lifetime);
			$wanted{mac_key} = unpack 'H*', decode_base64($told->{mac_key});
			my $left = $told->{seconds} + $told->{fraction} / 64000 + $told->{lifetime} - $row->{frame_time};
			cmp_ok abs($row->{left} - $left), '<', 0.001 + 1e-13 * abs $left, "frame $row->{'frame.number'}: what is left of it"; # %.15g
		}
		is_deeply { map { $_ => $row->{$_} } keys %wanted }, \%wanted, "frame $row->{'frame.number'} as assay token open has it" or diag $err;
	}
}

# Rows with a token, one of each kind and 40 in all at most, since each costs a process.
sub sample {
	my %seen;
	my @tokens = grep { $_->{token} ne '' } @_;
	$_->{frame_time} = $_->{'frame.time_epoch'} for @tokens;
	return grep { $seen{ join ' ', @$_{qw(kid opened form key_length)}, substr $_->{error}, 0, 12 }++ < 5 } @tokens;
}

subtest 'every vector, in tshark' => sub {
	my ($time, $port, @packets, @lines) = (1_700_000_000, 1000);
	for my $vector (@vectors) {
		push @lines, "$vector->{name}:$vector->{algorithm}:$vector->{key}\n";
		push @packets, datagram($time++, 1, $port, challenge(join '', map { utf8::encode($_); $_ } "$vector->{server_name}")),
			datagram($time++, 0, $port++, request($vector->{name}, decode_base64($vector->{token})));
	}
	my $keys = spill(tmp() . '/keys', join '', "# all of them\r\n\n", @lines);
	my @as = map { ('-d', "udp.port==$_,stun") } 1000 .. $port - 1;
	my @preferences = ('assay.key_file' => $keys, 'assay.show_mac_key' => 'TRUE');
	my %row = map { $_->{kid} => $_ } grep { $_->{kid} ne '' } rows(capture(@packets), \@preferences, @as);
	my %broken = map { $_ => 1 } split /\n/,
		tshark(capture(@packets), \@preferences, @as, '-Y', 'assay.token.malformed', '-T', 'fields', '-e', 'assay.token.kid');
	cmp_ok scalar(@vectors), '>', 90, 'there are vectors';
	for my $vector (@vectors) {
		my $row = $row{ $vector->{name} } or do { fail "$vector->{name} is shown"; next };
		if ($vector->{valid} && !$vector->{error}) {
			my %wanted = (opened => 1, map { $_ => $vector->{$_} } qw(form lifetime timestamp));
			$wanted{$_} = unpack 'H*', decode_base64($vector->{$_}) for qw(mac_key nonce extra);
			$wanted{key_length} = length decode_base64($vector->{mac_key});
			is_deeply { map { $_ => $row->{$_} } keys %wanted }, \%wanted, "$vector->{name} opens" or diag $row->{error};
		}
		else {
			is $row->{opened}, 0, "$vector->{name} does not open";
			is $row->{lifetime}, '', '... and nothing is shown of it';
			is $broken{ $vector->{name} } // 0, $vector->{error} eq 'not-authentic' ? 0 : 1, "... and is $vector->{error}" or diag $row->{error};
		}
	}
};

subtest 'every vector, in Lua 5.4' => sub {
	my $lines = '';
	for my $vector (@vectors) {
		utf8::encode(my $server = $vector->{server_name});
		my $expected = $vector->{valid} && !$vector->{error} ? "$vector->{form} $vector->{lifetime}" : $vector->{error};
		$lines .= join("\t", @$vector{qw(name algorithm key)}, unpack('H*', $server), unpack('H*', decode_base64($vector->{token})), $expected) . "\n";
	}
	my ($status, $out, $err) = run({ input => $lines }, 'lua5.4', '-e', <<'LUA');
local token = dofile "scripts/wireshark/assay-token.lua"
local function octets(hex) return (hex:gsub("..", function(pair) return string.char(tonumber(pair, 16)) end)) end
for line in io.lines() do
  local name, algorithm, key, server, sealed, expected = line:match(("([^\t]*)\t"):rep(5) .. "(.*)")
  local keys, wrong = token.keys("kid:" .. algorithm .. ":" .. key, "vector")
  local opened, kind = token.open(assert(keys.kid, wrong[1]), octets(server), octets(sealed))
  local got = opened and opened.form .. " " .. opened.lifetime or kind
  print(got == expected and "ok" or name .. ": expected " .. expected .. ", got " .. got)
end
LUA
	is $status, 0, 'it runs' or diag $err;
	is_deeply [grep { $_ ne 'ok' } split /\n/, $out], [], 'all as they should be';
	is scalar(() = $out =~ /^ok$/mg), scalar @vectors, 'and none was left out';
};

subtest 'the capture of a run' => sub {
	my $folder = tmp();
	my $keys = spill("$folder/keys", "gcm:A256GCM:" . encode_base64('k' x 32, '') . "\n");
	my ($server, $port) = reference('--key', "\@$keys", '--server-name', 'turn.example.org');
	my ($status, $out, $err) = run({ timeout => 120 }, assay(), 'run', '--server', "127.0.0.1:$port", '--transport', 'udp', '--transport', 'tcp',
		'--key', "\@$keys", '--out', "$folder/out", 'server/token-lifetime', 'server/refused-token');
	ok -s "$folder/out/capture.pcapng", 'there is a capture' or diag $err;
	my @as = ('-d', "udp.port==$port,stun", '-d', "tcp.port==$port,stun");
	my @rows = sample(rows("$folder/out/capture.pcapng", ['assay.key_file' => $keys, 'assay.show_mac_key' => 'TRUE'], @as));
	cmp_ok scalar(grep { $_->{opened} } @rows), '>=', 5, 'some tokens open';
	cmp_ok scalar(grep { !$_->{opened} } @rows), '>=', 3, 'some do not';
	agree([grep { $_->{kid} eq 'gcm' } @rows], $keys, 'turn.example.org');
	my @shown = grep { $_->{mac_key} ne '' } rows("$folder/out/capture.pcapng", ['assay.key_file' => $keys], @as);
	is scalar(grep { $_->{mac_key} =~ /[0-9a-f]{8}/ } @shown), 0, 'without the preference no mac_key is shown';
	cmp_ok scalar(@shown), '>=', 5, '... but that there is one';
};

subtest 'keys and names' => sub {
	my ($vector) = grep { $_->{name} eq 'a256gcm' } @vectors;
	my $token = decode_base64($vector->{token});
	my $path = capture(datagram(1_700_000_000, 0, 3478, request('kid', $token)));
	my $told = sub { my ($row) = rows($path, [@_]); return $row };
	my $good = "kid:A256GCM:$vector->{key}";
	my $opens = $told->('assay.key' => $good, 'assay.server_name' => $vector->{server_name});
	is $opens->{opened}, 1, 'a key and a name by preference';
	is $opens->{lifetime}, 3600, '... open it';
	is $opens->{timestamp}, $vector->{timestamp}, '... to its fields';
	like $opens->{issued}, qr/^Nov 14, 2023 \d\d:\d\d:\d\d\.000000000 UTC/, '... with the time of its issue' or diag $opens->{issued};
	my $wrong = encode_base64('x' x 32, '');
	for my $case (
		['no key', qr/no keys: set the preference/],
		['no name', qr/the server name is not known/, 'assay.key' => $good],
		['another kid', qr/there is no key of that kid/, 'assay.key' => "other:A256GCM:$vector->{key}", 'assay.server_name' => 'x'],
		['another key', qr/the tag does not fit: another key/, 'assay.key' => "kid:A256GCM:$wrong", 'assay.server_name' => $vector->{server_name}],
		['another name', qr/the tag does not fit: .*another server name/, 'assay.key' => $good, 'assay.server_name' => 'x'],
		['a short key', qr/line 1: A256GCM takes keys of 32 octets, this has 24/, 'assay.key' => 'kid:A256GCM:' . encode_base64('x' x 24, '')],
		['no base64', qr/line 1: the key is no base64/, 'assay.key' => "kid:A256GCM:$wrong!"],
		['no algorithm', qr/line 1: unknown algorithm/, 'assay.key' => "kid:A512GCM:$wrong"],
		['no such file', qr/cannot be read: .*No such file/, 'assay.key_file' => '/nowhere/keys'],
	) {
		my ($name, $says, @preferences) = @$case;
		my $row = $told->(@preferences);
		like $row->{error}, $says, "$name: said";
		unlike $row->{error}, qr/\Q$wrong\E|\Q$vector->{key}\E/, '... and no key is quoted';
		is "$row->{opened}$row->{lifetime}", '0', '... and nothing opened';
		is $row->{nonce}, unpack('H*', substr $token, 2, 12), '... but what is in the open is shown';
	}
};

subtest 'hostile tokens' => sub {
	my %key = (gcm => 'A256GCM:' . encode_base64('g' x 32, ''), small => 'A128CBC-HS256:' . encode_base64('s' x 32, ''),
		large => 'A256CBC-HS512:' . encode_base64('l' x 64, ''));
	my $keys = spill(tmp() . '/keys', join '', map { "$_:$key{$_}\n" } sort keys %key);
	my $seal = sub {
		my ($kid, @options) = @_;
		my ($status, $out) = run(assay(), 'token', 'seal', '--key', "$kid:$key{$kid}", '--server-name', 'turn', @options);
		return decode_base64($json->decode($out)->{token});
	};
	srand 7635;
	my @tokens;
	for my $kid (sort keys %key) {
		my $good = $seal->($kid);
		for my $length (0 .. length($good) + 20) {
			my $random = join '', map { chr int rand 256 } 1 .. $length;
			push @tokens, [$kid, substr $good . $random, 0, $length], [$kid, $random], [$kid, $length < 2 ? '' : pack('n', $length % 20) . substr $random, 2];
		}
		push @tokens, [$kid, $seal->($kid, @$_)] for
			['--timestamp', '18446744073709551615', '--lifetime', '4294967295'], ['--timestamp', '0', '--lifetime', '0'], ['--key-length', '65535'],
			['--mac-key', encode_base64('m' x 4000, '')], ['--extra', '00' x 3000], ['--key-length', '19'], ['--timestamp', '9223372036854775807'];
	}
	my @messages = (challenge('turn'), challenge(''), challenge("\xff\0\n" x 200), (map { request(@$_) } @tokens), request(undef, $tokens[90][1]),
		request("\xff\0\xfe", $tokens[90][1]), request('', $tokens[90][1]), message(0x0003, map { attribute(0x001b, $_->[1]) } @tokens[60 .. 80]));
	my $whole = request('gcm', $seal->('gcm'));
	push @messages, map { substr $whole, 0, $_ } 20 .. length $whole; # datagrams that end early
	push @messages, map { my $cut = $whole; substr($cut, 2, 2) = pack 'n', $_; $cut } 0, 4, 8, 12, 16, 60, 1000, 65532;
	push @messages, map { my $cut = $whole; substr($cut, 34, 2) = pack 'n', $_; $cut } 0 .. 3, 63, 65, 65535; # the token's own length
	my $time = 1_700_000_000;
	my $path = capture(map { datagram($time++, 0, 3478, $_) } $messages[0], @messages);
	my @preferences = ('assay.key_file' => $keys, 'assay.server_name' => 'turn', 'assay.show_mac_key' => 'TRUE');
	my @rows = rows($path, \@preferences);
	is scalar(@rows), @messages + 1, 'every frame is there';
	my @opened = grep { $_->{opened} eq '1' } @rows;
	cmp_ok scalar(@opened), '>', 15, 'those that are whole open';
	my ($last) = grep { $_->{timestamp} eq '18446744073709551615' } @opened;
	is $last->{fraction}, 65535, 'the largest timestamp';
	my $text = tshark($path, \@preferences, '-V');
	unlike $text, qr/Dissector bug|Malformed Packet: assay/, 'nor does it say so itself';
	cmp_ok scalar(() = $text =~ /^ +ACCESS-TOKEN, \d+ octets/mg), '>', @tokens, 'and every token is shown';
	my @sample = sample(map { $_->{kid} =~ /^(gcm|small|large)$/ ? $_ : () } @rows);
	agree(\@sample, $keys, 'turn');
};

subtest 'coturn and uclient' => sub {
	plan skip_all => 'coturn is not installed' if !grep { -x "$_/turnserver" } split /:/, $ENV{PATH};
	my $as = $> ? '--user --map-current-user --keep-caps' : '';
	plan skip_all => 'no namespaces may be made here' if system("unshare $as --net --pid --fork true 2>/dev/null") != 0;
	my $folder = tmp();
	my ($status, $out, $err) = run({ timeout => 120 }, 'scripts/captures/make.sh', 'small', $folder);
	is $status, 0, 'a capture is made' or diag $err;
	my %about = map { /^(\w+)=(.*)$/ } split /\n/, slurp("$folder/small.info");
	cmp_ok $about{packets}, '>=', 400, 'of some hundred packets';
	is_deeply [glob "$folder/.small*"], [], 'and nothing else is left';
	my $made = (stat "$folder/small.pcap")[9];
	($status) = run('scripts/captures/make.sh', 'small', $folder);
	is "$status " . (stat "$folder/small.pcap")[9], "0 $made", 'what is there is not made again';

	my @tokens = grep { $_->{token} ne '' } rows("$folder/small.pcap", ['assay.key_file' => "$folder/small.keys", 'assay.show_mac_key' => 'TRUE']);
	cmp_ok scalar(@tokens), '>=', 40, 'it holds tokens';
	is scalar(grep { !$_->{opened} } @tokens), 0, 'all of which open';
	agree([sample(@tokens)], "$folder/small.keys", $about{server_name});
	my ($named) = grep { $_->{server_name} ne '' } rows("$folder/small.pcap", []);
	is $named->{server_name}, $about{server_name}, 'the server name is shown';
	my $wrong = spill("$folder/wrong", join '', map { "$_:A256GCM:" . encode_base64('x' x 32, '') . "\n" } qw(north union oldempire));
	my @refused = grep { $_->{token} ne '' } rows("$folder/small.pcap", ['assay.key_file' => $wrong]);
	is scalar(grep { $_->{error} !~ /another key/ || $_->{lifetime} ne '' } @refused), 0, 'and wrong keys are told';
};

done_testing;
