#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# Many captures: the results of any number of processes, and of any sharding after the merge, are octet for octet those
# of one process; keys stay out of the process list; memory is bounded and what was forgotten is counted; GNU Parallel
# and Slurm do the same with the recipes of scripts/.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use captures;
use helper;
use List::Util qw(shuffle);
use POSIX ();
use Sys::Hostname qw(hostname);
use Test::More;

# The processes that one has started.
sub workers_of {
	my ($process) = @_;
	my (undef, $list) = run('pgrep', '-P', $process->pid);
	return split ' ', $list;
}

my $keys = demonstration_keys();
my $corpus = tmp() . '/corpus';
mkdir $corpus;
mkdir "$corpus/more";
my $content = slurp(reference_capture('server/challenge/third-party-attribute', 'server/token-lifetime'));
spill("$corpus/one.pcapng", $content);
spill("$corpus/more/two.pcapng", $content);
spill("$corpus/short.pcapng", substr $content, 0, int(length($content) / 2) | 1);
spill("$corpus/text.pcap", 'this is no capture');
spill("$corpus/with blanks 'and' \$more.pcapng", slurp(reference_capture('server/challenge')));
for my $number (1 .. 5) {
	my $message = stun_message(0x0003, chr(64 + $number) x 12, 0x0006 => "user$number", 0x0014 => 'example.net', 0x001B => 'x' x 60);
	write_pcap("$corpus/small$number.pcap", map { [1000 + $_, udp_packet("192.0.2.$number", 4000 + $_, '192.0.2.100', 3478, $message)] } 1 .. $number);
}

my ($status, $one) = audit('--key', $keys, '--format', 'json', '--jobs', 1, $corpus);
is $status, 1, 'one process reads the corpus' or diag $one;
is scalar(() = records($one, 'file')), 10, 'all of it';

for my $jobs (2, 3, 16) {
	my ($got, $out) = audit('--key', $keys, '--format', 'json', '--jobs', $jobs, $corpus);
	is $got, $status, "$jobs processes: the same status";
	ok $out eq $one, "$jobs processes: the same result";
}
for my $form (qw(pretty tap)) {
	my (undef, $alone) = audit('--key', $keys, '--format', $form, '--jobs', 1, $corpus);
	my (undef, $out) = audit('--key', $keys, '--format', $form, '--jobs', 4, $corpus);
	ok $out eq $alone, "the same in the form $form";
}
{
	# A finding of a flow in two captures, whose names are alike.
	my $folder = tmp();
	my $message = stun_message(0x0008, 'B' x 12, 0x0006 => 'user', 0x001B => 'x' x 60);
	write_pcap("$folder/$_.pcap", [1000, udp_packet('192.0.2.1', 4000, '192.0.2.100', 3478, $message)]) for 1, 2;
	my (undef, $out) = audit('--format', 'json', $folder);
	my ($finding) = grep { $_->{requirement} eq '7635-9-02' } records($out, 'finding');
	ok $finding, 'a token in CreatePermission is found';
	(undef, $out) = audit('--format', 'pretty', '--jobs', 1, $folder);
	like $out =~ s/\s+/ /gr, qr/192\.0\.2\.1:4000 > 192\.0\.2\.100:3478 and more flows/, 'it is in more flows than the one named';
}
for my $recipe (['scripts/audit-parallel.sh', ':'], ['scripts/audit-slurm.sh', 1]) {
	my ($script, $where) = @$recipe;
	my ($got, $out, $err) = run({ env => { ASSAY_BUILD => 'no-such-build' } }, $script, tmp() . '/all.json', $where, $corpus);
	is $got, 2, "$script without a build: status 2";
	like $err, qr{there is no \S+/no-such-build/assay: build it with make}, 'and why';
}

