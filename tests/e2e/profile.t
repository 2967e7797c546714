#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# What a wrong profile or command line gets: status 2, nothing on stdout, and one line on stderr that names the file or
# the option, the field, and what was expected. The line never shows a key or a password.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use helper;
use IO::Socket::IP;
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use Test::More;

my $folder  = tmp();
my $secret  = encode_base64('the key that nobody may ever see', '');    # 32 octets: right for A256GCM
my $short   = encode_base64('only 31 octets, of which no one', '');
my %nothing = (ASSAY_KEYS => undef, ASSAY_USERS => undef);

# Each secret, and each of its halves: half a key in a message is too much too.
sub is_silent_about {
	my ($text, $name) = @_;
	my @parts = map { ($_, substr($_, 0, 20), substr($_, -20)) } $secret, $short;
	push @parts, 'open sesame', 'the key that', 'only 31 octets';
	my @told = grep { index($text, $_) >= 0 } @parts;
	is "@told", '', "$name: no secret is told";
}

# The command is refused with one line that matches all the patterns.
sub refused {
	my ($name, $arguments, $patterns, $env) = @_;
	my ($status, $out, $err) = run({ timeout => 20, env => { %nothing, %{ $env || {} } } }, assay(), 'run', @$arguments);
	is $status, 2, "$name: status 2";
	is $out, '', "$name: nothing on stdout";
	like $err, qr/\A[^\n]+\n\z/, "$name: one line on stderr";
	like $err, $_, "$name: it names $_" for @$patterns;
	is_silent_about($err, $name);
}

# A profile, and the fields of a usable one without keys and launch.
sub profile {
	my ($name, $text) = @_;
	return spill("$folder/$name.lua", $text);
}

sub fields {
	my (@more) = @_;
	return 'return { ' . join(', ', 'address = "127.0.0.1"', 'ports = { udp = 9 }', @more) . " }\n";
}

sub key { return sprintf '{ kid = "north", algorithm = "%s", key = "%s" }', @_ }

