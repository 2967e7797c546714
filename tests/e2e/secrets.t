#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# No long-term key, no mac_key and no password stands in anything that a run leaves or shows: reports, capture, log, what
# it prints, and the process list while it runs; neither as it is nor in hex nor in base64.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use fixture;
use helper;
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;

my %secrets = (
	'the first long-term key'  => 'no-one-shall-know: first-key-32o',
	'the second long-term key' => 'no-one-shall-know: other-key-32o',
	'the third long-term key'  => 'sixteen, hidden!',
	'the first password'       => 'correct horse battery staple',
	'the second password'      => 'tr0ub4dor-and-three',
);
my @keys = map { "$_->[0]:$_->[1]:" . encode_base64($secrets{"the $_->[2] long-term key"}, '') }
	['north', 'A256GCM', 'first'], ['south', 'A256GCM', 'second'], ['west', 'A128GCM', 'third'];
my @users = map { "$_->[0]:" . $secrets{"the $_->[1] password"} } ['ninja', 'first'], ['guest', 'second'];
my %given = (ASSAY_KEYS => join("\n", @keys), ASSAY_USERS => join("\n", @users));

# How a secret may be written.
sub forms {
	my ($secret) = @_;
	my $hex = unpack 'H*', $secret;
	my $base64 = encode_base64($secret, '') =~ s/=+$//r;
	return ($secret, $hex, uc $hex, $base64, $base64 =~ tr{+/}{-_}r);
}

# Which of the secrets are in the text.
sub told {
	my ($text, %among) = @_;
	my @told;
	for my $name (sort keys %among) {
		push @told, $name if grep { index($text, $_) >= 0 } forms($among{$name});
	}
	return join ', ', @told;
}

# The command lines of all processes that can be seen.
sub process_list {
	my $all = '';
	for my $path (glob '/proc/[0-9]*/cmdline') {
		open my $file, '<', $path or next;
		local $/;
		$all .= ($file && <$file>) // '';
		$all .= "\n";
	}
	return $all;
}

# Tokens that the exchange of a run holds, opened: the mac_keys that were in use.
sub mac_keys {
	my ($server_name, @lines) = @_;
	my (%tokens, %mac_keys);
	for my $entry (map { @{ $_->{exchange} } } of_type('scenario', @lines)) {
		next if $entry->{direction} ne 'sent' || !defined $entry->{hex};
		my $octets = pack 'H*', $entry->{hex};
		for (my $i = 20; $i + 4 <= length $octets;) {
			my ($type, $length) = unpack 'nn', substr $octets, $i, 4;
			$tokens{ encode_base64(substr($octets, $i + 4, $length), '') } = 1 if $type == 0x001b;
			$i += 4 + $length + (-$length % 4);
		}
	}
	for my $token (sort keys %tokens) {
		last if keys %mac_keys >= 20;
		my ($status, $out) = run({ env => {%given} }, assay(), 'token', 'open', '--server-name', $server_name, '--with-secrets', $token);
		next if $status != 0;
		my $octets = decode_base64(JSON::PP->new->decode($out)->{mac_key});
		$mac_keys{ 'the mac_key ' . unpack 'H*', $octets } = $octets if length $octets >= 16 && $octets !~ /\A(.)\1*\z/s;
	}
	return %mac_keys;
}

# Runs with an environment, and looks for secrets in everything there is afterwards and, all the while, in the process list.
# blotted: they were on the command line, and may be seen there until assay has read it.
sub keeps_secrets {
	my ($name, $env, $blotted, @arguments) = @_;
	my %env = (marked(), %$env);
	my $out = tmp() . '/out';
	my $process = start({ env => \%env }, assay(), 'run', '--rto', '0.05', '--out', $out, '--format', 'pretty', '--server-name', 'turn', '--realm', 'here',
		@arguments, map { "server/$_" } qw(accepted-token challenge/nonce session-key/complete-mac-key session-key/wrong-integrity
			long-term-checks/first-party-credentials refused-token/changed-bits));
	wait_until(sub { -e $out || !$process->alive }, 30) if $blotted;
	my ($seen, $looked) = ('', 0);
	wait_until(sub {
		$seen ||= told(process_list(), %secrets);
		$looked++;
		return !$process->alive;
	}, 60);
	my $status = $process->stop;
	like $status, qr/^[013]$/, "$name: it ran ($status)" or diag $process->err;
	cmp_ok $looked, '>', 3, "$name: the process list was looked at $looked times";
	is $seen, '', "$name: the process list tells nothing";
	my @lines = json_lines("$out/results.ndjson");
	my %mac_keys = mac_keys('turn', @lines);
	cmp_ok scalar(keys %mac_keys), '>', 5, "$name: " . keys(%mac_keys) . ' mac_keys were in use';
	my %all = (%secrets, %mac_keys);
	is told($process->out, %all), '', "$name: stdout";
	is told($process->err, %all), '', "$name: stderr";
	my @files = sort glob "$out/*";
	cmp_ok scalar @files, '>=', 3, "$name: there are files";
	is told(slurp($_), %all), '', "$name: " . s{.*/}{}r for @files;
	return @lines;
}

