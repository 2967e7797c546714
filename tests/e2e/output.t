#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# Where results go and what becomes of them when they cannot: the forms of the report, results.ndjson, exit statuses,
# folders that cannot be written, a full disk, a reader that goes away.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use fixture;
use helper;
use TAP::Parser;
use Test::More;
use Time::HiRes qw(time);

my @quick = ('--rto', '0.05');

sub assay_run { return run({ timeout => 60 }, assay(), 'run', @quick, @_) }

sub capture_is_readable {
	my ($path, $name) = @_;
	my ($status, $out, $err) = run('capinfos', '-c', '-M', $path);
	is $status, 0, "$name: the capture can be read" or diag $err;
	return $out =~ /packets:?\s+(\d+)/ ? $1 : 0;
}

# The forms of one report.
my $folder = tmp();
my ($status, $out, $err) = assay_run('--format', 'tap', '--out', "$folder/tap", 'server/challenge');
is $status, 0, 'tap: status 0' or diag $err;
is $err, '', 'nothing on stderr when nobody watches';
is slurp("$folder/tap/results.tap") =~ s/^# reports in.*\n//mr, $out =~ s/^# reports in.*\n//mr, 'results.tap is the TAP of stdout';
my $parser = TAP::Parser->new({ tap => $out });
$parser->run;
is $parser->version, 13, 'tap: version 13';
ok !$parser->has_problems, 'tap: TAP::Parser has no problem with it';
my $planned = $parser->tests_planned;

($status, my $tap14) = assay_run('--format', 'tap14', 'server/challenge');
is $status, 0, 'tap14: status 0';
like $tap14, qr/\ATAP version 14\n1\.\.$planned\n/, 'tap14: version 14, the same plan';
($status, my $pretty) = assay_run('--format', 'pretty', 'server/challenge');
is $status, 0, 'pretty: status 0';
unlike $pretty, qr/TAP version|\e/, 'pretty: no TAP, and no colours outside a terminal';
like $pretty, qr/server\/challenge/, 'pretty: scenarios are named';
($status, my $piped) = assay_run('server/challenge');
like $piped, qr/\ATAP version 13\n/, 'in a pipe the form is TAP 13';
($status, my $json, $err) = assay_run('--format', 'json', '--out', "$folder/json", 'server/challenge');
is $status, 0, 'json: status 0';
is $json, slurp("$folder/json/results.ndjson"), 'json is results.ndjson';
is 'assay ' . of_type('run', json_lines($json))->{assay} . "\n", (run(assay(), '--version'))[1], 'json: the version is that of the program';

