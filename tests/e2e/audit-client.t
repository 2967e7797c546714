#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# What captures show of clients and of who issues tokens: on traffic of turnutils_uclient and coturn as it is, of which
# the deviations are known, and on made-up conversations (crafted-captures.lua) with one deviation each.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use helper;
use fixture;
use Test::More;

# Made-up conversations.
my $folder = tmp();
my $crafter = tree('suites/support/list.lua' => slurp('tests/e2e/crafted-captures.lua'));
my ($status, $out, $err) = run($crafter, 'list', $folder);
is $status, 0, 'the captures are made' or diag $err;
my ($key, $lines) = split /\n/, $out, 2;
my @cases = json_lines($lines // '');
cmp_ok scalar @cases, '>', 20, 'many of them';
my @audit = (assay(), 'audit', '--format', 'json', '--key', $key, '--identity', 'alice@example.com');

# file name -> requirement -> verdict; file name -> requirement -> findings
sub verdicts_of {
	my (@more) = @_;
	my ($result, $output, $problem) = run({ timeout => 120 }, @audit, @more, $folder);
	my (%verdict, %finding);
	for my $record (json_lines($output)) {
		my ($name) = ($record->{file} // '') =~ m{([^/]+)\.pcapng$} or next;
		$verdict{$name}{ $record->{requirement} } = $record->{verdict} if $record->{type} eq 'requirement';
		push @{ $finding{$name}{ $record->{requirement} } }, $record if $record->{type} eq 'finding';
	}
	diag $problem if !%verdict;
	return (\%verdict, \%finding);
}

my ($verdict, $finding) = verdicts_of('--complete');
for my $case (sort { $a->{name} cmp $b->{name} } @cases) {
	my $name = $case->{name};
	for my $id (sort keys %{ $case->{expected} }) {
		my $got = $verdict->{$name}{$id} // 'none';
		$got = 'none' if $got eq 'skip';
		$got = 'none' if $got eq 'pass' && $case->{expected}{$id} eq 'none';
		is $got, $case->{expected}{$id}, "$name: $id" or diag explain $finding->{$name};
		next if $got !~ /^(warn|fail)$/;
		my ($first) = @{ $finding->{$name}{$id} };
		cmp_ok $first->{frames}[0], '>', 0, "$name: $id: with a frame";
		is scalar @{ $first->{flows} }, 1, "$name: $id: and a flow";
	}
	my @more = grep { !$case->{expected}{$_} && $finding->{$name}{$_}[0]{role} ne 'server' }
		keys %{ $finding->{$name} };
	is "@more", '', "$name: and nothing else of clients and tokens" or diag explain $finding->{$name};
}

# What is not certain of a capture that may have begun late is no finding.
($verdict) = verdicts_of();
isnt $verdict->{$_->[0]}{ $_->[1] } // 'none', $_->[2], "$_->[0]: no $_->[2] where the capture may have begun late"
	for ['credentials-at-once', '7635-4-01', 'warn'], ['made-up-nonce', '5389-10.2.2-05', 'fail'],
	['second-allocation', '5766-6.2-01', 'fail'], ['everything-twice', '5389-7.3.1-02', 'pass'],
	['type-of-their-own', '5389-7.3.1-01', 'fail'], ['not-offered-to-all', '7635-4-05', 'fail'],
	['refused-near-the-end', '7635-9-12', 'fail'], ['spoilt-token-let-in', '7635-9-04', 'fail'],
	['through-a-proxy', '5766-6.2-03', 'fail'], ['started-anew', '7635-9-12', 'fail'],
	['crossed-on-the-way', '5389-10.2.2-05', 'fail'], ['crossed-on-the-way', '7635-9-15', 'warn'];
is $verdict->{'asked-again'}{'5389-7.3.1-02'}, 'pass', 'a retransmission is one whoever captured';
my @conforming = qw(good retransmitted asked-again many-open late-copy short-term renewal-lost new-allocation-half-lost
	same-octets-later asked-again-too-late everything-twice answers-twice clock-set-forward tokens-of-other-flows type-given-once
	type-of-their-own not-offered-to-all refused-near-the-end through-a-proxy
	started-anew heard-at-two-places from-the-other-address asked-as-of-old mismatch-first
	heard-where-the-clock-is-late tokens-by-turns crossed-on-the-way
	without-waiting old-token-sent-again);
for my $name (@conforming) {
	is join(' ', sort grep { $verdict->{$name}{$_} =~ /^(warn|fail)$/ && $_ !~ /^7635-9-03$/ } keys %{ $verdict->{$name} }), '',
		"$name: nothing that the text allows is broken";
}
is $verdict->{'refused-all-the-same'}{'7635-9-12'}, 'fail', 'a session request that is refused with the nonce as it was is found in any capture';
is $verdict->{'attribute-behind'}{'7635-5-03'}, 'fail', 'what the message itself shows is certain all the same';

# The name that is given is for tokens that the name of the 401 does not open: there may be several servers.
my ($named) = verdicts_of('--server-name', 'another.example.org');
is $named->{good}{'7635-6.1-01'}, 'pass', 'a server that announces another name than the one given breaks nothing';
is $named->{good}{'7635-5-05'}, 'pass', 'and its tokens open';
($named) = verdicts_of('--server-name', 'another.example.org', '--complete');
is $named->{good}{'7635-6.1-01'}, 'fail', 'unless it is the only one';

# A flow that was let go and goes on: what was there before may be missing, also where the capture is complete.
my ($crowded) = verdicts_of('--complete', '--sessions', '1');
is $crowded->{'tokens-of-other-flows'}{'5389-6-01'}, 'pass', 'no answer is called unasked for where its request was forgotten';

# uclient and coturn.
my $real = tmp();
my ($made, undef, $problem) = run({ timeout => 120 }, 'scripts/captures/make.sh', 'small', $real);
is $made, 0, 'uclient and coturn are recorded' or diag $problem;
($status, $out, $err) = run({ timeout => 60 }, assay(), 'audit', "$real/small.pcap", '--key', "\@$real/small.keys",
	'--keylog', "$real/small.keylog", '--user', 'ninja:youhavetoberealistic', '--format', 'json');
is $status, 1, 'something fails' or diag $err;
my (%found, %said);
for my $record (json_lines($out)) {
	push @{ $found{ $record->{requirement} } }, $record if $record->{type} eq 'finding';
	$said{ $record->{requirement} } = $record->{verdict} if $record->{type} eq 'requirement';
}
is join(' ', sort map { "$_->{label}: $_->{verdict}" } @{ $found{'7635-5-05'} }), 'in answers: fail in requests: fail',
	'the key of 16 octets is named, once for requests and once for answers';
cmp_ok $_->{count}, '>', 20, "and how often: $_->{label}" for @{ $found{'7635-5-05'} };
is scalar(grep { @{ $_->{frames} } < 1 } map { @$_ } values %found), 0, 'everything that is found has frames';
ok scalar(grep { $_->{label} =~ /NUL/ && $_->{verdict} eq 'warn' } @{ $found{'5389-7.3.1.1-01'} }), 'NULs in reasons';
ok scalar(grep { $_->{label} eq 'Refresh' && $_->{softened} eq 'AMB-08' } @{ $found{'7635-9-06'} }),
	'Refreshes are granted more than their token';
is scalar @{ $found{'7635-9-06'} }, 1, 'which is one finding';
for my $id (qw(5389-6-02 5389-15.4-01 5389-15.5-02 7635-4-01 7635-5-03 7635-6.2-02 7635-6.2-07 7635-6.2-08 7635-6.2-12
	7635-9-03 7635-9-15 7635-11-03)) {
	is $said{$id}, 'pass', "uclient: $id";
}
# When it is refused in a hurry it sends a token with ChannelBind too: not in every recording.
like $said{'7635-9-02'}, qr/^(pass|fail)$/, 'uclient: 7635-9-02 is judged';

done_testing;
