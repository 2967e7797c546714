#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# assay probe: what it finds of the reference, of the reference made different in one way, of coturn, and of a server
# that sends anything; that the profile it writes is one, drives a run, and holds no secret; and its exit statuses.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use fixture;
use helper;
use IO::Socket::INET;
use MIME::Base64 qw(encode_base64);
use Test::More;
use Time::HiRes qw(time sleep);

my %secret = map { $_ => encode_base64(substr("assay: the long-term key of $_, it is long", 0, 32), '') } qw(north south stranger);
my $password = 'touchstone, and what it rubs';
my $lines = join '', map { "$_:A256GCM:$secret{$_}\n" } qw(north south);
my %nothing = (ASSAY_KEYS => undef, ASSAY_USERS => undef);
my $folder = tmp();
my $keys = spill("$folder/keys", $lines . "stranger:A256GCM:$secret{stranger}\n");
my $users = spill("$folder/users", "assayer:$password\n");
my @credentials = ('--key', "\@$keys", '--user', "\@$users");
my @plain = ('--transport', 'udp', '--transport', 'tcp');
my @fast = ('--max-rate', 1000);
my $number = 0;

my $reader = spill("$folder/reader.lua", <<'LUA');
local function show(value, path)
  if type(value) == "table" then
    for name, one in pairs(value) do show(one, path == "" and tostring(name) or path .. "." .. tostring(name)) end
  else
    print((path .. "=" .. tostring(value)):gsub(".", function(c) return ("%02x"):format(c:byte()) end) .. "")
  end
end
show(assert(loadfile(arg[1], "t", {}))(), "")
LUA

# assay probe with a file for the profile. Returns { status, out, err, file, text, seconds }, and `fields`, what the
# profile says as Lua reads it: texts, numbers and booleans by their path.
sub probe {
	my ($port, @arguments) = @_;
	my $file = "$folder/" . ++$number . '.lua';
	my $began = time;
	my ($status, $out, $err) = run({ timeout => 120, env => \%nothing }, assay(), 'probe', '--server', "127.0.0.1:$port",
		'--out', $file, @arguments);
	my $text = -e $file ? slurp($file) : '';
	return { status => $status, out => $out, err => $err, file => $file, text => $text, seconds => time - $began,
		fields => fields($file) };
}

