#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# A run that is interrupted: it stops at once, stops its target, reports what it has, and ends with status 130.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use fixture;
use helper;
use Test::More;
use Time::HiRes qw(time);

# Interrupts a run when its output has the pattern, and looks at what it leaves. Returns the lines of its results.
sub interrupted {
	my ($name, $signal, $pattern, @arguments) = @_;
	my %env = marked();
	my $out = tmp() . '/out';
	my $process = start({ env => \%env }, assay(), 'run', '--format', 'tap', '--out', $out, @arguments);
	ok $process->wait_for($pattern, 30), "$name: it is under way" or diag $process->err;
	my $began = time;
	kill $signal, $process->pid;
	ok wait_until(sub { !$process->alive }, 10), "$name: it ends";
	my $seconds = time - $began;
	is $process->stop, 130, "$name: status 130";
	cmp_ok $seconds, '<', 5, sprintf '%s: within 5 s (%.1f s)', $name, $seconds;
	is join("\n", left_behind(%env)), '', "$name: nothing is left behind";
	unlike $process->err, qr/bug|traceback|error/i, "$name: nothing went wrong";

	my $tap = $process->out;
	like $tap, qr/^Bail out! interrupted: (\d+) of (\d+) scenarios have run\n\z/m, "$name: TAP bails out with how far it came";
	my ($done, $planned) = $tap =~ /interrupted: (\d+) of (\d+)/;
	is scalar(() = $tap =~ /^(?:not )?ok /mg), $done, "$name: as many are reported";
	is slurp("$out/results.tap"), $tap, "$name: results.tap says the same";
	my @lines = json_lines("$out/results.ndjson");
	my $summary = of_type('summary', @lines);
	ok $summary->{interrupted}, "$name: the summary says that it was interrupted";
	is scalar(() = of_type('scenario', @lines)), $done, "$name: results.ndjson has as many";
	is $summary->{done}, $done, "$name: and counts them";
	is $summary->{planned}, $planned, "$name: of those that were planned";
	my ($status, undef, $err) = run('capinfos', "$out/capture.pcapng");
	is $status, 0, "$name: the capture can be read" or diag $err;
	return @lines;
}

# While scenarios run beside each other, most of them waiting for answers that never come.
my @lines = interrupted('waiting', 'INT', qr/^(not )?ok 3 /m, '--fault', 'drop-stale', 'server');
is join(' ', grep { $_->{verdict} eq 'inconclusive' } of_type('scenario', @lines)), '', 'waiting: what was given up has no verdict';
interrupted($_, $_, qr/^ok 3 /m, '--jobs', 2, 'server') for qw(TERM HUP);

# While one runs that waits for time to pass.
interrupted('one that waits', 'INT', qr/^1\.\./m, 'server/granted-lifetime/what-is-left', 'server/challenge');

# Two signals, one behind the other, are as good as one.
{
	my $process = start(assay(), 'run', '--format', 'tap', 'server');
	ok $process->wait_for(qr/^ok 3 /m, 30), 'twice: it is under way';
	kill 'INT', $process->pid for 1, 2;
	ok wait_until(sub { !$process->alive }, 10), 'twice: it ends';
	is $process->stop, 130, 'twice: status 130';
	is scalar(() = $process->out =~ /^Bail out!/mg), 1, 'twice: one report';
}

# Before the target answers.
{
	my %env = marked();
	my $process = start({ env => \%env }, assay(), 'run', '--format', 'json', '--no-third-party', '--launch',
		'echo up >"$ASSAY_FOLDER/../up"; sleep 600', 'server');
	ok wait_until(sub { -e "$env{TMPDIR}/up" }, 30), 'before it answers: the target was started';
	my $began = time;
	kill 'INT', $process->pid;
	ok wait_until(sub { !$process->alive }, 10), 'before it answers: it ends';
	cmp_ok time - $began, '<', 5, 'before it answers: within 5 s';
	is $process->stop, 130, 'before it answers: status 130';
	unlink "$env{TMPDIR}/up";
	is join("\n", left_behind(%env)), '', 'before it answers: nothing is left behind';
	my @types = map { $_->{type} } json_lines($process->out);
	is $types[-1], 'summary', 'before it answers: the report is ended';
}

# A target that does not let itself be stopped is killed; who loses patience meanwhile loses no report.
{
	my %env = marked();
	my $process = start({ env => \%env }, assay(), 'run', '--format', 'json', '--no-third-party', '--launch',
		q{cd "$ASSAY_FOLDER/.."; exec perl -e '$SIG{TERM} = sub { open my $file, ">", "asked" }; open my $file, ">", "up"; sleep while 1'},
		'server');
	ok wait_until(sub { -e "$env{TMPDIR}/up" }, 30), 'stubborn: the target was started';
	kill 'INT', $process->pid;
	ok wait_until(sub { -e "$env{TMPDIR}/asked" }, 30), 'stubborn: it was asked to end';
	kill 'INT', $process->pid;
	ok wait_until(sub { !$process->alive }, 10), 'stubborn: it ends';
	is $process->stop, 130, 'stubborn: status 130';
	is((json_lines($process->out))[-1]{type}, 'summary', 'stubborn: the report is ended');
	unlink "$env{TMPDIR}/up", "$env{TMPDIR}/asked";
	is join("\n", left_behind(%env)), '', 'stubborn: nothing is left behind';
}

# The reference server ends well when it is interrupted.
for my $signal (qw(INT TERM)) {
	my ($server) = reference({});
	kill $signal, $server->pid;
	ok wait_until(sub { !$server->alive }, 10), "assay serve: SIG$signal ends it";
	is $server->stop, 0, "assay serve: SIG$signal is status 0";
}

done_testing;
