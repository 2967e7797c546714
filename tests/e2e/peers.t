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
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
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

my @peers = (
	{
		target    => 'p1-stun',
		installed => sub { lacks_package('erlang-p1-stun', qr/^1\.2\.7\b/) },
		status    => 0,
		found     => {},
		passed    => [qw(7635-7-19 5389-7.3.1-01)], # 420, which lists 0x001B, before and after a password
	},
	{
		target    => 'pion',
		installed => sub {
			lacks_package('golang-go', qr/^/) || lacks_package('golang-github-pion-turn.v2-dev', qr/^2\.1\.0\b/)
				|| lacks_package('golang-github-pion-dtls.v2-dev', qr/^2\.2\.6\b/);
		},
		status    => 1,
		found     => { '5389-7.3.1-01' => 'fail' }, # it answers no unknown attribute with 420
		passed    => [qw(5389-15.5-01)],           # FINGERPRINT, which it adds to answers to Binding
	},
);

for my $peer (@peers) {
	my $lacks = $peer->{installed}->();
	SKIP: {
		skip "$peer->{target}: $lacks", 1 if $lacks;
		subtest $peer->{target} => sub {
			my $out = tmp();
			my ($status, $tap, $errors) = run({ timeout => 400 }, assay(), 'run', '--format', 'tap', '--out', $out,
				'--target', "scripts/targets/$peer->{target}.lua");
			is $status, $peer->{status}, 'the run ends as it should' or diag $errors, $tap;
			my %results = results(json_lines("$out/results.ndjson"));
			my $worst = worst_of(\%results);
			my %found = map { $_ => $worst->{$_} } grep { $worst->{$_} ne 'pass' } keys %$worst;
			is_deeply \%found, $peer->{found}, 'its deviations are the measured ones' or diag explain \%found;
			is $worst->{$_}, 'pass', "$_ is seen to hold" for @{ $peer->{passed} };
			my %verdicts; # of a scenario, over all transports
			$verdicts{ $_->{id} =~ s/\@\w+$//r }{ $_->{verdict} } = 1 for grep { $_->{verdict} ne 'skip' } values %results;
			is_deeply [grep { keys %{ $verdicts{$_} } > 1 } sort keys %verdicts], [], 'over each transport the same';
			ok @{ $_->{exchange} } > 0, "$_->{id}: the exchange is there" for grep { $_->{verdict} eq 'fail' } values %results;
		};
	}
}

done_testing;
