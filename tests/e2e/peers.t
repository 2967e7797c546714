#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# Real servers that others wrote, beside coturn (certify.t): each is started by its profile in scripts/targets/ and found
# to be what it was measured to be, over each transport, and nothing else. A row of the table:
#
#   target    its profile, scripts/targets/NAME.lua
#   installed what makes sure that it is here, in the version that was measured; what it lacks otherwise
#   status    how the run ends
#   found     the requirements that do not pass, with their verdicts
#   passed    requirements that are to be seen to pass
#   options   further ones of the command line
#   without   scenarios that are left out, since they wait for more than a minute
#   lives     parts of the robustness suite that it withstands
#   dies      a scenario of that suite that it does not outlive, and what it is blamed on
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use captures;
use fixture;
use helper;
use Test::More;

# Nothing where a package of Debian is installed in this version (a pattern), else what is missing.
sub lacks_package {
	my ($name, $version) = @_;
	my ($status, $out) = run('dpkg-query', '-W', '-f', '${db:Status-Status} ${Version}', $name);
	return "$name is not installed" if $status || $out !~ /^installed (.*)/;
	return $1 =~ $version ? '' : "$name is $1, another than was measured";
}

# The same for a package of npm (scripts/targets/npm.sh).
sub lacks_npm {
	my ($name, $version) = @_;
	my ($status) = run('sh', '-c', 'node --version');
	return 'node is not installed' if $status;
	my $peers = $ENV{ASSAY_PEERS} // root() . '/build/peers';
	my $package = "$peers/node_modules/$name/package.json";
	return "$name is not in $peers: npm install --ignore-scripts --prefix $peers $name\@$version" unless -r $package;
	return slurp($package) =~ /"version":\s*"\Q$version\E"/ ? '' : "$name in $peers is not $version";
}

# Every scenario of the role but these.
sub all_but {
	my (@without) = @_;
	my ($status, $listed) = run(assay(), 'list', 'server', '--format', 'json');
	my %without = map { $_ => 1 } @without;
	return grep { m{^server/} && !$without{$_} } map { $_->{id} } json_lines($listed);
}