# Files that are no profile.
my $absent = "$folder/absent.lua";
refused('a missing profile', ['--target', $absent], [qr/\Q$absent\E/, qr/No such file/]);
refused('a folder', ['--target', $folder], [qr/\Q$folder\E/, qr/directory/]);
for my $case (
	['not Lua',            "client = {\n",                          qr/:2: /],
	['not text',           "\x1bLua\x54\x00\x19\x93",               qr/source text is expected/],
	['an unfinished text', "return { keys = {\n\"$secret\n } }",    qr/:2: unfinished string/],
	['no table',           'return "north"',                        qr/returns one table, this returns string/],
	['nothing',            '',                                      qr/returns one table, this returns nil/],
	['a bare word',        "return { keys = {\n" . $secret =~ s/=//r . ' } }', qr/:2: .*texts in quotes/],
	['a call',             "return {\nname = os.getenv 'HOME' }",   qr/:2: /],
	['an error',           "local x = ('$secret') + {}",            qr/:1: /],
) {
	my ($name, $text, $pattern) = @$case;
	my $path = profile('file', $text);
	refused($name, ['--target', $path], [qr/\Q$path\E/, $pattern]);
}

# Fields.
my $good = 'keys = { ' . key('A256GCM', $secret) . ' }';
for my $case (
	['an unknown field',             ["sever_name = 'x'", $good],                   qr/'sever_name' is not known, is 'server_name' meant\?/],
	['an unknown field in ports',    ['ports = { udp = 9, sctp = 9 }', $good],      qr/'ports\.sctp' is not known, is 'tcp' meant\?/],
	['an unknown field in a key',    ["keys = { { kid = 'a', alg = 'A256GCM', key = '$secret' } }"],
		qr/'keys\[1\]\.alg' is not known/],
	['an unknown field in a user',   ["users = { { name = 'a', pass = 'open sesame' } }", $good],
		qr/'users\[1\]\.pass' is not known/],
	['an unknown field in launch',   ["launch = { command = 'x', timeout = 2 }", $good], qr/'launch\.timeout' is not known/],
	['a name that is no text',       ['name = 3', $good],                           qr/'name': a text in quotes is expected, this is 3/],
	['an address that is no text',   ['address = {}', $good],                       qr/'address': a text/],
	['a role that nobody knows',     ["role = 'relay'", $good],                     qr/'role': one of "server"/],
	['ports that are a number',      ['ports = 3478', $good],                       qr/'ports': a table of ports like/],
	['a port that is a text',        ["ports = { udp = '3478' }", $good],           qr/'ports\.udp': a port number \(1 to 65535\)/],
	['port 0',                       ['ports = { udp = 0 }', $good],                qr/'ports\.udp': a port number/],
	['port 65536',                   ['ports = { tcp = 65536 }', $good],            qr/'ports\.tcp': a port number/],
	['port 34.5',                    ['ports = { tcp = 34.5 }', $good],             qr/'ports\.tcp': a port number/],
	['no port for a transport',      ["transports = { 'udp', 'tcp' }", $good],      qr/'ports\.tcp' is missing/],
	['an unknown transport',         ["transports = { 'sctp' }", $good],            qr/'transports\[1\]': one of "udp", "tcp", "tls", "dtls"/],
	['transports by name',           ["transports = { first = 'udp' }", $good],     qr/'transports': a list/],
	['a transport twice',            ["transports = { 'udp', 'udp' }", $good], qr/'transports\[2\]': udp is named twice/],
	['no transport at all',          ['transports = {}', $good],                    qr/'transports': at least one/],
	['third_party as a text',        ["third_party = 'yes'", $good],                qr/'third_party': true or false/],
	['may_harm as a number',         ['may_harm = 1', $good],                       qr/'may_harm': true or false/],
	['max_rate 0',                   ['max_rate = 0', $good],                       qr/'max_rate': requests a second/],
	['max_lifetime in words',        ['max_lifetime = "an hour"', $good],           qr/'max_lifetime': a number of seconds/],
	['hash_functions MD5',           ['hash_functions = { "MD5" }', $good],         qr/'hash_functions\[1\]': one of "SHA-1", "SHA-256"/],
	['max_allocations 1.5',          ['max_allocations = 1.5', $good],              qr/'max_allocations': a whole number/],
	['clock_offset as a text',       ["clock_offset = '2'", $good],                 qr/'clock_offset': seconds/],
	['a peer without a port',        ["peer = '192.0.2.1'", $good],                 qr/'peer': a table like/],
	['an unknown integrity key',     ["integrity_key = 'half'", $good],             qr/'integrity_key': one of "full", "first16"/],
	['launch as a text',             ["launch = 'turnserver'", $good],              qr/'launch': a table/],
	['launch without a command',     ['launch = {}', $good],                        qr/'launch\.command' is missing/],
	['a command with a number',      ["launch = { command = { 'a', 1 } }", $good],  qr/'launch\.command': a list of words/],
	['an environment of numbers',    ["launch = { command = 'a', environment = { A = 1 } }", $good], qr/'launch\.environment'/],
	# Secrets, in their place and out of it.
	['no keys',                      [],                                            qr/'keys' is missing: .*third_party = false/],
	['an empty list of keys',        ['keys = {}'],                                 qr/'keys' is missing/],
	['keys as a text',               ["keys = '$secret'"],                          qr/'keys': a list of tables .*this is a string/],
	['keys by name',                 ["keys = { north = '$secret' }"],              qr/'keys': a list of tables/],
	['a key as one text',            ["keys = { 'north:A256GCM:$secret' }"],        qr/'keys\[1\]': a table/],
	['a key without kid',            ["keys = { { algorithm = 'A256GCM', key = '$secret' } }"], qr/'keys\[1\]\.kid' is missing/],
	['a key without algorithm',      ["keys = { { kid = 'a', key = '$secret' } }"], qr/'keys\[1\]\.algorithm' is missing/],
	['a key without key',            ["keys = { { kid = 'a', algorithm = 'A256GCM' } }"], qr/'keys\[1\]\.key' is missing/],
	['the second key without kid',   ['keys = { ' . key('A256GCM', $secret) . ", { algorithm = 'A256GCM', key = '$secret' } }"],
		qr/'keys\[2\]\.kid' is missing/],
	['an empty kid',                 ["keys = { { kid = '', algorithm = 'A256GCM', key = '$secret' } }"], qr/'keys\[1\]\.kid': 1 to 508 octets/],
	['a kid of 509 octets',          ["keys = { { kid = '" . 'k' x 509 . "', algorithm = 'A256GCM', key = '$secret' } }"],
		qr/'keys\[1\]\.kid': 1 to 508 octets .* 509/],
	['a key of 31 octets',           ['keys = { ' . key('A256GCM', $short) . ' }'], qr/'keys\[1\]\.key': A256GCM takes a key of 32 octets.* 31/],
	['a key of 32 octets for A128GCM', ['keys = { ' . key('A128GCM', $secret) . ' }'], qr/'keys\[1\]\.key': A128GCM takes a key of 16 octets.* 32/],
	['an unknown algorithm',         ['keys = { ' . key('A257GCM', $secret) . ' }'], qr/'keys\[1\]\.algorithm': unknown.*expected A256GCM/],
	['an algorithm in small letters', ['keys = { ' . key('a256gcm', $secret) . ' }'], qr/'keys\[1\]\.algorithm'/],
	['a key with a bad character',   ['keys = { ' . key('A256GCM', $secret =~ s/^(.{30})./$1!/r) . ' }'],
		qr/'keys\[1\]\.key': base64 .* is expected, .*character 31/],
	['a key without its padding',    ['keys = { ' . key('A256GCM', $secret =~ s/=+$//r) . ' }'], qr/'keys\[1\]\.key': base64/],
	['a key with a space',           ['keys = { ' . key('A256GCM', " $secret") . ' }'], qr/'keys\[1\]\.key': base64 .*character 1\b/],
	['a key that is a number',       ["keys = { { kid = 'a', algorithm = 'A256GCM', key = 42 } }"], qr/'keys\[1\]\.key': a text in quotes/],
	['users as texts',               ["users = { 'guest:open sesame' }", $good],    qr/'users\[1\]': a table/],
	['a user without password',      ["users = { { name = 'guest' } }", $good],     qr/'users\[1\]\.password' is missing/],
) {
	my ($name, $more, $pattern) = @$case;
	my $path = profile('fields', fields(@$more));
	refused($name, ['--target', $path], [qr/^assay: \Q$path\E: field/, $pattern]);
}
my $path = profile('lost', "return { keys = { @{[key('A256GCM', $secret)]} }, ports = { udp = 9 } }");
refused('no address', ['--target', $path], [qr/'address' is missing: a host name/]);
$path = profile('lost', "return { keys = { @{[key('A256GCM', $secret)]} }, address = '127.0.0.1' }");
refused('no ports', ['--target', $path], [qr/'ports' is missing: a table of ports/]);

# Keys, users and addresses on the command line.
my @server = ('--server', '127.0.0.1:9');
my $lines  = spill("$folder/keys", "# long-term keys\n\nnorth:A256GCM:$short\n");
for my $case (
	['a key of two parts',          [@server, '--key', $secret],                     qr/--key: number 1: KID:ALG:BASE64 is expected/],
	['a second key of two parts',   [@server, '--key', "a:A256GCM:$secret", '--key', "b:$secret"], qr/--key: number 2: KID:ALG/],
	['a short key',                 [@server, '--key', "north:A256GCM:$short"],      qr/'keys\[1\]\.key': A256GCM takes a key of 32/],
	['a short key behind =',        [@server, "--key=north:A256GCM:$short"],         qr/'keys\[1\]\.key': A256GCM takes a key of 32/],
	['a short key in a file',       [@server, '--key', "\@$lines"],                  qr/'keys\[1\]\.key': A256GCM takes a key of 32/],
	['a key file that is missing',  [@server, '--key', "\@$absent"],                 qr/--key: .*\Q$absent\E.*No such file/],
	['an unknown algorithm',        [@server, '--key', "north:A1GCM:$secret"],       qr/'keys\[1\]\.algorithm': unknown/],
	['no key',                      [@server],                                       qr/'keys' is missing/],
	['a user without password',     [@server, '--no-third-party', '--user', 'guest'], qr/--user: number 1: NAME:PASSWORD/],
	['a user file that is missing', [@server, '--user', "\@$absent"],                qr/--user: .*\Q$absent\E/],
	['an unknown transport',        [@server, '--key', "a:A256GCM:$secret", '--transport', 'sctp'],
		qr{--transport: one of "udp", "tcp", "tls", "dtls", .* is expected, this is "sctp"}],
	['an unknown transport of the reference', ['--transport', 'sctp'],               qr{--transport: one of "udp", "tcp", "tls", "dtls", .* is expected}],
	['a key without a target',      ['--key', "a:A256GCM:$secret"],                  qr/--key describes a target, and none is named/],
	['a realm without a target',    ['--realm', 'example.org'],                      qr/--realm describes a target/],
	['--target with --server',      ['--target', $absent, @server],                  qr/--target names a profile.*--server/],
	['--target with --launch',      ['--target', $absent, '--launch', 'true'],       qr/--target names a profile.*--launch/],
	['--target with --transport',   ['--target', $absent, '--transport', 'tcp'],     qr/--target names a profile.*--transport/],
	['--target with --no-third-party', ['--target', $absent, '--no-third-party'],    qr/--target names a profile.*--no-third-party/],
	['--fault with --target',       ['--target', $absent, '--fault', 'omit-nonce'],  qr/--fault breaks the embedded reference/],
	['--fault with --server',       [@server, '--fault', 'omit-nonce'],              qr/--fault breaks the embedded reference/],
	['--fault with --launch',       ['--launch', 'true', '--fault', 'omit-nonce'],   qr/--fault breaks the embedded reference/],
	['an unknown fault',            ['--fault', 'omit-nonse'],                       qr/--fault: there is no fault 'omit-nonse'; near it: omit-nonce/],
	['a second, unknown fault',     ['--fault', 'omit-nonce', '--fault', 'zz'],      qr/--fault: there is no fault 'zz'/],
	['an unknown suite',            ['clients'],                                     qr/no suite, file or scenario 'clients'/],
	['an unknown file',             ['server/chalenge'],                             qr/no suite, file or scenario 'server\/chalenge'/],
	['an unknown scenario',         ['server/challenge/nuance'],                     qr/no suite, file or scenario 'server\/challenge\/nuance'/],
	['a known and an unknown one',  ['server/challenge', 'nowhere'],                 qr/no suite, file or scenario 'nowhere'/],
	['a suite of no name',          [''],                                            qr/no suite, file or scenario ''/],
	['a suite over two lines',      ["server\nclient"],                              qr/no suite, file or scenario 'server.client'/],
	['a filter without a match',    ['--filter', 'challange'],                       qr/no scenario matches the filter challange/],
	['a requirement nobody judges', ['--filter', '7635-99-99'],                      qr/no scenario matches the filter 7635-99-99/],
	['a filter outside its suite',  ['--filter', 'refresh', 'server/challenge'],     qr/no scenario matches the filter refresh/],
	['an unknown option',           ['--taget', 'x'],                                qr/unknown option --taget; usage: assay run/],
	['an unknown short option',     ['-t', 'x'],                                     qr/unknown option -t/],
	['a value that is missing',     ['--target'],                                    qr/a value is missing behind --target/],
	['a value for a flag',          ['--strict=yes'],                                qr/takes no value: --strict/],
	['an unknown form',             ['--format', 'xml'],                             qr/--format is pretty, tap, tap14 or json, not 'xml'/],
	['no jobs',                     ['--jobs', '0'],                                 qr/whole number from 1 on .* --jobs/],
	['half a job',                  ['--jobs', '1.5'],                               qr/whole number from 1 on .* --jobs/],
	['an RTO that is a word',       ['--rto', 'fast'],                               qr/a number from 0 on .* --rto/],
	['an RTO of 0',                 ['--rto', '0'],                                  qr/--rto is a number of seconds from 0.001/],
	['an RTO of an hour',           ['--rto', '3600'],                               qr/--rto is a number of seconds from 0.001 to 60/],
	['a hundred transmissions',     ['--rc', '100'],                                 qr/--rc is a whole number from 1 to 32/],
	['no last wait',                ['--rm', '0'],                                   qr/--rm is a number from/],
) {
	my ($name, $arguments, $pattern) = @$case;
	refused($name, $arguments, [$pattern]);
}
refused('a short key in ASSAY_KEYS', [@server], [qr/'keys\[1\]\.key': A256GCM takes a key of 32/], { ASSAY_KEYS => "north:A256GCM:$short\n" });
refused('a key of two parts in ASSAY_KEYS', [@server], [qr/--key: number 2: KID:ALG:BASE64/],
	{ ASSAY_KEYS => "north:A256GCM:$secret\r\nsouth:$secret\r\n" });
refused('a user without password in ASSAY_USERS', [@server, '--no-third-party'], [qr/--user: number 1/], { ASSAY_USERS => 'open sesame' });
refused("--server $_", ['--server', $_, '--key', "a:A256GCM:$secret"],
	[qr/--server: HOST:PORT is expected \(an IPv6 address in brackets, a port up to 65535\)/])
	for '127.0.0.1', '127.0.0.1:', ':3478', '127.0.0.1:0', '127.0.0.1:65536', '127.0.0.1:http', '::1:3478', '[::1]', '[::1]3478',
	'[]:3478', '', '1:2:3';

# What is right is taken: a reference that shares the keys, in each form of giving them, answers as it should.
sub reference {
	my ($address, @options) = @_;
	my $served = start({ env => { %nothing, ASSAY_KEYS => "north:A256GCM:$secret\nso:uth:A256GCM:$secret" } },
		assay(), 'serve', '--address', $address, '--server-name', 'turn', '--realm', 'here', @options);
	$served->wait_for(qr/udp and tcp on \S+:(\d+)/) or BAIL_OUT('no reference: ' . $served->err);
	return ($served, $served->out =~ /udp and tcp on \S+:(\d+)/);
}

sub taken {
	my ($name, $env, @arguments) = @_;
	my ($status, $out, $err) = run({ timeout => 30, env => { %nothing, %$env } }, assay(), 'run', '--no-capture', '--format', 'json',
		'--server-name', 'turn', @arguments, 'server/accepted-token/a256gcm');
	is $status, 0, "$name: status 0" or diag $err, $out;
	my ($run) = json_lines($out);
	unlike "$out$err", qr/\Q$secret\E/, "$name: the key is not told";
	return $run;
}

my ($served, $port) = reference('127.0.0.1');
my $target = "127.0.0.1:$port";
my $all    = spill("$folder/all", "# two of them\r\n\r\n  north:A256GCM:$secret\r\nso:uth:A256GCM:$secret");
taken('--key', {}, '--server', $target, '--key', "north:A256GCM:$secret");
taken('--key=', {}, "--server=$target", "--key=north:A256GCM:$secret");
taken('--key twice', {}, '--server', $target, '--key', "so:uth:A256GCM:$secret", '--key', "north:A256GCM:$secret");
taken('a kid with a colon', {}, '--server', $target, '--key', "so:uth:A256GCM:$secret");
taken('--key @FILE', {}, '--server', $target, '--key', "\@$all");
taken('ASSAY_KEYS', { ASSAY_KEYS => "north:A256GCM:$secret" }, '--server', $target);
taken('a name', {}, '--server', "localhost:$port", '--key', "north:A256GCM:$secret")
	if first_is_ipv4('localhost');
my $run = taken('TCP', {}, '--server', $target, '--transport', 'tcp', '--key', "north:A256GCM:$secret");
is_deeply $run->{target}{addresses}, ["tcp $target"], 'TCP: the address is told with its transport';

# A profile may leave its secrets to the command line and the environment.
my $mine = "address = '127.0.0.1', ports = { udp = $port }, server_name = 'turn'";
sub left_out {
	my ($name, $fields, $env, @arguments) = @_;
	my $file = profile($name =~ tr/ /-/r, "return { $mine, $fields }");
	my ($status, $out, $err) = run({ timeout => 30, env => { %nothing, %$env } }, assay(), 'run', '--no-capture', '--format', 'json',
		'--target', $file, @arguments, 'server/accepted-token/a256gcm');
	is $status, 0, "$name: status 0" or diag $err, $out;
	unlike "$out$err", qr/\Q$secret\E/, "$name: the key is not told";
}
my $kid = "keys = { { kid = 'north', algorithm = 'A256GCM' } }";
left_out('no key in the profile but behind --key', $kid, {}, '--key', "north:A256GCM:$secret");
left_out('no key in the profile but in a file with others', $kid, {}, '--key', "\@$all");
left_out('no key in the profile but in ASSAY_KEYS', $kid, { ASSAY_KEYS => "east:A256GCM:$secret\nnorth:A256GCM:$secret" });
left_out('no keys in the profile', '', {}, '--key', "north:A256GCM:$secret");
left_out('no password in the profile', "$kid, users = { { name = 'guest' } }", { ASSAY_USERS => "x:y\nguest:open" }, '--key', "\@$all");

my $without = profile('without', "return { $mine, $kid, users = { { name = 'guest' } } }");
for my $case (
	['a kid that the profile has not', ['--key', "north:A256GCM:$secret", '--key', "west:A256GCM:$secret"],
		qr/--key: number 2: the profile has no such kid that lacks its key/],
	['another algorithm than in the profile', ['--key', "north:A192GCM:$secret"], qr/--key: number 1: its algorithm is not the one/],
	['a key of another kid', [], qr/'keys\[1\]\.key' is missing: base64 here, or a line .*ASSAY_KEYS/, { ASSAY_KEYS => "west:A256GCM:$secret" }],
	['a short key for a profile', ['--key', "north:A256GCM:$short"], qr/'keys\[1\]\.key': A256GCM takes a key of 32/],
	['a password that is missing', ['--key', "north:A256GCM:$secret"], qr/'users\[1\]\.password' is missing: a text in quotes here, or a line/],
	['a user that the profile has not', ['--key', "north:A256GCM:$secret", '--user', 'gast:offen'],
		qr/--user: number 1: the profile has no such name that lacks its password/],
) {
	my ($name, $arguments, $pattern, $env) = @$case;
	refused($name, ['--target', $without, @$arguments], [$pattern], $env || {});
}

$path = profile('right', "return { name = 'mine', address = '127.0.0.1', ports = { udp = $port, tcp = $port },\n"
	. "-- the order of transports is the profile's\ntransports = { 'tcp', 'udp' }, keys = { @{[key('A256GCM', $secret)]} } }\n");
my ($status, $out, $err) = run({ env => \%nothing }, assay(), 'run', '--no-capture', '--format', 'json', '--target', $path, 'server/challenge/nonce');
is $status, 0, 'a right profile: status 0' or diag $err;
my ($said, @results) = json_lines($out);
is $said->{target}{name}, 'mine', 'its name is told';
is_deeply $said->{target}{transports}, ['tcp', 'udp'], 'its transports, in its order';
is_deeply [map { $_->{transport} } grep { $_->{type} eq 'scenario' && $_->{id} !~ m{^invariants/} } @results], ['tcp'], 'the first carries what is shown once';
$served->stop;

if (IO::Socket::IP->new(LocalHost => '::1', LocalPort => 0, Proto => 'udp')) {
	my ($six, $port_six) = reference('::1');
	$run = taken('IPv6', {}, '--server', "[::1]:$port_six", '--key', "north:A256GCM:$secret");
	is_deeply $run->{target}{addresses}, ["udp [::1]:$port_six"], 'IPv6: the address is told in brackets';
	$six->stop;
} else {
	note 'there is no IPv6 on loopback here';
}

# The first address that the name has must be the one that the reference listens on.
sub first_is_ipv4 {
	my ($name) = @_;
	require Socket;
	my ($problem, @found) = Socket::getaddrinfo($name, 9, { socktype => Socket::SOCK_DGRAM() });
	return !$problem && @found && $found[0]{family} == Socket::AF_INET();
}

done_testing;