# Told by the environment.
my $launched = ['--launch', assay() . ' serve'];
my @lines = keeps_secrets('the environment', {%given}, 0, @$launched);
my @passed = grep { $_->{verdict} eq 'pass' } of_type('scenario', @lines);
cmp_ok scalar @passed, '>', 5, 'the environment: keys and passwords are the right ones';

# A red run shows far more, and the command that runs a scenario again.
@lines = keeps_secrets('a red run', {%given}, 0, '--launch', assay() . ' serve --fault refuse-everything');
cmp_ok scalar(grep { $_->{verdict} eq 'fail' } of_type('scenario', @lines)), '>', 3, 'a red run: it is red';
my @rerun = grep { defined } map { $_->{rerun} } of_type('scenario', @lines);
ok scalar @rerun, 'a red run: commands to run it again are given';

# What is inside a token is told all the same; its mac_key only to whom secrets may be told, and so are keys and passwords.
for my $with (0, 1) {
	my $name = $with ? 'with secrets' : 'without secrets';
	my $out = tmp() . '/out';
	run({ timeout => 60 }, assay(), 'run', '--no-capture', '--rto', '0.05', '--out', $out, '--server-name', 'turn', '--realm', 'here',
		'--launch', assay() . ' serve --fault refuse-everything', ($with ? '--with-secrets' : ()), (map { ('--key', $_) } @keys),
		(map { ('--user', $_) } @users), 'server/accepted-token/binary-token', 'server/refused-token/changed-bits');
	my @results = of_type('scenario', json_lines("$out/results.ndjson"));
	my @texts = grep { /ACCESS-TOKEN/ } map { $_->{text} // () } map { @{ $_->{exchange} } } @results;
	cmp_ok scalar @texts, '>', 2, "$name: tokens are in the evidence";
	my @inside = grep { /the token, opened under north \(A256GCM\): lifetime \d+ s, issued 20\d\d-[^\n]+\n +key_length 20, mac_key / } @texts;
	cmp_ok scalar @inside, '>', 2, "$name: opened" or diag $texts[0];
	my %mac_keys = mac_keys('turn', @results);
	my @told = grep { told(join('', @inside), $_ => $mac_keys{$_}) } sort keys %mac_keys;
	is scalar @told, $with ? scalar keys %mac_keys : 0, "$name: " . @told . ' mac_keys are told';
	like $inside[0] // '', $with ? qr/mac_key [A-Za-z0-9+\/]{27}=/ : qr/mac_key hidden \(--with-secrets shows it\)/, "$name: as it should be";
	my ($rerun) = map { $_->{rerun} // () } @results;
	is told($rerun, %secrets), $with ? join(', ', sort keys %secrets) : '', "$name: and of the secrets in the command to run it again";
}

# On the command line, where they can be seen until they are read, and not any longer.
keeps_secrets('the command line', {}, 1, @$launched, (map { ('--key', $_) } @keys), (map { "--user=$_" } @users));

# In files.
my $folder = tmp();
spill("$folder/keys", $given{ASSAY_KEYS});
spill("$folder/users", $given{ASSAY_USERS});
keeps_secrets('files', {}, 0, @$launched, '--key', "\@$folder/keys", '--user', "\@$folder/users");

# The commands for tokens hide what they are told too.
{
	my $process = start('bash', '-c', '"$@" < <(sleep 600)', 'bash', assay(), 'token', 'open', '--key', $keys[0], '--server-name', 'turn', '-');
	ok wait_until(sub { told(process_list() =~ s/^bash\0-c\0.*$//mgr, %secrets) eq '' }, 10), 'assay token: its key goes from the process list';
	$process->stop;
	my ($status, $out, $err) = run(assay(), 'token', 'seal', '--key', $keys[0], '--server-name', 'turn', '--lifetime', 60);
	is told("$out$err", %secrets), '', 'assay token seal: the key is not printed';
}
{
	my ($server) = reference({}, (map { ('--key', $_) } @keys), (map { ('--user', $_) } @users));
	is told(process_list(), %secrets), '', 'assay serve: nothing stays in the process list';
	is told($server->out . $server->err, %secrets), '', 'assay serve: nothing is printed';
}

done_testing;
