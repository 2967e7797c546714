#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# What is not the target's doing decides nothing: a scenario that found no room beside the others, or that came too late
# after a slow start, is run once more; one that a profile forbids is not run; a death is laid to no requirement that
# would not call it a failure. And what has no verdict is told all the same.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use fixture;
use helper;
use Test::More;

my @short = qw(--no-capture --rto 0.05 --rc 4 --rm 8 --format json);
my $folder = tmp();

sub judged {
	my (@arguments) = @_;
	my ($status, $out, $err) = run({ timeout => 120 }, assay(), 'run', @short, @arguments);
	my %result = results(json_lines($out));
	return ($status, \%result, $err);
}

sub of_verdict {
	my ($result, $pattern) = @_;
	return join ' ', grep { $result->{$_}{verdict} =~ $pattern } sort keys %$result;
}

# A quota of one allocation that no profile tells of: what needs one has its verdict, what needs more says why not.
{
	my @suites = map { "server/$_" } qw(accepted-token refused-token server-name refresh/new-token session-key allocation/second-allocate);
	my ($status, $result, $err) = judged('--transport', 'udp', '--fault', 'hold-one-allocation', @suites);
	is of_verdict($result, qr/fail|warn/), '', 'a quota fails nothing';
	my $unsure = of_verdict($result, qr/inconclusive/);
	is $unsure, 'server/accepted-token/relayed-datagram server/accepted-token/several-allocations',
		'only what holds several allocations at once is left open';
	is $status, 3, 'which the status says' or diag $err;
	like $result->{'server/accepted-token/several-allocations'}{reason}, qr/486/, 'and so does the reason';
	my @again = grep { grep { /^run again, alone: 486 while other scenarios ran/ } @{ $result->{$_}{notes} } } sort keys %$result;
	cmp_ok scalar @again, '>', 3, @again . ' scenarios were run again, and say so';
	cmp_ok scalar(grep { $result->{$_}{verdict} eq 'pass' } @again), '>', 2, 'most of them pass then';
}

# The same where only one form of a long key is taken: what was made with it is put down with it, and blocks nobody.
{
	my ($status, $result) = judged('--transport', 'udp', '--fault', 'hold-one-allocation', '--fault', 'derive-256-bit-key',
		'server/accepted-token', 'server/rfc8489', 'server/session-key');
	is of_verdict($result, qr/inconclusive/), 'server/accepted-token/relayed-datagram server/accepted-token/several-allocations',
		'no allocation is left behind that was made with another form of the key';
}