my @peers = (
	{
		target    => 'p1-stun',
		installed => sub { lacks_package('erlang-p1-stun', qr/^1\.2\.7\b/) },
		status    => 0,
		found     => {},
		passed    => [qw(7635-7-19 5389-7.3.1-01 5389-7.3-01)], # 420, which lists 0x001B and all else unknown, behind 401
		lives     => [qw(robustness/attributes/combinations robustness/garbage/octets robustness/header/first-octets)],
	},
	{
		target    => 'pion',
		installed => sub {
			lacks_package('golang-go', qr/^/) || lacks_package('golang-github-pion-turn.v2-dev', qr/^2\.1\.0\b/)
				|| lacks_package('golang-github-pion-dtls.v2-dev', qr/^2\.2\.6\b/);
		},
		status    => 1,
		found     => { '5389-7.3.1-01' => 'fail' }, # it answers no unknown attribute with 420
		passed    => [qw(5389-7.3-01 5389-15.5-01)], # 401 comes first; FINGERPRINT, which it adds to answers to Binding
		lives     => [qw(robustness/attributes/combinations robustness/garbage/octets robustness/header/first-octets)],
		# It reads 1600 octets, and looks at as many as the header says.
		dies      => { 'robustness/stream/large-messages@tcp' => qr/exited with status 2 after binding .* of 2000 octets$/ },
	},
	{
		target    => 'kamailio',
		installed => sub { lacks_package('kamailio', qr/^5\.6\.3\b/) },
		status    => 1,
		found     => {
			'5389-6-01'     => 'fail',         # a length that is no multiple of four; Binding in answer to an Allocate
			'5389-7.3.1-01' => 'inconclusive', # its 420 is such a message
		},
		passed => [],
	},
	{
		target    => 'turn-server',
		installed => sub { lacks_npm('turn-server', '0.6.6') },
		status    => 0,
		found     => {
			'7635-7-19'   => 'warn', # it ignores ACCESS-TOKEN
			'5389-7.3-01' => 'warn', # 420 before 401
		},
		passed    => [qw(5389-7.3.1-01)],      # and says 420 to what nobody knows
	},
	{
		target    => 'turn-server-oauth',
		installed => sub { lacks_npm('turn-server', '0.6.6') },
		without   => [qw(server/granted-lifetime/session-past-its-token server/refresh/presented-token-is-judged)],
		status    => 1,
		found     => {
			'7635-4-03'      => 'fail', # no NONCE in its challenge,
			'5389-10.2.2-01' => 'fail', # nor in any other 401;
			'5389-10.2.2-08' => 'fail',
			'5766-9.2-01'    => 'fail',
			'5389-10.2.2-05' => 'fail', # any NONCE is taken,
			'5389-10.2.2-03' => 'fail', # or none, and no USERNAME or REALM is wanted either,
			'7635-7-20'      => 'fail',
			'8656-7.2-01'    => 'fail', # nor MESSAGE-INTEGRITY
			'7635-7-02'      => 'fail', # the kid is not looked at: every key is tried
			'7635-7-03'      => 'fail',
			'7515-4.1.4-01'  => 'fail',
			'7635-7-09'      => 'fail', # nor are the times in the token
			'7635-7-11'      => 'fail',
			'7635-7-13'      => 'fail',
			'7635-7-10'      => 'warn',
			'7635-9-05'      => 'fail', # 3600 s for a token of 100,
			'7635-9-06'      => 'fail', # in answers to Refresh too
			'7635-9-07'      => 'warn',
			'7635-9-12'      => 'fail', # CreatePermission and ChannelBind have to bring the token
			'5389-15.4-03'   => 'fail', # a token behind MESSAGE-INTEGRITY counts
			'5389-15-03'     => 'warn', # the last of two tokens does
			'5389-7.3-01'    => 'warn', # 420 before 401
			'5116-5.2-01'    => 'warn', # nonces of any length in a token
			'7635-4-04'      => 'warn', # no SOFTWARE
			'7635-7-05'      => 'warn', # a mac_key of no octets
			'7635-11-05'     => 'warn', # whoever overheard a request makes an allocation with it
		},
		passed => [qw(7635-7-04 7635-6.2-17 7635-7-14 7635-7-17 7635-7-15 5766-10.2-01)],
	},
	{
		target    => 'node-turn',
		installed => sub { lacks_npm('node-turn', '0.0.6') },
		options   => [qw(--rto 0.1 --rc 4 --rm 4)], # it leaves requests unanswered
		status    => 1,
		found     => {
			'5389-7.3.1-01' => 'fail',
			'5389-7.3-01'   => 'warn', # nor does it say 401 to them
		},
		passed    => [],
	},
);

# my ($status, $folder, {id => result}, everything printed) = assess({row}, 'suite', ...): a run.
sub assess {
	my ($peer, @suites) = @_;
	my $out = tmp();
	my ($status, $tap, $errors) = run({ timeout => 400 }, assay(), 'run', '--format', 'tap', '--out', $out,
		'--target', "scripts/targets/$peer->{target}.lua", @{ $peer->{options} || [] }, @suites);
	my @lines = -e "$out/results.ndjson" ? json_lines("$out/results.ndjson") : ();
	diag "no results: $errors$tap" if !@lines;
	return ($status, $out, { results(@lines) }, "$errors$tap");
}

