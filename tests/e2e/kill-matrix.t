#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# The kill matrix: every scenario of the server role against every fault of the reference server, references side by
# side. It holds that
#   - the conforming server is failed by nothing, and neither is any conforming variant of it;
#   - each fault is caught by some check, and each check catches some fault, over each transport;
#   - the faults that a scenario names do catch it;
#   - a scenario's checks cite what it declares to cover, no more and no less;
#   - a server that refuses everything passes no check of an acceptance, one that accepts everything none of a refusal.
# Faults are looked at over UDP and TCP, or where else they show; then those checks that were not seen to catch anything
# over TLS, DTLS or IPv6 are put to faults that they catch over UDP or TCP.
# KILL_MATRIX_DUMP: a file that takes each kill as a line: scenario, check and fault, with tabs between.
# KILL_MATRIX_JOBS: references at once (default 20). KILL_MATRIX_FAULTS: a pattern, to look at some faults only.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use helper;
use Test::More;

my $jobs = $ENV{KILL_MATRIX_JOBS} || 20;
my $only = $ENV{KILL_MATRIX_FAULTS};

my ($status, $listed) = run(assay(), 'serve', '--list-faults', '--format', 'json');
is $status, 0, 'the reference lists its faults';
my @faults = grep { !$_->{suite} } json_lines($listed); # those for other suites: robustness-faults.t
my %fault = map { $_->{name} => $_ } @faults;
cmp_ok scalar @faults, '>', 90, 'there are ' . @faults . ' of them';
@faults = grep { $_->{name} =~ /$only/ } @faults if $only;

# Runs: one of the conforming server in each of its two modes, then each fault in the mode that it belongs to.
my @runs = ({ name => '', mode => 'tokens' }, { name => '', mode => 'plain' });
for my $fault (@faults) {
	# What becomes of unknown attributes is judged in either mode.
	my $both = $fault->{kind} eq 'variant' || grep { $_ eq '5389-7.3.1-01' } @{ $fault->{requirements} };
	my @modes = $both ? qw(tokens plain) : $fault->{plain} ? 'plain' : 'tokens';
	push @runs, map { { name => $fault->{name}, mode => $_, kind => $fault->{kind} } } @modes;
}