subtest 'any sharding' => sub {
	my $seed = int rand 1e9;
	srand $seed;
	for my $round (1 .. 4) {
		my $n = 1 + int rand 12;
		my @parts = map {
			my (undef, $out) = audit('--key', $keys, '--format', 'json', '--shard', "$_/$n", '--jobs', 1 + int rand 3, $corpus);
			spill(tmp() . "/part$_.json", $out);
		} 1 .. $n;
		my ($got, $merged, $err) = run(assay(), 'report', '--merge', '--format', 'json', shuffle @parts);
		is $got, $status, "$n shards (seed $seed): the same status" or diag $err;
		ok $merged eq $one, "$n shards: the same result";
	}
	# Parts that are no shards: each capture by itself, then merged in two steps.
	my @files = map { $_->{file} } records($one, 'file');
	my @parts = map {
		my (undef, $out) = audit('--key', $keys, '--format', 'json', $_);
		spill(tmp() . '/part.json', $out);
	} @files;
	my @half = map {
		my (undef, $out) = run(assay(), 'report', '--merge', '--format', 'json', @$_);
		spill(tmp() . '/half.json', $out);
	} [@parts[0 .. 4]], [@parts[5 .. $#parts]];
	my (undef, $merged) = run(assay(), 'report', '--merge', '--format', 'json', reverse @half);
	ok $merged eq $one, 'merged in two steps, in any order: the same result';
	for my $form (qw(pretty tap)) {
		(undef, $merged) = run(assay(), 'report', '--merge', '--format', $form, @half);
		my (undef, $alone) = audit('--key', $keys, '--format', $form, $corpus);
		ok $merged eq $alone, "the same in the form $form";
	}
	my ($got, $empty) = audit('--format', 'json', '--shard', '20/20', $corpus);
	is $got, 3, 'a shard without captures is no green audit: status 3';
	is scalar(() = json_lines($empty)), 1, 'but a result that can be merged';
};

subtest 'what cannot be merged' => sub {
	my $folder = tmp();
	my @lines = split /^/, $one;
	my $merge = sub {
		my ($name, $pattern, @contents) = @_;
		my @files = map { spill("$folder/r$_.json", $contents[$_]) } 0 .. $#contents;
		my ($got, $out, $err) = run(assay(), 'report', '--merge', '--format', 'json', @files);
		is $got, 2, "$name: status 2";
		is $out, '', "$name: no report";
		like $err, $pattern, "$name: it is said why";
	};
	$merge->('a text', qr/^assay: \S+r0\.json, line 1: no JSON/, "hello\n");
	$merge->('octets that are no text', qr/^[\x20-\x7e]*line 1: no JSON[\x20-\x7e]*\n\z/, "\xd5\x91\e[31m\n");
	$merge->('other JSON', qr/line 1: no record of an audit/, "{\"type\":\"run\"}\n");
	$merge->('nothing', qr/r0\.json: it is empty/, '');
	$merge->('a result without its end', qr/line 7: the result ends here without its summary/, join '', @lines[0 .. 6]);
	$merge->('a line cut short', qr/line 7: no JSON/, join '', @lines[0 .. 5], substr $lines[6], 0, 20);
	$merge->('the same capture twice', qr/r1\.json, line 1: the capture \S+ is also in \S+r0\.json, line 1/, $one, $one);
	$merge->('a requirement that is none', qr/the requirement '7635-99-99', which this version does not know/,
		$one =~ s/"requirement":"7635-4-02"/"requirement":"7635-99-99"/r);
	$merge->('a count that is none', qr/in which 'packets' is no number/, $one =~ s/"packets":\d+/"packets":"many"/r);
	$merge->('two results in a file', qr/something behind the summary/, $one . $one);
	my ($got, undef, $err) = run(assay(), 'report', '--merge', "$folder/none");
	is $got, 2, 'no such file: status 2';
	like $err, qr/No such file/, 'which is said';
	($got) = run({}, 'sh', '-c', 'exec "$0" "$@" > /dev/full', assay(), 'report', '--merge', spill("$folder/good.json", $one));
	is $got, 4, 'a full disk: status 4';
};

subtest 'keys are on no command line' => sub {
	my $pipe = "$corpus/more/pipe.pcap";
	POSIX::mkfifo($pipe, 0600); # holds one of the workers
	my $secret = 'MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=';
	my $process = start({ env => { ASSAY_KEYS => "other:A256GCM:$secret" } }, assay(), 'audit', '--jobs', 2, '--key', "mine:A256GCM:$secret",
		'--format', 'json', $corpus);
	wait_until { workers_of($process) } 20;
	my @pids = workers_of($process);
	cmp_ok scalar @pids, '>=', 1, 'there are workers';
	my @shown = grep { length } map { -r "/proc/$_/cmdline" ? (eval { slurp("/proc/$_/cmdline") } // '') : '' } @pids, $process->pid; # one may have ended
	cmp_ok scalar @shown, '>=', 2, 'they can be seen';
	is scalar(grep { index($_, $secret) >= 0 } @shown), 0, 'and none shows a key';

	# An interruption reaches the workers.
	kill 'INT', $process->pid;
	ok +(wait_until { !$process->alive } 10), 'SIGINT ends all of them';
	is $process->stop, 130, 'status 130';
	like $process->out, qr/"interrupted":true[^\n]*\}\n\z/, 'the summary says so';
	my @left = grep { kill 0, $_ } @pids;
	is "@left", '', 'no worker is left';
	unlink $pipe;
};

subtest 'a worker that dies' => sub {
	POSIX::mkfifo("$corpus/pipe.pcap", 0600);
	my $process = start({}, assay(), 'audit', '--jobs', 2, '--format', 'json', "$corpus/one.pcapng", "$corpus/pipe.pcap");
	my ($last, $times) = ('', 0);
	wait_until { # two may be there in a moment; the one that is left for a while waits
		my $now = join ' ', workers_of($process);
		$times = $now =~ /^\d+$/ && $now eq $last ? $times + 1 : 0;
		$last = $now;
		select undef, undef, undef, 0.3;
		return $times >= 8;
	} 40;
	my ($worker) = workers_of($process);
	ok $worker, 'one worker is left, which waits' or return;
	kill 'KILL', $worker;
	ok +(wait_until { !$process->alive } 10), 'the audit ends';
	is $process->stop, 3, 'status 3';
	like $process->out, qr/the worker was killed by signal 9/, 'it is said';
	like $process->out, qr/"file":"\Q$corpus\E\/one\.pcapng"/, 'and the other capture is judged';
	unlink "$corpus/pipe.pcap";
};

subtest 'memory is bounded, and what was forgotten is counted' => sub {
	# 30000 clients ask, and then all of them ask again.
	my $body = sub { stun_message(0x0001, pack('NNN', 1, $_[0], $_[1]), 0x8022 => 'x') };
	my @packets = map {
		my $round = $_;
		map { [1000 + $round, udp_packet('10.' . join('.', $_ >> 16 & 255, $_ >> 8 & 255, $_ & 255), 4000, '192.0.2.2', 3478, $body->($_, $round))] } 1 .. 30000
	} 0, 1;
	my $path = write_pcap(tmp() . '/crowd.pcap', @packets);
	my $peak = sub {
		my ($got, $out, $err) = run({ timeout => 120 }, '/usr/bin/time', '-f', '%M KiB', assay(), 'audit', '--format', 'json', @_, $path);
		return ((records($out, 'summary'))[0], $out, $err =~ /(\d+) KiB/);
	};
	my ($summary, $out, $little) = $peak->('--sessions', 1000);
	is $summary->{crowded}, 59000, 'of 60000 sessions all but 1000 were forgotten, and counted';
	is $summary->{messages}, 60000, 'every message was judged all the same';
	($summary, $out, my $much) = $peak->('--sessions', 40000);
	is $summary->{crowded}, 0, 'with room for all none is';
	cmp_ok $little, '<', $much / 2, 'what is not remembered takes no memory';
	is((records($out, 'left'))[0]{without_room}{parties} > 0, 1, 'pairs of addresses that found no room are counted too');
	my (undef, $pretty) = audit('--format', 'pretty', '--sessions', 1000, $path);
	like $pretty =~ s/\s+/ /gr, qr/59000 sessions forgotten before the end, the longest idle first/, 'which the report tells';
	like $pretty, qr/and \d+ flows between others/, 'both of it';
};

subtest 'GNU Parallel' => sub {
	my ($got) = run('sh', '-c', 'command -v parallel');
	is $got, 0, 'it is installed' or return;
	my $folder = tmp();
	my ($code, $out, $err) = run({ timeout => 300, env => { ASSAY_BUILD => build(), ASSAY_KEYS => slurp(substr $keys, 1) } }, 'scripts/audit-parallel.sh',
		"$folder/all.json", ':', $corpus);
	is $code, $status, 'the recipe has the status of the audit' or diag $out, $err;
	ok slurp("$folder/all.json") eq $one, 'and its result';
	is_deeply [glob "$folder/parts*"], [], 'and leaves nothing else';
	($code, undef, $err) = run({ env => { ASSAY_BUILD => build() } }, 'scripts/audit-parallel.sh', "$folder/two.json", ':', "$corpus/more", $corpus);
	is $code, 2, 'a second folder: status 2';
	like $err, qr/one FOLDER is audited/, 'and no result that counts captures twice';
};

# A cluster of one node, in a folder of its own.
sub cluster {
	my $folder = tmp();
	chmod 0755, $folder;
	my $host = hostname();
	my ($controller, $node) = (free_port(), free_port());
	my $cores = () = slurp('/proc/cpuinfo') =~ /^processor/mg;
	spill("$folder/munge.key", join '', map { chr int rand 256 } 1 .. 128);
	chmod 0400, "$folder/munge.key";
	mkdir "$folder/$_" for qw(munge state spool);
	chmod 0755, "$folder/munge";
	spill("$folder/slurm.conf", <<"CONF");
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort=$controller
SlurmdPort=$node
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MailProg=/bin/true
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cores State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
	my %env = (SLURM_CONF => "$folder/slurm.conf");
	my %file = (key => "$folder/munge.key", map { $_ => "$folder/munge/$_" } qw(socket pid log seed));
	my @processes = start({ env => \%env }, 'munged', '-F', '-f', map { "--$_-file=$file{$_}" =~ s/--socket-file/--socket/r } sort keys %file);
	wait_until { -S "$folder/munge/socket" } 20 or return (undef, $processes[0]->err);
	push @processes, start({ env => \%env }, 'slurmctld', '-D', '-f', "$folder/slurm.conf");
	push @processes, start({ env => \%env }, 'slurmd', '-D', '-f', "$folder/slurm.conf", '-N', $host);
	my $up = wait_until { join(' ', run({ env => \%env }, 'sinfo', '-h', '-o', '%T')) =~ /idle|mixed|alloc/ } 40;
	return $up ? (\%env, \@processes) : (undef, join "\n", map { -e "$folder/$_.log" ? slurp("$folder/$_.log") : () } qw(slurmctld slurmd));
}

subtest 'Slurm' => sub {
	plan skip_all => 'a node of Slurm needs root' if $> != 0;
	my ($env, $processes) = cluster();
	ok $env, 'a cluster of one node runs' or diag($processes), return;
	my $folder = tmp();
	my $slurm = sub { run({ timeout => 300, env => { %$env, ASSAY_BUILD => build() } }, 'scripts/audit-slurm.sh', @_) };
	my ($code, $out, $err) = $slurm->( "$folder/all.json", 3, $corpus, '--key', $keys);
	is $code, $status, 'the recipe has the status of the audit' or diag $out, $err;
	ok -e "$folder/all.json" && slurp("$folder/all.json") eq $one, 'and its result';
	is_deeply [glob "$folder/parts*"], [], 'and leaves nothing else';
	($code, $out, $err) = $slurm->( "$folder/bad.json", 2, $corpus, '--no-such-option');
	is $code, 3, 'tasks that fail: status 3';
	like $err, qr/shard 1 of 2 has no result; its log is (\S+)/, 'and the log is named';
	my ($log) = $err =~ /its log is (\S+)/;
	like slurp($log), qr/unknown option --no-such-option/, 'which has the reason';
	$_->stop for reverse @$processes;
};

done_testing;
