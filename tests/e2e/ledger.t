#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# The ledger has no unexplained hole: what a server or a token owes is judged by a scenario or an invariant, or it is
# said why not, and never both. A run gives the same ledger with the target's verdicts.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use helper;
use Test::More;

my ($status, $listed) = run(assay(), 'list', '--requirements', '--format', 'json');
is $status, 0, 'the ledger is listed';
my @rows = json_lines($listed);
cmp_ok scalar @rows, '>', 200, 'with all requirements';

my @unshown = grep { $_->{role} =~ /^(server|client|token)$/ && !$_->{implied_by} && !@{ $_->{captures} } && !@{ $_->{invariants} }
	&& grep { $_ eq 'pcap' } @{ $_->{observed} } } @rows;
is_deeply [map { $_->{id} } @unshown], [], 'nothing that a capture can show is without a rule for captures';

my ($scenarios) = (run(assay(), 'list', '--format', 'json'))[1];
my %known = map { $_->{id} => { map { $_ => 1 } @{ $_->{covers} } } } grep { @{ $_->{covers} } } json_lines($scenarios);

my (@holes, @both, @strangers, @vague);
for my $row (@rows) {
	my @judges = (@{ $row->{scenarios} }, @{ $row->{invariants} });
	my $reason = $row->{untestable} // $row->{uncovered};
	push @holes, $row->{id} if !@judges && !defined $reason && $row->{role} =~ /^(server|token)$/;
	push @both, $row->{id} if @judges && defined $reason;
	push @vague, $row->{id} if defined $reason && length $reason < 20;
	push @strangers, "$row->{id}: $_" for grep { !$known{$_}{ $row->{id} } } @judges, @{ $row->{captures} };
	push @strangers, "$row->{id}: $_" for grep { !m{^invariants/} } @{ $row->{invariants} };
	push @strangers, "$row->{id}: $_" for grep { m{^invariants/} } @{ $row->{scenarios} };
}
is_deeply \@holes, [], 'no requirement of a server or a token is without a judge and without a reason';
is_deeply \@both, [], 'no reason is given for one that is judged';
is_deeply \@vague, [], 'a reason is a sentence';
is_deeply \@strangers, [], 'what judges a requirement exists and covers it';
my %judged = map { $_ => 1 } map { @{ $_->{scenarios} }, @{ $_->{invariants} }, @{ $_->{captures} } } @rows;
is_deeply [sort keys %judged], [sort keys %known], 'and every scenario and invariant judges what it covers';

# The same for people.
my ($text_status, $text) = run(assay(), 'list', '--requirements');
is $text_status, 0, 'the ledger for people';
is scalar(() = $text =~ /^\S/mg), scalar @rows, 'has as many requirements';
like $text, qr{^7635-4-03  .*\n    server/challenge/nonce$}m, 'with what judges each';
like $text, qr{^7518-5\.2\.2\.2-01  .*\n    not testable: \w}m, 'or why nothing can';
like $text, qr{^7635-6\.2-08  .*\n    invariants/tokens \(captures\)\n    not judged in runs: \w}m, 'or does';

# After a run.
my $out = tmp();
($status) = run({ timeout => 120 }, assay(), 'run', '--no-capture', '--format', 'tap', '--out', $out);
is $status, 0, 'the reference is certified';
my @lines = json_lines("$out/results.ndjson");
my %line = map { $_->{id} => $_ } grep { $_->{type} eq 'requirement' } @lines;
my %type_at; # the lines stand together, between the scenarios and the summary
push @{ $type_at{ $lines[$_]{type} } }, $_ for 0 .. $#lines;
cmp_ok $type_at{requirement}[0], '>', $type_at{scenario}[-1], 'behind the scenarios there are requirements';
cmp_ok $type_at{requirement}[-1], '<', $type_at{summary}[0], 'and then comes the summary';
my @missing = grep { !$line{ $_->{id} } && $_->{role} =~ /^(server|token)$/ } @rows;
is_deeply [map { $_->{id} } @missing], [], 'no requirement of a server or a token is left out';
my %worst;
my %weight = (pass => 1, inconclusive => 2, warn => 3, fail => 4);
for my $result (grep { $_->{type} eq 'scenario' } @lines) {
	for my $check (@{ $result->{checks} }) {
		my $entry = $worst{ $check->{requirement} } ||= { verdict => 'pass' };
		$entry->{verdict} = $check->{verdict} if $weight{ $check->{verdict} } > $weight{ $entry->{verdict} };
		$entry->{by}{ $result->{id} } = 1;
	}
}
my @wrong;
for my $id (sort keys %line) {
	my $entry = $line{$id};
	if (my $seen = $worst{$id}) {
		push @wrong, "$id: $entry->{verdict}, not $seen->{verdict}" if $entry->{verdict} ne $seen->{verdict};
		my %named = map { $_ => 1 } @{ $entry->{scenarios} };
		push @wrong, "$id: $_ is not named" for grep { !$named{$_} } keys %{ $seen->{by} };
	} else {
		push @wrong, "$id: $entry->{verdict} without a check" if $entry->{verdict} !~ /^(none|skip|inconclusive)$/;
		push @wrong, "$id: no reason" if !length($entry->{reason} // '');
	}
	push @wrong, "$id: lacks $_" for grep { !length($entry->{$_} // '') } qw(level role verdict text);
	push @wrong, "$id: no list" if ref $entry->{scenarios} ne 'ARRAY';
}
is_deeply \@wrong, [], 'each line is what the checks say';

# Of a part of the suite only that part.
my @one = ('--no-capture', '--fault', 'omit-nonce', 'server/challenge/nonce');
my ($part_status, $part) = run(assay(), 'run', '--format', 'json', @one);
is $part_status, 1, 'a run of one scenario';
my %part = map { $_->{id} => $_->{verdict} } grep { $_->{type} eq 'requirement' } json_lines($part);
is $part{'7635-4-03'}, 'fail', 'has its verdict';
ok !exists $part{'7635-7-09'}, 'and none of what it did not look at';

my ($tap_status, $tap) = run(assay(), 'run', '--format', 'tap', @one);
like $tap, qr/^# broken: 7635-4-03, IMPLIED, fail: /m, 'TAP lists what is broken';
my ($pretty_status, $pretty) = run(assay(), 'run', '--format', 'pretty', @one);
like $pretty, qr/^broken\n  7635-4-03 +IMPLIED +fail +\S/m, 'and so does the report for people';

done_testing;