# results.ndjson, as the contract has it.
sub keeps_the_contract {
	my ($name, $text, $ended) = @_;
	my @lines = eval { json_lines($text) };
	is $@, '', "$name: every line is JSON";
	my @types = map { $_->{type} } @lines;
	is shift(@types), 'run', "$name: it begins with the run";
	is pop(@types), 'summary', "$name: it ends with the summary" if $ended;
	like join(' ', @types), qr/\A(scenario ?)*(requirement ?)*\z/, "$name: between them scenarios, then the ledger";
	my %count = map { $_ => 0 } qw(pass fail warn inconclusive skip);
	my @odd;
	for my $result (of_type('scenario', @lines)) {
		$count{ $result->{verdict} }++;
		my $where = $result->{id} // '(no id)';
		push @odd, "$where lacks $_" for grep { !defined $result->{$_} } qw(id verdict requirements checks notes seconds exchange title);
		push @odd, "$where: $_ is no list" for grep { ref $result->{$_} ne 'ARRAY' } qw(requirements checks notes exchange);
		push @odd, "$where has no reason" if $result->{verdict} ne 'pass' && !length($result->{reason} // '');
		for my $check (@{ $result->{checks} }) {
			push @odd, "$where: a check lacks $_" for grep { !defined $check->{$_} } qw(requirement level verdict expected got);
		}
		for my $message (@{ $result->{exchange} }) {
			push @odd, "$where: a message lacks $_" for grep { !defined $message->{$_} } qw(time direction transport from to step summary);
		}
	}
	is join(', ', @odd), '', "$name: every result has what it must";
	return unless $ended;
	my $summary = of_type('summary', @lines);
	is_deeply { map { $_ => $summary->{$_} } keys %count }, \%count, "$name: the summary counts the verdicts";
	is $summary->{done}, scalar(() = of_type('scenario', @lines)), "$name: and the scenarios that are done";
	return $summary;
}
keeps_the_contract('green', $json, 1);
($status, $json) = assay_run('--format', 'json', '--fault', 'omit-nonce', '--fault', 'omit-software', 'server/challenge');
is $status, 1, 'red: status 1';
my $summary = keeps_the_contract('red', $json, 1);
cmp_ok $summary->{fail}, '>', 0, 'red: something fails';
ok !scalar(grep { $_->{direction} ne 'icmp' && $_->{hex} !~ /^(?:[0-9a-f]{2})+$/ } map { @{ $_->{exchange} } } of_type('scenario', json_lines($json))),
	'red: messages are there in hex';

# A scenario over another transport has its suffix, and can be asked for by it.
($status, $json) = assay_run('--format', 'json', 'server/challenge/unauthorized');
my @ids = sort grep { !/^invariants/ } map { $_->{id} } of_type('scenario', json_lines($json));
is "@ids", join(' ', map { "server/challenge/unauthorized$_" } '', qw(@dtls @tcp @tcp6 @tls @udp6)),
	'a transport other than the first is a suffix';
($status, $json) = assay_run('--format', 'json', 'server/challenge/unauthorized@tcp');
@ids = grep { !/^invariants/ } map { $_->{id} } of_type('scenario', json_lines($json));
is "@ids", 'server/challenge/unauthorized@tcp', 'which can be asked for alone';

# Exit statuses; the others have tests of their own.
($status, $out) = assay_run('--fault', 'omit-software', 'server/challenge');
is $status, 0, 'a warning is no failure';
like $out, qr/^not ok \d+ - server\/challenge\/software .* # TODO warn /m, 'but shown as TODO';
($status, $out) = assay_run('--strict', '--fault', 'omit-software', 'server/challenge');
is $status, 1, '--strict: it is one';
like $out, qr/^not ok \d+ - server\/challenge\/software (?!.*# TODO)/m, '--strict: and not TODO';
($status, $out) = assay_run('--no-third-party', 'server/challenge/nonce');
is $status, 3, 'nothing but skipped scenarios: status 3';
like $out, qr/# SKIP/, 'and they say so';
($status, $out) = assay_run('--fault', 'refuse-everything', 'server/server-name/token-for-another-server');
is $status, 3, 'an inconclusive scenario: status 3';
like $out, qr/^not ok .* inconclusive: the control was not accepted/m, 'which says why';
($status, $out) = assay_run('--fault', 'refuse-everything', 'server/server-name/token-for-another-server', 'server/accepted-token/a256gcm');
is $status, 1, 'a failure beside it: status 1';

# Folders.
($status, $out, $err) = assay_run('--out', "$folder/deep/er/still", 'server/challenge/nonce');
is $status, 0, 'folders are made, with those above them';
ok -s "$folder/deep/er/still/$_", "$_ is in it" for qw(results.ndjson results.tap capture.pcapng target.log);
my $before = slurp("$folder/deep/er/still/results.ndjson");
assay_run('--out', "$folder/deep/er/still", 'server/challenge/nonce');
my $after = slurp("$folder/deep/er/still/results.ndjson");
is scalar(() = $after =~ /^\{"type":"run"/mg), 1, 'a second run replaces the results of the first';
isnt $after, $before, 'with its own';

sub not_written {
	my ($name, $path, $pattern) = @_;
	my ($status, $out, $err) = assay_run('--out', $path, 'server/challenge/nonce');
	is $status, 4, "$name: status 4";
	is $out, '', "$name: nothing on stdout";
	like $err, qr/\Aassay: [^\n]*\Q$pattern\E[^\n]*\n\z/, "$name: one line that names it";
}
spill("$folder/file", '');
not_written('a path under a file', "$folder/file/out", "$folder/file");
not_written('a file in place of the folder', "$folder/file", "$folder/file");
for my $name (qw(results.ndjson results.tap capture.pcapng)) {
	mkdir "$folder/$name-there" or die;
	mkdir "$folder/$name-there/$name" or die;
	not_written("a folder in place of $name", "$folder/$name-there", "$folder/$name-there/$name");
}
if ($> == 0) {
	# Root writes anywhere, so somebody else is asked, with a copy of the program that everybody can read.
	my $program = tree();
	my $place = $program =~ s{/assay$}{}r;
	chmod 0755, $place;
	system('chmod', '-R', 'a+rX', $place) == 0 or die;
	mkdir "$place/closed", 0555 or die;
	my ($status, $out, $err) = run('setpriv', '--reuid', 65534, '--regid', 65534, '--clear-groups', $program, 'run', '--out', "$place/closed/out",
		'server/challenge/nonce');
	is $status, 4, 'a folder that may not be written: status 4';
	like $err, qr/\Aassay: [^\n]*\Q$place\/closed\/out\E: Permission denied\n\z/, 'a folder that may not be written: one line';
} else {
	mkdir "$folder/closed", 0555 or die;
	not_written('a folder that may not be written', "$folder/closed/out", "$folder/closed/out: Permission denied");
}

# stdout that takes nothing.
sub shell { return run({ timeout => 60 }, 'bash', '-c', @_) }

my @command = (assay(), 'run', @quick, '--out');
for my $case (
	['a full stdout',    '>/dev/full',       qr/the report cannot be written: cannot write: No space left on device; what was written before stays/],
	['a closed stdout',  '>&-',              qr/the report cannot be written: cannot write: Bad file descriptor/],
	['a reader that goes', '| head -1; exit ${PIPESTATUS[0]}', qr/the report cannot be written: cannot write: Broken pipe/],
	['a reader that never was', '| true; exit ${PIPESTATUS[0]}', qr/the report cannot be written: cannot write: Broken pipe/],
) {
	my ($name, $redirection, $pattern) = @$case;
	for my $form (qw(tap json pretty)) {
		my $kept = tmp() . '/out';
		my ($status, $out, $err) = shell("\"\$\@\" $redirection", 'bash', @command, $kept, '--format', $form, 'server/challenge');
		is $status, 4, "$name, $form: status 4";
		like $err, $pattern, "$name, $form: stderr says so";
		is scalar(() = $err =~ /\n/g), 1, "$name, $form: once";
		my @results = json_lines("$kept/results.ndjson");
		is of_type('summary', @results)->{pass}, $planned - of_type('summary', @results)->{skip}, "$name, $form: the files are complete";
	}
}
{
	my $kept = tmp() . '/out';
	my ($status, $out) = shell('"$@" 2>&-', 'bash', @command, $kept, '--format', 'json', 'server/challenge');
	is $status, 0, 'a closed stderr: status 0';
	is $out, slurp("$kept/results.ndjson"), 'a closed stderr: the report is whole';
	($status, $out) = shell('"$@" <&-', 'bash', @command, $kept, '--format', 'json', 'server/challenge');
	is $status, 0, 'a closed stdin: status 0';
	($status) = shell('"$@" 2>&- >&- <&-', 'bash', @command, $kept, 'server/challenge');
	is $status, 4, 'all of them closed: status 4';
	for my $arguments ('list', 'list --format json', '--help', '--version', 'run --help', 'serve --list-faults', 'serve --list-faults --format json',
		'decode 000100002112a442000000000000000000000000') {
		my ($status, undef, $err) = shell('"$0" ' . "$arguments >/dev/full", assay());
		is $status, 4, "assay $arguments on a full stdout: status 4";
		like $err, qr/\A[^\n]*No space left on device\n\z/, "assay $arguments on a full stdout: one line";
	}
}

# One file that takes nothing: it is named, once, and the others are complete.
for my $name (qw(results.ndjson results.tap capture.pcapng)) {
	my $kept = tmp();
	symlink '/dev/full', "$kept/$name" or die;
	my ($status, $out, $err) = assay_run('--format', 'json', '--out', $kept, 'server/challenge');
	is $status, 4, "$name is full: status 4";
	like $err, qr/\Aassay: [^\n]*\Q$kept\E\/$name[^\n]*No space left on device[^\n]*\n\z/, "$name is full: one line that names it";
	next if $name eq 'capture.pcapng' && $out eq ''; # found out before anything was sent
	is of_type('summary', json_lines($out))->{done}, $planned, "$name is full: the report on stdout is complete";
	is slurp("$kept/results.ndjson"), $out, "$name is full: so is results.ndjson" if $name ne 'results.ndjson';
	like slurp("$kept/results.tap"), qr/^ok $planned /m, "$name is full: so is results.tap" if $name ne 'results.tap';
	capture_is_readable("$kept/capture.pcapng", "$name is full") if $name ne 'capture.pcapng';
}

# A disk that is full: what was written before stays valid, and the report on stdout is complete.
sub full_disk {
	my ($name, $out, $status, $report, $err, $reason) = @_;
	is $status, 4, "$name: status 4" or diag $report;
	like $err, qr/^assay: \Q$out\E\/\S+ cannot be written: .*\Q$reason\E; what was written before stays$/m, "$name: stderr names the file";
	like $report, qr/^1\.\.(\d+)\n(?s:.*)^ok \1 /m, "$name: the report on stdout is complete";
	my $text = slurp("$out/results.ndjson");
	cmp_ok length $text, '>', 2000, "$name: results are there";
	like $text, qr/\n\z/, "$name: no line is cut off";
	keeps_the_contract($name, $text, 0);
	like slurp("$out/results.tap"), qr/\n\z/, "$name: nor in results.tap";
	my $packets = capture_is_readable("$out/capture.pcapng", $name);
	cmp_ok $packets, '>', 5, "$name: with its packets ($packets)";
}
{
	my $kept = tmp();
	# 16 blocks of 1024 octets: less than the results, less than the capture.
	my ($status, $report, $err) = shell('ulimit -f 16; exec "$@"', 'bash', @command, "$kept/out", '--format', 'tap', 'server/challenge', 'server/permissions');
	like $err, qr/^assay: \Q$kept\E\/out\/$_ cannot be written: .*File too large/m, "files that may not grow: $_ is named"
		for 'results.ndjson', 'capture.pcapng';
	full_disk('files that may not grow', "$kept/out", $status, $report, $err, 'File too large');
}
{
	my $kept = tmp();
	my @unshare = ('unshare', '-m', $> == 0 ? () : ('-r'));
	my ($able) = run(@unshare, 'mount', '-t', 'tmpfs', '-o', 'size=96k', 'assay', $kept);
	if ($able != 0) {
		note 'no file system can be mounted here: a disk that is full is left out';
	} else {
		my $keep = tmp();
		my ($status, $report, $err) = run({ timeout => 60 }, @unshare, 'bash', '-c',
			'mount -t tmpfs -o size=96k assay "$0" && "${@:2}"; status=$?; mkdir "$1/out"; cp "$0"/out/* "$1/out/"; exit $status', $kept, $keep,
			@command, "$kept/out", '--format', 'tap', 'server/challenge', 'server/permissions');
		$err =~ s{\Q$kept\E/}{$keep/}g;
		full_disk('a full disk', "$keep/out", $status, $report, $err, 'No space left on device');
	}
}

done_testing;