# Where nobody needs credentials, what was only asked for a challenge makes an allocation: it is put down too.
{
	my (undef, $result) = judged('--transport', 'udp', '--jobs', 1, '--fault', 'hold-one-allocation', '--fault', 'relay-for-everyone',
		'server/challenge');
	my @full = grep { ($result->{$_}{reason} // '') =~ /486/ } sort keys %$result;
	is "@full", '', 'no allocation is left behind that was made without credentials';
	like $result->{'server/challenge/unauthorized'}{reason}, qr/got Allocate success/, 'and there were such';
}

# A target that takes longer to start than its key lives, the first time: it is started again for the scenario of it.
my $slow = <<'SH';
count=$(cat FOLDER/count 2>/dev/null || echo 0)
echo $((count + 1)) >FOLDER/count
[ $count -ge WHEN ] || sleep 4
exec ASSAY serve --nonce-lifetime 60
SH

sub slow_profile {
	my ($name, $when) = @_;
	my $own = tmp();
	my $assay = assay();
	my $script = spill("$own/slow.sh", $slow =~ s/FOLDER/$own/gr =~ s/WHEN/$when/r =~ s/ASSAY/$assay/r);
	my ($key, $brief) = ('QUFB' x 10 . 'QUE=', 'QkJC' x 10 . 'QkI=');
	return spill("$folder/$name.lua", <<"LUA");
return { name = '$name', server_name = 'turn', realm = 'here', delta = 5, transports = { 'udp' },
  keys = { { kid = 'north', algorithm = 'A256GCM', key = '$key' } },
  expiring_key = { kid = 'brief', algorithm = 'A256GCM', key = '$brief', expires_in = 3 },
  launch = { command = { 'sh', '$script' } } }
LUA
}
my $expired = 'server/long-term-key/expired-key';
{
	my ($status, $result, $err) = judged('--target', slow_profile('slow-once', 1), $expired);
	is $result->{$expired}{verdict}, 'pass', 'a slow start: the scenario is judged at a second one' or diag $result->{$expired}{reason}, $err;
	like $result->{$expired}{notes}[0] // '', qr/^run again, alone: the key had expired/, 'a slow start: and says so';
	is $status, 0, 'a slow start: status 0';
	($status, $result) = judged('--target', slow_profile('slow-always', 9), $expired);
	is $result->{$expired}{verdict}, 'inconclusive', 'always slow: inconclusive, and no skip';
	like $result->{$expired}{reason}, qr/the key had expired .* larger expiring_key\.expires_in/, 'always slow: with what to do';
	is $status, 3, 'always slow: status 3';
}

# may_harm = false holds for a target that assay launches, too.
my $harmful = 'server/refused-token/key-length-beyond-the-block';

sub launched_profile {
	my ($name, $more) = @_;
	my ($key, $assay) = ('QUFB' x 10 . 'QUE=', assay());
	return spill("$folder/$name.lua", <<"LUA");
return { server_name = 'turn', realm = 'here', transports = { 'udp' }, $more
  keys = { { kid = 'north', algorithm = 'A256GCM', key = '$key' } }, launch = { command = { '$assay', 'serve' } } }
LUA
}
{
	my ($status, $result) = judged('--target', launched_profile('harmless', 'may_harm = false,'), $harmful, 'server/challenge/nonce');
	is $result->{$harmful}{verdict}, 'skip', 'may_harm = false: what may harm a launched target is skipped';
	like $result->{$harmful}{reason}, qr/whose profile says may_harm = false/, 'may_harm = false: and why is said';
	is $status, 0, 'may_harm = false: status 0';
	($status, $result) = judged('--target', launched_profile('any', ''), $harmful);
	is $result->{$harmful}{verdict}, 'pass', 'without it a launched target may be harmed';
}

# A target that dies in a scenario whose requirements are no more than warnings: it fails, and no requirement with it.
{
	my $lethal = 'server/refused-token/nonce-of-another-length';
	my $program = tree('suites/reference/faults/fragility.lua' => <<'LUA');
local change = require "reference.faults.change"
return { {
  name = "die-of-an-odd-nonce", about = "for a test", requirements = { "5116-5.2-01" },
  apply = function(b)
    change.wrap(b, "decrypt", function(original, server, entry, octets)
      if b.nonce_length_is_right(entry.algorithm, octets) then return original(server, entry, octets) end
      server:crash "overran a nonce"
    end)
  end,
} }
LUA
	my ($status, $out, $err) = run({ timeout => 60 }, $program, 'run', @short, '--transport', 'udp', '--fault', 'die-of-an-odd-nonce', $lethal);
	my %result = results(json_lines($out));
	is $result{$lethal}{verdict}, 'fail', 'a death among warnings: it fails' or diag $err;
	is $status, 1, 'a death among warnings: status 1';
	is join(' ', map { $_->{requirement} } grep { $_->{verdict} eq 'fail' } @{ $result{$lethal}{checks} }), '',
		'a death among warnings: no requirement is made harder than it is';
	like $result{$lethal}{reason}, qr/^exited with status 70 after Allocate \(with the defect\)/, 'a death among warnings: the reason names it';
}

# What the text leaves open is told, whichever way it goes.
{
	my @suites = qw(server/accepted-token/mac-key-of-256-bits server/accepted-token/binary-token server/token-lifetime/timestamp-format);
	my %expected = (
		'server/accepted-token/mac-key-of-256-bits' => [map { "a mac_key of $_ octets" } 1, 16, 24, 64],
		'server/accepted-token/binary-token' => ['four octets behind the lifetime'],
		'server/token-lifetime/timestamp-format' => ['a fraction of 64000', 'a fraction of 65535'],
	);
	for my $case (['', 'Allocate success response'], ['refuse-what-is-open', 'Allocate error response 401 (Unauthorized)']) {
		my ($fault, $answer) = @$case;
		my (undef, $result) = judged('--transport', 'udp', ($fault ? ('--fault', $fault) : ()), @suites);
		is of_verdict($result, qr/fail|warn|inconclusive/), '', "what is open ($answer): no verdict";
		for my $id (sort keys %expected) {
			my %notes = map { $_ => 1 } @{ $result->{$id}{notes} };
			ok $notes{"$_: $answer"}, "$id: $_: $answer" for @{ $expected{$id} };
		}
	}
	# And what comes twice, which it may (RFC 5389 section 15).
	my (undef, $result) = judged('--transport', 'udp', '--fault', 'announce-twice', 'server/challenge');
	like join("\n", @{ $result->{'invariants/attributes'}{notes} || [] }), qr/THIRD-PARTY-AUTHORIZATION comes more than once/,
		'an attribute that comes twice is noted';
}

done_testing;