sub fields {
	my ($file) = @_;
	return {} if !-e $file;
	my ($status, $out, $err) = run('lua5.4', $reader, $file);
	is $status, 0, 'the profile is Lua' or diag $err, slurp($file);
	return { map { my $line = pack 'H*', $_ =~ s/\s.*//r; $line =~ /\A([^=]+)=(.*)\z/s } split /\n/, $out };
}

sub serve { return reference({ ASSAY_KEYS => $lines, ASSAY_USERS => "assayer:$password" }, @_) }

# A probe of a reference that is made different.
sub probe_of {
	my ($name, $options, @arguments) = @_;
	my ($server, $port) = serve(@$options);
	my $probed = probe($port, @plain, @fast, @arguments);
	$server->stop;
	is $probed->{status}, 0, "$name: status 0" or diag $probed->{err};
	like $probed->{err}, qr/all of them put down/, "$name: no allocation is left";
	return $probed;
}

sub is_about {
	my ($got, $expected, $tolerance, $name) = @_;
	ok defined $got && abs($got - $expected) <= $tolerance, $name or diag 'it is ' . ($got // 'not there');
}

subtest 'the reference' => sub {
	my ($server, $port) = serve();
	my $probed = probe($port, '--max-rate', 40, @credentials);
	is $probed->{status}, 0, 'status 0' or diag $probed->{err};
	is $probed->{out}, '', 'with --out nothing is on stdout';
	my %f = %{ $probed->{fields} };
	my %expected = (
		name => "127.0.0.1:$port", role => 'server', address => '127.0.0.1', 'ports.udp' => $port, 'ports.tcp' => $port,
		'transports.1' => 'udp', 'transports.2' => 'tcp', third_party => 'true', realm => 'example.org',
		server_name => 'Stun1@reference.example.org', authenticates_binding => 'false', rfc8489 => 'true',
		'keys.1.kid' => 'north', 'keys.1.algorithm' => 'A256GCM', 'keys.2.kid' => 'south', 'keys.2.algorithm' => 'A256GCM',
		'users.1.name' => 'assayer', integrity_key => 'full', clock_offset => 0, delta => 5, direct_path => 'true',
		max_rate => 40, max_allocations => 4, max_lifetime => 3600, 'hash_functions.1' => 'SHA-1', 'hash_functions.2' => 'SHA-256',
	);
	is_deeply \%f, \%expected, 'the fields, and no others';
	for my $remark (qr/the key "stranger" \(A256GCM\) was refused: .*401/, qr/SOFTWARE "assay reference"/,
		qr/ports\.tls: on port \d+ TLS handshake/, qr/ports\.dtls: on port \d+ nothing was agreed on/,
		qr/nonce_lifetime = SECONDS, -- to fill in: not below [1-9]/, qr/none was asked for: 600; where 4294967295 was: 3600/,
		qr/32 octets under HMAC-SHA1, whole: Allocate success/, qr/as its SHA-1: Allocate success/, qr/cut to 16 octets: .*401/,
		qr/MESSAGE-INTEGRITY-SHA256 instead of MESSAGE-INTEGRITY: Allocate success/, qr/ADDRESS-FAMILY IPv4: Allocate success/,
		qr/ADDRESS-FAMILY IPv6: .*440/, qr/REQUESTED-TRANSPORT TCP .* over tcp: .*442/, qr/EVEN-PORT: Allocate success/,
		qr/DONT-FRAGMENT: .*420/, qr/over udp: none too large, 65504 octets/, qr/over tcp: none too large, 65552 octets/,
		qr/attributes of Allocate successes: .*XOR-RELAYED-ADDRESS/) {
		like $probed->{text} =~ s/\n  --   / /gr, $remark, "it is remarked: $remark";
	}
	unlike "$probed->{text}$probed->{err}", qr/\Q$_\E/, 'no secret is told' for values %secret, $password;
	my ($messages, $made) = $probed->{err} =~ /(\d+) messages sent .*; (\d+) allocations made, all of them put down/;
	cmp_ok $messages, '<', 250, 'few messages';
	cmp_ok $made, '<', 60, 'few allocations';
	# Those to a transport that does not answer do not count, nor does what may be sent at the start without waiting.
	cmp_ok $probed->{seconds}, '>', ($messages - 5) / 40, 'no more messages a second than allowed';
	is join("\n", grep { length > 120 && !/assay run --target/ } split /\n/, $probed->{text}), '', 'no line is too long';

	my @selection = ('server/challenge', 'server/accepted-token', 'server/key-selection', 'server/session-key');
	my ($status, $tap, $err) = run({ timeout => 120, env => \%nothing }, assay(), 'run', '--target', $probed->{file}, @credentials,
		'--format', 'tap', @selection);
	is $status, 0, 'the profile drives a run' or diag $tap, $err;
	($status, $tap, $err) = run({ timeout => 120, env => { %nothing, ASSAY_KEYS => $lines, ASSAY_USERS => "assayer:$password" } },
		assay(), 'run', '--target', $probed->{file}, '--format', 'tap', 'server/challenge');
	is $status, 0, 'also with the secrets in the environment' or diag $err;
	($status, undef, $err) = run({ env => \%nothing }, assay(), 'run', '--target', $probed->{file}, 'server/challenge');
	is $status, 2, 'without the secrets it does not';
	like $err, qr/'keys\[1\]\.key' is missing: .*KID:ALG:BASE64 .*--key/, 'and says what is missing';

	my $whole = probe($port, '--transport', 'tcp', @fast, '--with-secrets', @credentials);
	is $whole->{fields}{'keys.1.key'}, $secret{north}, '--with-secrets: the keys are in it';
	is $whole->{fields}{'users.1.password'}, $password, 'and the passwords';
	unlike $whole->{text}, qr/\Q$secret{stranger}\E/, 'but not the key that was refused';
	unlike $whole->{err}, qr/\Q$secret{north}\E/, 'and nothing on stderr';
	is $whole->{fields}{'transports.1'}, 'tcp', 'over TCP alone where only that is asked for';
	is $whole->{fields}{delta}, 5, 'and measured there';
	($status, $tap, $err) = run({ timeout => 120, env => \%nothing }, assay(), 'run', '--target', $whole->{file}, '--format', 'tap',
		'server/accepted-token');
	is $status, 0, 'which runs without more' or diag $tap, $err;
	$server->stop;
};

subtest 'a stranger' => sub {
	my ($server, $port) = serve();
	my ($status, $out, $err) = run({ timeout => 60, env => \%nothing }, assay(), 'probe', '--server', "127.0.0.1:$port", @plain, @fast);
	is $status, 0, 'status 0' or diag $err;
	my $file = spill("$folder/stranger.lua", $out);
	my $f = fields($file);
	is $f->{third_party}, 'true', 'the announcement is seen';
	is join(' ', sort grep { /^(?:keys|users|delta|clock_offset|integrity_key|nonce_lifetime)/ } keys %$f), '', 'nothing that was not seen';
	like $out, qr/^  -- $_ = .*, -- to fill in: /m, "$_ is left to fill in" for qw(keys integrity_key clock_offset delta nonce_lifetime);
	like $err, qr/; 0 allocations made/, 'no allocation is made';
	($status, $out, $err) = run({ timeout => 60, env => \%nothing }, assay(), 'run', '--target', $file, '--key', "\@$keys", '--format', 'tap',
		'server/challenge');
	is $status, 0, 'with --key it drives a run' or diag $out, $err;
	$server->stop;
};

# One thing that is different, what it makes of the fields, and what is remarked.
for my $case (
	['Delta of 17 s', ['--delta', 17], sub { is_about($_[0]{delta}, 17, 1, $_[1]) }],
	['Delta of 0', ['--delta', 0], sub { is_about($_[0]{delta}, 0, 1, $_[1]) }],
	['Delta of two hours', ['--fault', 'allow-two-hours'], sub { is_about($_[0]{delta}, 7200, 1, $_[1]) }],
	['no end of a token', ['--fault', 'ignore-time'],
		sub { ok !exists $_[0]{delta} && !exists $_[0]{clock_offset}, $_[1] }, qr/delta = SECONDS, -- to fill in: not below 31622400 s/],
	['an end that follows no lifetime', ['--fault', 'accept-for-a-day'],
		sub { ok !exists $_[0]{delta}, $_[1] }, qr/does not follow its lifetime/],
	['no token of the future', ['--fault', 'refuse-future'],
		sub { is_about($_[0]{delta}, 5, 1, $_[1]); ok !exists $_[0]{clock_offset}, 'its clock is not told' }, qr/clock is taken to be ours/],
	['a key of 16 octets', ['--fault', 'truncate-integrity-key'],
		sub { is $_[0]{integrity_key}, 'first16', $_[1]; is_about($_[0]{delta}, 5, 1, 'Delta is found with it') }],
	['the SHA-1 of a key of 32', ['--fault', 'derive-256-bit-key'], sub { is $_[0]{integrity_key}, 'full', $_[1] },
		qr/whole: .*401.*as its SHA-1: Allocate succ/s],
	['no third party', ['--no-third-party'],
		sub { is $_[0]{third_party}, 'false', $_[1]; is $_[0]{'users.1.name'}, 'assayer', 'its users are found';
			ok !(grep { /^keys/ } keys %{ $_[0] }), 'and no keys' }, qr/where 4294967295 was: 3600/],
	['an authenticated Binding', ['--fault', 'authenticate-binding'],
		sub { is $_[0]{authenticates_binding}, 'true', $_[1]; is $_[0]{direct_path}, 'true', 'the mapped address is found elsewhere' }],
	['a server that refuses all', ['--fault', 'refuse-everything'],
		sub { ok !(grep { /^(?:keys|users|integrity_key|delta)/ } keys %{ $_[0] }), $_[1] }, qr/the key "north" \(A256GCM\) was refused/],
	['one key alone', ['--fault', 'load-one-key'],
		sub { is $_[0]{'keys.1.kid'}, 'north', $_[1]; ok !exists $_[0]{'keys.2.kid'}, 'the other is none' }, qr/the key "south" \(A256GCM\) was refused/],
	['a largest LIFETIME of 1200', ['--max-lifetime', 1200],
		sub { is $_[0]{delta}, 5, $_[1]; is $_[0]{max_lifetime}, 1200, 'and that is in the profile' }, qr/asked for: 600; where 4294967295 was: 1200/],
	['answers that come late', ['--fault', 'answer-late'], sub { is_about($_[0]{delta}, 5, 1, $_[1]) }],
	['no nonce', ['--fault', 'know-no-nonce'],
		sub { is $_[0]{'keys.1.kid'}, 'north', $_[1]; ok !exists $_[0]{nonce_lifetime}, 'which has no lifetime' },
		qr/it gives no nonce, .*nonce_lifetime = SECONDS, -- to fill in: its challenge gives none/s],
	['no RFC 8489', ['--fault', 'omit-nonce-cookie'], sub { ok !exists $_[0]{rfc8489}, $_[1] }, qr/rfc8489 = true or false, -- to fill in/],
) {
	my ($name, $options, $check, $remark) = @$case;
	subtest $name => sub {
		my $probed = probe_of($name, $options, @credentials);
		$check->($probed->{fields}, $name);
		like $probed->{text} =~ s/\n  --   / /gr, $remark, 'it is remarked' if $remark;
	};
}

subtest 'a nonce that ends' => sub {
	my ($server, $port) = serve('--nonce-lifetime', 2);
	my $probed = probe($port, '--transport', 'udp', '--max-rate', 40, @credentials);
	$server->stop;
	is_about($probed->{fields}{nonce_lifetime}, 3, 1, 'its lifetime is found') or diag $probed->{err};
	is $probed->{fields}{delta}, 5, 'and it disturbs nothing';
};

SKIP: {
	skip 'libfaketime is not installed', 1 if !other_clock(0);
	for my $away (30, -4000, 400000) {
		my $port = free_port();
		my $server = start({ env => { ASSAY_KEYS => $lines, other_clock($away) } }, assay(), 'serve', '--port', $port);
		$server->wait_for(qr/udp and tcp on/, 10) or die $server->err;
		my $probed = probe($port, @plain, @fast, '--key', "\@$keys");
		$server->stop;
		is_about($probed->{fields}{clock_offset}, $away, 0.6, "a clock that is $away s ahead is found");
		is_about($probed->{fields}{delta}, 5, 1, 'and its Delta beside it');
	}
}

subtest 'TLS' => sub {
	my $made = tmp();
	my ($failed, undef, $why) = run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
		'-keyout', "$made/key", '-out', "$made/pem", '-subj', '/CN=turn', '-days', 1, '-addext', 'subjectAltName=IP:127.0.0.1');
	die $why if $failed;
	my ($server, $port) = serve('--tls-port', 0, '--dtls-port', 0, '--certificate', "$made/pem", '--private-key', "$made/key");
	my %secure = map { $_ => $server->out =~ /\b$_ on \S+:(\d+)/i } qw(tls dtls);
	my @ports = ('--tls-port', $secure{tls}, '--dtls-port', $secure{dtls});
	my $probed = probe($port, @fast, @ports, '--ca', "$made/pem", @credentials);
	my %f = %{ $probed->{fields} };
	is_deeply [@f{ map { "transports.$_" } 1 .. 4 }, @f{qw(ports.tls ports.dtls tls.ca)}], [qw(udp tcp tls dtls), @secure{qw(tls dtls)}, "$made/pem"],
		'it answers on four transports' or diag $probed->{err};
	like $probed->{text}, qr/-- tls: TLSv1\.3, /, 'what was agreed on is remarked';
	my ($status, $tap, $err) = run({ timeout => 60, env => \%nothing }, assay(), 'run', '--target', $probed->{file}, @credentials,
		'--format', 'tap', 'server/challenge');
	is $status, 0, 'and drives a run on all of them' or diag $tap, $err;
	my $unknown = probe($port, @fast, @ports);
	ok !exists $unknown->{fields}{'ports.tls'}, 'a certificate that nobody vouches for: TLS is left out';
	like $unknown->{text} =~ s/\n  --   / /gr, qr/ports\.tls: on port \d+ .*certificate/, 'and why';
	my $insecure = probe($port, '--transport', 'tls', @fast, @ports, '--insecure', @credentials);
	is $insecure->{fields}{'tls.insecure'}, 'true', '--insecure: the profile says so';
	is $insecure->{fields}{delta}, 5, 'and all is measured over TLS';
	$server->stop;
};

my @texts = (
	"quote \" and ' backslash \\ percent %d \\\n ]] ]=] -- [[ --[[ end",
	"line\r\nos.execute('id') -- \n} return {\n",
	"NUL \0 \0001 and \x7f \x1b[2J \xff\xfe \xc3\x28 \xe2\x80\xae",
	'x' x 763,
	'',
);
for my $turn (0 .. $#texts) {
	my ($realm, $software, $name) = map { $texts[($turn + $_) % @texts] } 0 .. 2;
	my $port = free_port();
	my $server = start($^X, "$FindBin::Bin/probe.pl", $port, join(':', map { unpack 'H*', $_ } $realm, $software, $name), 3000);
	$server->wait_for(qr/^up/) or die $server->err;
	my $probed = probe($port, '--transport', 'udp', @fast, @credentials);
	$server->stop;
	is $probed->{status}, 0, "texts $turn: status 0" or diag $probed->{err};
	is $probed->{fields}{realm}, $realm, 'the realm is that of the server, octet by octet';
	is $probed->{fields}{server_name}, $name, 'and so is its name';
	unlike "$probed->{text}$probed->{err}", qr/[^\n\x20-\x7e]/, 'nothing but printable ASCII is written';
	my ($size, $refused) = $probed->{text} =~ /over udp: (\d+) octets were answered, (\d+) were not/;
	is_deeply [$size, $refused], [3000, 3004], 'its largest message is found' or diag $probed->{text};
	my ($status, undef, $err) = run({ env => \%nothing }, assay(), 'run', '--target', $probed->{file}, '--key', "\@$keys", 'no-such-suite');
	like $err, qr/no-such-suite/, 'it is a profile';
}

# A server that a message larger than it has room for ends need not be sent one; else it is told what ended it.
{
	my $port = free_port();
	my @server = ($^X, "$FindBin::Bin/probe.pl", $port, join(':', map { unpack 'H*', $_ } 'realm', 'software', 'name'), 3000, 'dies');
	my $server = start(@server);
	$server->wait_for(qr/^up/) or die $server->err;
	my $probed = probe($port, '--transport', 'udp', '--no-largest', @fast);
	ok $server->alive, 'it survives a probe';
	like $probed->{text} =~ s/\n  --   / /gr, qr/largest message: not looked for \(--no-largest\)/, 'which says what it did not do';
	$probed = probe($port, '--transport', 'udp', @fast);
	ok !$server->alive, 'it does not survive its largest message';
	my $words = qr/over udp.{1,2} one of \d+ octets was not answered, and then: it no longer answers small messages either/;
	like $probed->{text} =~ s/\n  --   / /gr, $words, 'the profile says of what it ended';
	like $probed->{err}, qr/not complete: the server has stopped answering: $words/, 'and so does the probe';
}

# Servers that answer with anything: a profile or none, but an end, and nothing of theirs is a command to a terminal.
for my $manner (qw(garbage truncated many many-attributes success all-codes silence echo)) {
	my $port = free_port();
	my $server = start({ env => { ASSAY_ADDRESS => '127.0.0.1', ASSAY_PORT => $port } }, $^X, "$FindBin::Bin/hostile.pl", $manner);
	wait_until { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) } or die $server->err; # it listens with TCP last
	my $probed = probe($port, '--transport', 'udp', @fast, @credentials);
	$server->stop;
	is $probed->{status}, 0, "$manner: a profile is written" or diag $probed->{err};
	unlike "$probed->{text}$probed->{err}", qr/[^\n\x20-\x7e]/, "$manner: nothing but printable ASCII";
	unlike $probed->{err}, qr/bug of assay/, "$manner: assay itself does not fail";
	ok !exists $probed->{fields}{delta}, "$manner: no Delta is made up";
}

my ($absent, $version) = run('turnserver', '--version');
SKIP: {
	skip 'coturn 4.6.1 is not installed', 1 if !defined $version || "$absent$version" !~ /4\.6\.1/;
	my $port = free_port();
	my $coturn = start({ env => {
		ASSAY_ADDRESS => '127.0.0.1', ASSAY_PORT => $port, ASSAY_REALM => 'example.org', ASSAY_SERVER_NAME => 'turn.example.org',
		ASSAY_FOLDER => tmp(), ASSAY_KEYS => $lines, ASSAY_USERS => "assayer:$password", ASSAY_THIRD_PARTY => 'yes',
		COTURN_SECURE_STUN => 'yes',
	} }, root() . '/scripts/targets/coturn.sh');
	my $probed;
	wait_until { $probed = probe($port, @plain, @fast, @credentials); $probed->{status} != 3 } 30;
	$coturn->stop;
	is $probed->{status}, 0, 'coturn: status 0' or diag $probed->{err};
	my %f = %{ $probed->{fields} };
	is_deeply [@f{qw(third_party server_name realm integrity_key authenticates_binding keys.1.kid keys.2.kid users.1.name)}],
		[qw(true turn.example.org example.org first16 true north south assayer)], 'coturn: what it offers';
	is_about($f{delta}, 5, 1, 'coturn: its Delta');
	ok !exists $f{clock_offset} && !exists $f{rfc8489}, 'coturn: nothing that cannot be told of it';
	my $text = $probed->{text} =~ s/\n  --   / /gr;
	like $text, qr/none too young, not even/, 'coturn: it takes any token of the future';
	like $text, qr/over udp: 16384 octets were answered, 16388 were not/, 'coturn: its largest message';
	like $text, qr/SOFTWARE "Coturn-4\.6\.1/, 'coturn: its SOFTWARE';
	like $probed->{err}, qr/all of them put down/, 'coturn: no allocation is left';
}

subtest 'nothing answers' => sub {
	my $probed = probe(free_port(), @credentials);
	is $probed->{status}, 3, 'status 3';
	like $probed->{err}, qr/^assay: nothing answered at 127\.0\.0\.1:\d+; no profile is written$/m, 'and it is said';
	ok !-e $probed->{file}, 'no file is made';
	my ($status, undef, $err) = run({ timeout => 60 }, assay(), 'probe', '--server', 'nowhere.invalid:3478');
	is $status, 3, 'a name that is none: status 3';
	like $err, qr/nowhere\.invalid/, 'with the name';
};

subtest 'not written' => sub {
	my ($server, $port) = serve();
	my @probe = (assay(), 'probe', '--server', "127.0.0.1:$port", @plain, @fast);
	my $file = spill("$folder/completed.lua", "return {} -- completed\n");
	my ($status, $out, $err) = run({ env => \%nothing }, @probe, '--out', $file);
	is $status, 4, 'a file that is there: status 4';
	like $err, qr/\Q$file\E cannot be written: it is there already/, 'and why';
	is slurp($file), "return {} -- completed\n", 'and it stays';
	($status, $out, $err) = run({ env => \%nothing }, @probe, '--out', "$folder/none/profile.lua");
	is $status, 4, 'a folder that is not there: status 4';
	unlike $err, qr/probing/, 'told before anything is sent';
	($status, $out, $err) = run({ env => \%nothing }, 'sh', '-c', 'exec "$@" >/dev/full', 'sh', @probe);
	is $status, 4, 'a full disk: status 4';
	like $err, qr/the profile cannot be written: .*No space/, 'and why';
	$server->stop;
};

subtest 'an interruption' => sub {
	my ($server, $port) = serve();
	my $process = start({ env => \%nothing }, assay(), 'probe', '--server', "127.0.0.1:$port", @plain, '--max-rate', 20, @credentials);
	$process->wait_for(qr/its clock and its Delta/, 20) or diag $process->err;
	sleep 0.7;
	kill 'INT', $process->pid;
	wait_until { !$process->alive } 10;
	is $process->stop, 130, 'status 130';
	is $process->out, '', 'no profile';
	like $process->err, qr/interrupted.*\n.*all of them put down/, 'no allocation is left' or diag $process->err;
	$server->stop;
};

for my $case (
	['no server',            [],                                                      qr/--server HOST:PORT/],
	['a server without port', ['--server', 'localhost'],                              qr/--server: HOST:PORT is expected/],
	['an unknown transport', ['--server', '127.0.0.1:9', '--transport', 'sctp'],      qr/--transport: one of/],
	['a key of two parts',   ['--server', '127.0.0.1:9', '--key', 'a:b'],             qr/--key: number 1: KID:ALG:BASE64/],
	['a short key',          ['--server', '127.0.0.1:9', '--key', 'a:A256GCM:AAAA'],  qr/'keys\[1\]\.key': A256GCM takes a key of 32/],
	['a port of TLS',        ['--server', '127.0.0.1:9', '--tls-port', 70000],        qr/--tls-port: a port number/],
	['no rate',              ['--server', '127.0.0.1:9', '--max-rate', 0],            qr/--max-rate is a number from 0\.1/],
	['a CA that is missing', ['--server', '127.0.0.1:9', '--ca', '/nowhere/ca.pem'],  qr/'tls\.ca': .* is not there/],
	['an unknown option',    ['--taget', 'x'],                                        qr/unknown option --taget/],
	['an argument',          ['127.0.0.1:9'],                                         qr/no argument is expected here/],
) {
	my ($name, $arguments, $pattern) = @$case;
	my ($status, $out, $err) = run({ timeout => 20, env => \%nothing }, assay(), 'probe', @$arguments);
	is $status, 2, "$name: status 2";
	is $out, '', "$name: nothing on stdout";
	like $err, qr/\A[^\n]+\n\z/, "$name: one line";
	like $err, $pattern, "$name: it says what";
}
done_testing;