for my $peer (@peers) {
	my $lacks = $peer->{installed}->();
	SKIP: {
		skip "$peer->{target}: $lacks", 1 if $lacks;
		subtest $peer->{target} => sub {
			my ($status, undef, $results, $printed) = assess($peer, $peer->{without} ? all_but(@{ $peer->{without} }) : ());
			is $status, $peer->{status}, 'the run ends as it should' or diag $printed;
			my $worst = worst_of($results);
			my %found = map { $_ => $worst->{$_} } grep { $worst->{$_} ne 'pass' } keys %$worst;
			is_deeply \%found, $peer->{found}, 'its deviations are the measured ones' or diag explain \%found;
			is $worst->{$_}, 'pass', "$_ is seen to hold" for @{ $peer->{passed} };
			# An allocation that is left has others find no room, and nobody else tells of it.
			my @left = grep { ($_->{step} // '') eq 'putting down the allocation'
				&& ($_->{text} // '') =~ /^Refresh error.*: 40[01] /s }
				map { @{ $_->{exchange} } } values %$results;
			is_deeply \@left, [], 'no allocation is left';
			my %verdicts; # of a scenario, over all transports
			$verdicts{ $_->{id} =~ s/\@\w+$//r }{ $_->{verdict} } = 1 for grep { $_->{verdict} ne 'skip' } values %$results;
			is_deeply [grep { keys %{ $verdicts{$_} } > 1 } sort keys %verdicts], [], 'over each transport the same';
			ok @{ $_->{exchange} } > 0, "$_->{id}: the exchange is there" for grep { $_->{verdict} eq 'fail' } values %$results;

			if ($peer->{lives}) {
				($status, undef, $results, $printed) = assess($peer, @{ $peer->{lives} });
				is $status, 0, 'it goes on serving' or diag $printed;
				is join(' ', sort grep { m{^robustness/} && $results->{$_}{verdict} eq 'pass' } keys %$results),
					join(' ', sort @{ $peer->{lives} }), 'after all that';
			}
			for my $id (sort keys %{ $peer->{dies} || {} }) {
				($status, my $out, $results) = assess($peer, $id);
				is $results->{$id}{verdict}, 'fail', "$id: it does not outlive it";
				like $results->{$id}{reason}, $peer->{dies}{$id}, 'the message is found that it dies of';
				($status, undef, $results) = assess($peer, '--input', "$out/reproducer-1.json");
				is $results->{'robustness/reproduce/input'}{verdict}, 'fail', 'and it dies of that again';
			}
		};
	}
}

# What these servers taught is shown by the reference as well, for where they are not. Faults -> a scenario, its verdict
# and what its reason or notes say, or do not.
my @lessons = (
	['a server that knows no nonces is judged by all else', [qw(know-no-nonce accept-expired)],
		'server/token-lifetime/expired-token', 'fail', qr/7635-7-09: expected .* 401; got Allocate success/],
	['one that keeps its nonce for the 438 as well', [qw(omit-nonce)],
		'server/token-lifetime/expired-token', 'pass', qr/^$/],
	['but nothing is laid to its nonce that is not seen', [qw(omit-nonce refuse-nonce-by-401)],
		'server/token-lifetime/current-token', 'inconclusive', qr/maybe for its NONCE/],
	['who takes tokens of any age does not show how it reads their times', [qw(accept-expired)],
		'server/token-lifetime/timestamp-format', 'inconclusive', qr/how it reads a time in a token does not show/],
	['who takes tokens for a day more does', [qw(accept-for-a-day)],
		'server/refused-token/byte-order', 'pass', qr/^$/],
	['who wants the token for a permission relays all the same', [qw(demand-token-for-permission)],
		'server/permissions/send-indication', 'pass', qr/^$/],
	['and who gives none is not blamed for a Send indication', [qw(demand-token-for-permission refuse-token-in-permission)],
		'server/permissions/send-indication', 'inconclusive', qr/no permission to send under/],
	['nor for the session over TLS that is no better in the clear', [qw(demand-token-for-permission)],
		'server/secure-transport/token-exchange@tls', 'pass', qr/as in the clear/],
);

subtest 'what they taught' => sub {
	for my $lesson (@lessons) {
		my ($about, $faults, $id, $verdict, $says) = @$lesson;
		my ($status, $out, $errors) = run({ timeout => 60 }, assay(), 'run', '--no-capture', '--format', 'json',
			(map { ('--fault', $_) } @$faults), $id);
		my ($result) = grep { $_->{type} eq 'scenario' && $_->{id} eq $id } json_lines($out);
		is $result->{verdict}, $verdict, $about or diag $errors, explain $result->{reason};
		like join("\n", $result->{reason} // (), @{ $result->{notes} }), $says, 'and says so' if $says ne qr/^$/;
	}
	my ($status, $out) = run({ timeout => 60 }, assay(), 'run', '--no-capture', '--format', 'json', '--no-third-party',
		'--transport', 'udp', '--fault', 'count-header', 'server/unknown-attributes/token-in-binding');
	my ($result) = grep { ($_->{id} // q{}) =~ /token-in-binding/ } json_lines($out);
	is $result->{verdict}, 'inconclusive', 'a 420 that cannot be read is none, and no other answer either';
	unlike join("\n", @{ $result->{notes} }), qr/no unknown attribute with 420/, 'so nothing is said of it';

	my $capture = reference_capture('--fault', 'know-no-nonce', '--fault', 'accept-expired', '--transport', 'udp',
		'server/token-lifetime');
	($status, $out) = run(assay(), 'audit', '--format', 'tap', '--key', demonstration_keys(), $capture);
	like $out, qr{^not ok \d+ - server/7635-7-09 }m, 'a capture shows a token that is taken too late, with whatever nonce';
};

done_testing;
