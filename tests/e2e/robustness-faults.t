#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# What the robustness suite finds: each of its scenarios falls to the faults that it names, over the transport that it is
# about; a death is blamed on the message that it came of and written down, and what was written kills again, but not a
# target without the fault. That the reference withstands all of it: robustness.t.
# ROBUSTNESS_JOBS: runs at once (default 6); ROBUSTNESS_FAULTS: a pattern of the faults to try (default: all).
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use fixture;
use helper;
use Test::More;

my @short = ('--no-capture', '--format', 'json', '--rto', '0.05', '--rc', '4', '--rm', '8');
my $only = defined $ENV{ROBUSTNESS_FAULTS} ? qr/$ENV{ROBUSTNESS_FAULTS}/ : undef;

# Runs assay with the words of each, several at once. Each has its status and results then.
sub together {
	my @waiting = @_;
	my @running;
	while (@waiting || @running) {
		while (@waiting && @running < ($ENV{ROBUSTNESS_JOBS} || 6)) {
			my $one = shift @waiting;
			$one->{process} = start(assay(), @{ $one->{words} });
			push @running, $one;
		}
		wait_until { grep { !$_->{process}->alive } @running } 1;
		for my $one (grep { !$_->{process}->alive } @running) {
			$one->{status} = $one->{process}->stop;
			$one->{results} = { results(json_lines($one->{process}->out)) };
		}
		@running = grep { !defined $_->{status} } @running;
	}
}

# Each scenario against each fault that it names. A target that falls silent is waited for longest, so these go first.
my ($listed, $faults) = map { (run(assay(), @$_, '--format', 'json'))[1] }
	['list', 'robustness'], ['serve', '--list-faults'];
my @scenarios = grep { $_->{id} =~ /^robustness/ } json_lines($listed);
my %kind = map { $_->{name} => $_ } json_lines($faults);
my (@all, %named);
for my $scenario (grep { $_->{id} ne 'robustness/reproduce/input' } @scenarios) {
	ok scalar @{ $scenario->{faults} }, "$scenario->{id} names a fault";
	for my $fault (@{ $scenario->{faults} }) {
		$named{$fault} = 1;
		next if $only && $fault !~ $only;
		my ($transport) = grep { /^(?:tcp|tls|dtls)$/ } @{ $scenario->{needs} }, 'udp';
		my $out = tmp() . '/out';
		push @all, { id => $scenario->{id}, fault => $fault, transport => $transport // 'udp', out => $out, words =>
			['run', @short, '--transport', $transport // 'udp', '--fault', $fault, '--out', $out, $scenario->{id}] };
	}
}
is join(' ', grep { ($kind{$_}{suite} // '') eq 'robustness' && !$named{$_} } sort keys %kind), '',
	'each fault made for it is named';
together(sort { ($b->{fault} =~ /^(?:hang|exhaust)/) <=> ($a->{fault} =~ /^(?:hang|exhaust)/) } @all);

for my $one (@all) {
	my $name = "$one->{id}, $one->{fault}";
	my $result = $one->{result} = $one->{results}{ $one->{id} };
	is $result && $result->{verdict}, 'fail', "$one->{id} falls to $one->{fault}"
		or diag $one->{process}->err, $result && $result->{reason};
	my %cited = map { $_->{requirement} => $_->{verdict} } grep { $_->{requirement} } @{ $result->{checks} };
	my ($reproducer) = map { json_lines($_) } grep { -e } "$one->{out}/reproducer-1.json";
	# A fault of answers is seen by the check of answers, and leaves the target alive.
	if (($kind{ $one->{fault} }{requirements}[0] // '') eq '5389-6-01') {
		is $cited{'5389-6-01'}, 'fail', "$name: the form of the answers is what fails";
		unlike $result->{reason}, qr/goes on serving/, "$name: and nobody died";
		ok !$reproducer, "$name: nor is there a reproducer";
		next;
	}
	isnt $cited{'5389-6-01'}, 'fail', "$name: the answers are well-formed";
	next if $one->{fault} =~ /^(?:take|drop)-/; # it lives, and serves nobody
	ok $reproducer, "$name: there is a reproducer" or next;
	ok $reproducer->{confirmed}, "$name: it killed again";
	is $reproducer->{transport}, $one->{transport}, "$name: it names the transport";
	my $last = $reproducer->{messages}[-1];
	my $blamed = $one->{fault} =~ /^exhaust/ ? $reproducer->{messages}[0]{what} : $last->{what};
	like $result->{reason}, qr/ after (?:.*; then )?\Q$blamed\E/, "$name: its message is the one that is blamed";
	is $cited{'7635-7-05'}, $one->{id} =~ m{/token/} ? 'fail' : undef, "$name: a requirement, where there is one";
	like join("\n", @{ $result->{notes} }), qr/\Q$reproducer->{command}\E/, "$name: the command is told";
	next if $one->{fault} =~ /^exhaust/; # which takes very many
	is scalar @{ $reproducer->{messages} }, 1, "$name: one message is enough";
	my $octets = join '', map { $_->{hex} // '' } grep { $_->{direction} eq 'sent' } @{ $result->{exchange} };
	cmp_ok index($octets, $last->{sent}), '>=', 0, "$name: its octets are in the report";
	$one->{reproducer} = $reproducer;
}

# Sent again, it kills again; a target without the fault outlives it. Once for each fault, and over each transport.
my (%seen, @again);
for my $one (grep { $_->{reproducer} } @all) {
	next if $seen{"$one->{fault} $one->{transport}"}++;
	next if $one->{fault} =~ /^hang/ && $one->{fault} ne 'hang-on-empty-token'; # they take their time
	my ($program, $command, @words) = split ' ', $one->{reproducer}{command};
	is $program, 'assay', "$one->{fault}: the command is one of assay";
	push @again, { of => $one, words => [$command, @short, @words] },
		{ of => $one, words => ['run', @short, '--input', "$one->{out}/reproducer-1.json"], healthy => 1 };
}
together(@again);
for my $again (@again) {
	my $one = $again->{of};
	my $name = "$one->{fault} over $one->{transport}";
	my $result = $again->{results}{'robustness/reproduce/input'};
	if ($again->{healthy}) {
		is $again->{status}, 0, "$name: a target without the fault outlives it"
			or diag map { "$_->{id}: $_->{reason}\n" } grep { $_->{verdict} eq 'fail' } values %{ $again->{results} };
		next;
	}
	is $again->{status}, 1, "$name: it kills again";
	like $result->{reason}, qr/\Q$one->{reproducer}{messages}[0]{what}\E/, "$name: and says of what";
	is $result->{rerun} && $result->{rerun} =~ /--input/ ? 1 : 0, 1, "$name: and how to send it once more";
}

# A reproducer that cannot be written takes no verdict; it is said why.
{
	my $out = tmp();
	mkdir "$out/reproducer-1.json" or die "$out: $!";
	my ($status, $text, $err) = run({ timeout => 120 }, assay(), 'run', @short, '--transport', 'udp', '--fault', 'crash-on-attribute-length', '--out', $out,
		'robustness/attributes/lengths');
	is $status, 1, 'no reproducer: the scenario fails all the same' or diag $err;
	my %result = results(json_lines($text));
	my $notes = join "\n", @{ $result{'robustness/attributes/lengths'}{notes} };
	like $notes, qr/^the reproducer cannot be written: cannot open \Q$out\E\/reproducer-1\.json: Is a directory$/m, 'no reproducer: it is said why';
	unlike $notes, qr/sends it again/, 'no reproducer: and none is named';
}

done_testing;