# A short schedule, of 1.1 s, keeps the faults that answer nothing from holding up the matrix. The conforming server
# answers, however busy the machine is, and has all the time it needs; its variants, of which some lose answers, have 5.5 s.
sub command_of {
	my ($run) = @_;
	# The conforming server is asked over all that it offers, and so are scenarios that are named with their transport.
	my @transports = $run->{name} eq '' || $run->{only} ? ()
		: $fault{ $run->{name} }{transports} ? ('udp', @{ $fault{ $run->{name} }{transports} }) : qw(udp tcp);
	my $rto = ($run->{kind} // '') eq 'variant' ? 0.5 : 0.1;
	return (
		assay(), 'run', '--no-capture', '--format', 'json', ($run->{name} ne '' ? ('--rto', $rto, qw(--rc 4 --rm 4)) : ()),
		($run->{mode} eq 'plain' ? '--no-third-party' : ()), (map { ('--transport', $_) } @transports),
		($run->{name} ne '' ? ('--fault', $run->{name}) : ()), @{ $run->{only} || ['server'] }
	);
}

my $limit = 1500; # only a bound: a busy machine is no failure
my $began = time;

# Runs them side by side, and keeps what each reported. False when they do not end.
sub perform {
	my @waiting = @_;
	my @running;
	while (@waiting || @running) {
		while (@waiting && @running < $jobs) {
			my $run = shift @waiting;
			$run->{process} = start(command_of($run));
			push @running, $run;
		}
		wait_until { grep { !$_->{process}->alive } @running } 1;
		my (@ended, @still);
		push @{ $_->{process}->alive ? \@still : \@ended }, $_ for @running;
		@running = @still;
		for my $run (@ended) {
			$run->{status} = $run->{process}->stop;
			# The messages are most of a result, and nothing here looks at them. No text in JSON holds a bare quote.
			my $output = $run->{process}->out =~ s/"exchange":\[.*?\],(?="title":)//gr;
			my @lines = json_lines($output);
			$run->{results} = [grep { $_->{type} eq 'scenario' } @lines];
			($run->{summary}) = grep { $_->{type} eq 'summary' } @lines;
			$run->{err} = $run->{process}->err;
		}
		if (time > $began + $limit) {
			diag 'still running: ' . join ', ', map { "$_->{name} ($_->{mode})" } @running, @waiting;
			return 0;
		}
	}
	return 1;
}

ok perform(@runs), "the matrix is done within $limit s";

sub name_of { my ($id, $check) = @_; return join ' ', grep { defined && length } $id, $check->{requirement}, $check->{label} }

# Verdicts of a run by check.
sub checks_of {
	my ($run) = @_;
	my %verdict;
	for my $result (@{ $run->{results} || [] }) {
		$verdict{ name_of($result->{id}, $_) } = $_->{verdict} for @{ $result->{checks} };
	}
	return \%verdict;
}

my %conforming; # check -> 1, over both modes
my %looked_at;  # scenario -> 1: it did not skip
sub note_conforming {
	my ($run, @results) = @_;
	for my $result (grep { $_->{verdict} ne 'skip' } @results) {
		my %cited = map { $_->{requirement} => 1 } @{ $result->{checks} };
		is join(' ', sort keys %cited), join(' ', sort @{ $result->{requirements} }),
			"$result->{id} covers what its checks cite ($run->{mode})";
		$conforming{ name_of($result->{id}, $_) } = 1 for @{ $result->{checks} };
		$looked_at{ $result->{id} =~ s/@.*//r } = 1;
	}
	return;
}
for my $run (grep { $_->{name} eq '' } @runs) {
	is $run->{status}, 0, "the conforming server passes ($run->{mode})" or diag $run->{err};
	my @bad = grep { $_->{verdict} !~ /^(pass|skip)$/ } @{ $run->{results} };
	is scalar @bad, 0, "nothing fails it ($run->{mode})";
	diag "$_->{id}: $_->{verdict}: $_->{reason}" for @bad;
	note_conforming($run, @{ $run->{results} });
}
# What the conforming server is not asked, a variant of it is.
if (my ($variant) = grep { $_->{name} eq 'authenticate-binding' && $_->{mode} eq 'tokens' } @runs) {
	note_conforming($variant, grep { $_->{id} =~ m{^server/} && !$looked_at{ $_->{id} =~ s/@.*//r } } @{ $variant->{results} });
}

my (%killers, %kills, %fell, %mode);
sub note_kills {
	my ($run) = @_;
	my $verdicts = checks_of($run);
	for my $check (grep { $verdicts->{$_} =~ /^(fail|warn)$/ } keys %$verdicts) {
		push @{ $killers{$check} }, $run->{name};
		$mode{$check}{ $run->{name} } = $run->{mode};
		push @{ $kills{ $run->{name} } }, $check;
	}
	$fell{ $run->{name} }{ $_->{id} =~ s/@.*//r } = 1 for grep { $_->{verdict} =~ /^(fail|warn)$/ } @{ $run->{results} };
	return;
}

note_kills($_) for grep { $_->{name} ne '' && $_->{kind} ne 'variant' } @runs;

($status, $listed) = run(assay(), 'list', '--format', 'json', 'server');
my @scenarios = grep { !$_->{captures} } json_lines($listed); # what judges captures alone: audit-same-judge.t

# Where a busy machine left a scenario without a verdict on a fault that it names, it is asked again; and on a fault that
# nothing has caught, whatever it names.
{
	my %named = map { $_->{id} => { map { $_ => 1 } @{ $_->{faults} } } } @scenarios;
	my @again;
	for my $run (grep { $_->{name} ne '' && $_->{kind} ne 'variant' } @runs) {
		my %open;
		for my $result (grep { $_->{verdict} eq 'inconclusive' } @{ $run->{results} }) {
			my $scenario = $result->{id} =~ s/@.*//r;
			next if $fell{ $run->{name} }{$scenario};
			$open{ $result->{id} } = 1 if $named{$scenario}{ $run->{name} } || !$kills{ $run->{name} };
		}
		push @again, { name => $run->{name}, mode => $run->{mode}, kind => 'fault', only => [sort keys %open] } if %open;
	}
	diag "$_->{name}: asked again: @{ $_->{only} }" for @again;
	ok perform(@again), 'what was left open is asked again' if @again;
	note_kills($_) for @again;
	push @runs, @again;
}

# Where a check was not seen to catch anything over some transport, a fault that it catches over another is put before
# it there: of those the one that is good for most of them, and another where that shows over no other transport.
my %tried;
for my $round (1 .. 8) {
	last if $only;
	my %open; # fault and mode -> check -> the instance of its scenario
	for my $check (grep { !$killers{$_} } keys %conforming) {
		my ($scenario, $transport, $rest) = $check =~ /^([^ @]+)@(\w+) (.*)$/ or next;
		for my $like ("$scenario $rest", map { "$scenario\@$_ $rest" } grep { $_ ne $transport } qw(tcp tls dtls)) {
			$open{$_}{$check} = "$scenario\@$transport"
				for grep { !$tried{$_}{$check} } map { "$_ $mode{$like}{$_}" } @{ $killers{$like} || [] };
		}
	}
	last if !%open;
	my @more;
	while (my ($best) = sort { keys %{ $open{$b} } <=> keys %{ $open{$a} } || $a cmp $b } keys %open) {
		my $checks = delete $open{$best};
		last if !%$checks;
		my %instances = map { $_ => 1 } values %$checks;
		my ($name, $mode) = split / /, $best;
		push @more, { name => $name, mode => $mode, kind => 'fault', only => [sort keys %instances] };
		for my $check (keys %$checks) {
			$tried{$best}{$check} = 1;
			delete $open{$_}{$check} for keys %open;
		}
	}
	ok perform(@more), "round $round of the other transports is done";
	note_kills($_) for @more;
	push @runs, @more;
}

for my $fault (grep { $_->{kind} ne 'variant' } @faults) {
	my $count = @{ $kills{ $fault->{name} } || [] };
	ok $count > 0, "the fault $fault->{name} is caught" or diag "$fault->{name}: $fault->{about}";
}

my @conforming = sort keys %conforming;
SKIP: {
	skip 'only some faults were looked at', 1 if $only;
	for my $check (@conforming) {
		ok $killers{$check}, "the check catches a fault: $check";
	}
}

cmp_ok scalar @scenarios, '>', 40, 'the scenarios are listed';
for my $scenario (@scenarios) {
	ok $looked_at{ $scenario->{id} }, "$scenario->{id} was looked at by a conforming server" if !$only;
	ok scalar @{ $scenario->{faults} }, "$scenario->{id} names a fault";
	for my $name (@{ $scenario->{faults} }) {
		if (!$fault{$name}) { fail "$scenario->{id}: there is no fault $name"; next }
		next if $only && $name !~ /$only/;
		ok $fell{$name}{ $scenario->{id} }, "$scenario->{id} falls to $name";
	}
}

# Variants. Two of them read an unclear passage as not recommended, which is worth a warning and no more.
my %warned_of = (
	'keep-to-one-kid'      => qr{^server/refresh/other-kid\b},
	'refuse-made-up-nonce' => qr{^server/long-term-checks/unknown-nonce\b},
);
for my $run (grep { ($_->{kind} // '') eq 'variant' } @runs) {
	my $verdicts = checks_of($run);
	my @failed = grep { $verdicts->{$_} eq 'fail' } keys %$verdicts;
	if ($run->{name} !~ /^(refuse|accept)-everything$/) {
		is scalar @failed, 0, "$run->{name} conforms, and is failed by nothing ($run->{mode})";
		diag "$run->{name}: $_" for @failed;
		my @warned = grep { $_->{verdict} eq 'warn' && !($warned_of{ $run->{name} } && $_->{id} =~ $warned_of{ $run->{name} }) }
			@{ $run->{results} };
		is scalar @warned, 0, "$run->{name} is warned of nothing else ($run->{mode})";
		diag "$run->{name}: $_->{id}: $_->{reason}" for @warned;
		my @unsure = grep { $_->{verdict} eq 'inconclusive' } @{ $run->{results} };
		is scalar @unsure, 0, "$run->{name} changes no verdict to inconclusive ($run->{mode})";
		diag "$run->{name}: $_->{id}: $_->{reason}" for @unsure;
	} elsif ($run->{mode} eq 'tokens') {
		cmp_ok $run->{status}, '>', 0, "$run->{name} is not certified";
		# A control stands in front of every refusal, and an acceptance is what a refusal catches.
		my %by_check;
		for my $result (@{ $run->{results} }) {
			push @{ $by_check{ $_->{expected} =~ /error response/ ? 'refusal' : $_->{expected} =~ /success response/ ? 'acceptance' : 'other' } },
				[$result, $_] for @{ $result->{checks} };
		}
		my $kind = $run->{name} eq 'refuse-everything' ? 'acceptance' : 'refusal';
		my @passed = grep { $_->[1]{verdict} eq 'pass' } @{ $by_check{$kind} || [] };
		# What needs no credentials, and what is refused for its form, is not what these two change.
		@passed = grep { name_of($_->[0]{id}, $_->[1]) !~ m{server/challenge/(unauthorized|realm-and-nonce)| bare$} } @passed;
		is scalar @passed, 0, "$run->{name} passes no check of a$kind" =~ s/aacc/an acc/r =~ s/aref/a ref/r;
		diag "$run->{name}: " . name_of($_->[0]{id}, $_->[1]) for @passed;
	}
}

if (my $dump = $ENV{KILL_MATRIX_DUMP}) {
	my $lines = '';
	for my $run (grep { $_->{name} ne '' && $_->{kind} ne 'variant' } @runs) {
		for my $result (@{ $run->{results} || [] }) {
			my $id = $result->{id} =~ s/@.*//r;
			$lines .= join("\t", $id, name_of('', $_), $run->{name}) . "\n"
				for grep { $_->{verdict} =~ /^(fail|warn)$/ } @{ $result->{checks} };
		}
	}
	spill($dump, $lines);
}

# The matrix itself, by check and by fault.
diag 'kill matrix: ' . @conforming . ' checks, ' . (grep { $_->{kind} ne 'variant' } @faults) . ' faults, '
	. (grep { $_->{kind} eq 'variant' } @faults) . ' variants, ' . @runs . ' runs, ' . int(time - $began) . ' s';
for my $check (@conforming) {
	my @names = sort @{ $killers{$check} || [] };
	diag sprintf '%3d  %s: %s', scalar @names, $check,
		join(' ', @names > 6 ? (@names[0 .. 5], '…') : @names);
}
diag sprintf '%d of %d checks catch a fault, %d of %d faults are caught, %d kills in all',
	scalar(grep { $killers{$_} } @conforming), scalar @conforming,
	scalar(grep { $kills{ $_->{name} } } @faults), scalar(grep { $_->{kind} ne 'variant' } @faults),
	eval { my $sum = 0; $sum += @$_ for values %kills; $sum };

done_testing;
