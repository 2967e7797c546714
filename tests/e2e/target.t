#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# Targets that do not start, do not answer, or die on the way, launched by assay or not; what of them is left behind;
# and what a profile forbids to do to them: harm, a rate, a number of allocations.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use fixture;
use helper;
use List::Util qw(max);
use Test::More;
use Time::HiRes qw(time);

my $folder = tmp();

# assay run with short waits and results in a folder; nothing of it may be left.
sub judged {
	my ($name, @arguments) = @_;
	my %env = marked();
	my $out = tmp() . '/out';
	my $began = time;
	my ($status, $tap, $err) = run({ timeout => 60, env => \%env }, assay(), 'run', '--rto', '0.02', '--rc', '4', '--rm', '8',
		'--format', 'tap', '--out', $out, @arguments);
	my $seconds = time - $began;
	is join("\n", left_behind(%env)), '', "$name: nothing is left behind";
	return { status => $status, tap => $tap, err => $err, seconds => $seconds, out => $out,
		results => [-e "$out/results.ndjson" ? json_lines("$out/results.ndjson") : ()] };
}

sub profile {
	my ($name, $text) = @_;
	return spill("$folder/$name.lua", "return { third_party = false, realm = 'example.org',\n$text }\n");
}

# A target that never comes: status 3, why, and what it said last.
for my $case (
	['a program that is not there', "launch = { command = { '/nowhere/turnserver', '-v' } }", 5,
		qr/the target did not start: cannot start '\/nowhere\/turnserver': No such file or directory/],
	['a folder as program', "launch = { command = { '/usr' } }", 5, qr/the target did not start: cannot start '\/usr'/],
	['a command that the shell does not know', "launch = { command = 'turnserver-of-nobody --verbose' }", 5,
		qr/exited with status 127; its last lines:\n.*turnserver-of-nobody.*not found/],
	['one that exits at once', "launch = { command = 'echo no such realm; echo bye >&2; exit 3' }", 5,
		qr/it ended before it answered; exited with status 3; its last lines:\nno such realm\nbye\n/],
	['one that ends well at once', "launch = { command = { 'true' } }", 5, qr/it ended before it answered; exited with status 0/],
	['one that is killed at once', "launch = { command = 'kill -ABRT \$\$' }", 5, qr/killed by SIGABRT/],
	['one that never answers', "launch = { command = 'echo waiting; sleep 600', ready_timeout = 0.5 }", 5,
		qr/it did not answer on udp within .*; its last lines:\nwaiting\n/],
	['one that never answers and leaves children', "launch = { command = 'sleep 600 & sleep 601 & wait', ready_timeout = 0.5 }", 5,
		qr/it did not answer on udp/],
	['one that does not care about SIGTERM', "launch = { command = 'trap \"\" TERM; echo stubborn; while :; do sleep 600; done', ready_timeout = 0.5 }", 8,
		qr/it did not answer on udp .*; its last lines:\nstubborn\n/],
	['one whose log is a hundred lines of anything',
		"launch = { command = 'for i in \$(seq 100); do printf \"%s \\\\033[31m\\\\000\\\\377\\\\n\" \$i; done; exit 1' }", 5,
		qr/; its last lines:\n89 \\x1B\[31m\\x00\\xFF\n(?:.*\n){10}100 \\x1B\[31m\\x00\\xFF\n\z/],
) {
	my ($name, $text, $seconds, $pattern) = @$case;
	my $run = judged($name, '--target', profile('gone', $text), 'server/challenge');
	is $run->{status}, 3, "$name: status 3";
	like $run->{err}, $pattern, "$name: stderr says why";
	is scalar(() = $run->{err} =~ /^assay: /mg), 1, "$name: once";
	like $run->{tap}, qr/^Bail out! the target.*\n\z/m, "$name: TAP bails out";
	cmp_ok $run->{seconds}, '<', $seconds, "$name: in less than $seconds s";
	is_deeply [map { $_->{type} } @{ $run->{results} }], ['run', 'summary'], "$name: no scenario has a verdict";
	like of_type('summary', @{ $run->{results} })->{aborted}, qr/^the target/, "$name: the summary says why";
	unlike "$run->{tap}$run->{err}", qr/[^\x0a\x20-\x7e]/, "$name: nothing but printable ASCII is shown";
}
{
	my $run = judged('nobody there', '--server', '127.0.0.1:' . free_port(), '--no-third-party', 'server/challenge/nonce');
	is $run->{status}, 3, 'nobody there: status 3';
	like $run->{err}, qr/does not answer: it did not answer on udp within .*ICMP port unreachable/, 'nobody there: and the ICMP error';
}
{
	my $run = judged('no such host', '--server', 'host.invalid:3478', '--no-third-party', 'server/challenge/nonce');
	is $run->{status}, 3, 'no such host: status 3';
	like $run->{err}, qr/\Aassay: host\.invalid: [^\n]+\n\z/, 'no such host: one line';
}

# A target that one message kills: that scenario is blamed, and every other one gets its verdict.
my $killer = 'server/refused-token/key-length-beyond-the-block';
my @suites = ('server/refused-token', 'server/challenge', 'server/permissions/session-key');

sub is_blamed {
	my ($name, $run, $how) = @_;
	my @lines = @{ $run->{results} };
	my %result = results(@lines);
	my $said = of_type('run', @lines);
	is $run->{status}, 1, "$name: status 1" or diag $run->{err};
	is scalar(keys %result), $said->{scenarios}, "$name: every scenario has a verdict";
	is join(' ', grep { $result{$_}{verdict} eq 'fail' } sort keys %result), $killer, "$name: the scenario that kills it fails";
	is join(' ', grep { $result{$_}{verdict} !~ /^(pass|skip|fail)$/ } sort keys %result), '', "$name: nothing else suffers";
	like $result{$killer}{reason}, $how, "$name: its reason is how the target ended";
	like $result{$killer}{reason}, qr/after Allocate \(with the defect\) \(Allocate request\)/, "$name: and the message that went before";
	my ($check) = grep { ($_->{label} // '') eq 'the target lives' } @{ $result{$killer}{checks} };
	is $check && $check->{requirement}, '7635-7-05', "$name: the check cites the requirement";
	my ($last) = grep { $_->{direction} eq 'sent' } reverse @{ $result{$killer}{exchange} };
	like $last->{text} // '', qr/ACCESS-TOKEN/, "$name: the deadly message is shown";
	return $run;
}
is_blamed('a crash', judged('a crash', '--fault', 'crash-on-long-key', @suites), qr/^exited with status 70/);
{
	# The launcher tells keys and port by the environment, so a script of one line is a target.
	my $wrapped = "'" . assay() . "' serve --fault crash-on-long-key || kill -SEGV \$\$";
	my $keys = spill("$folder/crash.lua", <<"LUA");
return { name = 'segfaulting', server_name = 'turn', realm = 'here',
  keys = { { kid = 'north', algorithm = 'A256GCM', key = '${\ ("QUFB" x 10 . "QUE=")}' } },
  launch = { command = [[$wrapped]] } }
LUA
	my $run = is_blamed('a signal', judged('a signal', '--target', $keys, @suites), qr/^killed by SIGSEGV/);
	like slurp("$run->{out}/target.log"), qr/udp and tcp on .*read past the end of a token.*udp and tcp on/s,
		'a signal: the log has both lives of it';
}

# A death among many: nobody can say whose message it was, so they are run again, one by one, and the one is found out.
{
	my $program = tree('suites/server/deadly.lua' => <<'LUA');
local scenario = require "support.scenario"
scenario "in-company" {
  title = "kills among others", covers = { "7635-7-05" },
  run = function(t)
    t:control {}
    t:check("7635-7-05", t:allocate({ token = { key_length = 4096 }, step = "the deadly one" }):is_error(401))
  end,
}
LUA
	my %env = marked();
	my ($status, $out, $err) = run({ env => \%env }, $program, 'run', '--rto', '0.02', '--rc', '4', '--rm', '8', '--format', 'json',
		'--fault', 'crash-on-long-key', 'server/deadly', 'server/challenge', 'server/permissions/session-key', 'server/server-name');
	my %result = results(json_lines($out));
	is $status, 1, 'in company: status 1' or diag $err;
	is join(' ', grep { $result{$_}{verdict} !~ /^(pass|skip)$/ } sort keys %result), 'server/deadly/in-company', 'in company: only the killer falls';
	like $result{'server/deadly/in-company'}{reason}, qr/^exited with status 70 after the deadly one/, 'in company: and its message is named';
	is scalar(keys %result), of_type('run', json_lines($out))->{scenarios}, 'in company: every scenario has a verdict';
	is join("\n", left_behind(%env)), '', 'in company: nothing is left behind';
}

# A target that lives on and answers nobody after one message.
{
	my $mute = <<'PERL';
		use IO::Socket::INET;
		my $socket = IO::Socket::INET->new(LocalAddr => "$ENV{ASSAY_ADDRESS}:$ENV{ASSAY_PORT}", Proto => "udp") or die $!;
		sub attribute { my ($type, $value) = @_; return pack("nn", $type, length $value) . $value . "\0" x (-length($value) % 4) }
		while ($socket->recv(my $message, 65535)) {
			sleep while $message =~ /\x00\x1b\x00\x40/; # ACCESS-TOKEN of 64 octets
			my $binding = unpack("n", $message) == 1;
			my $unknown = $message =~ /\x7f\xf1/;
			my $body = $unknown ? attribute(9, pack("nCC", 0, 4, 20) . "?") . attribute(10, pack("n", 0x7ff1))
				: $binding ? attribute(0x20, pack("nnN", 1, 0x2112, 0x2112a442))
				: attribute(9, pack("nCC", 0, 4, 1) . "?") . attribute(0x14, "here") . attribute(0x15, "nonce");
			$socket->send(pack("nn", $binding && !$unknown ? 0x101 : unpack("n", $message) | 0x110, length $body) . substr($message, 4, 16) . $body);
		}
PERL
	my $script = spill("$folder/mute.pl", $mute);
	my $run = judged('a mute', '--target', profile('mute', "transports = { 'udp' }, launch = { command = { 'perl', '$script' } }"),
		'server/unknown-attributes', 'server/challenge');
	my %result = results(@{ $run->{results} });
	is $run->{status}, 1, 'a mute: status 1' or diag $run->{err};
	my @fallen = grep { ($result{$_}{reason} // '') =~ /stopped answering/ } sort keys %result;
	is "@fallen", 'server/unknown-attributes/token-in-binding', 'a mute: the scenario that silenced it is blamed';
	is $result{'server/unknown-attributes/token-in-binding'}{verdict}, 'fail', 'a mute: and fails';
	is scalar(keys %result), of_type('run', @{ $run->{results} })->{scenarios}, 'a mute: every scenario has a verdict';
	is $result{'server/challenge/nonce'}{verdict}, 'skip', 'a mute: what it does not offer is skipped';
}

# A target that assay did not launch is not started again: the run stops and says so.
my @keys = map { "$_:A256GCM:" . 'QUFB' x 10 . ($_ eq 'north' ? 'QUE=' : 'QkI=') } 'north', 'south';
my %keys = (ASSAY_KEYS => join "\n", @keys);

sub served {
	my (@options) = @_;
	my ($process, $port) = reference(\%keys, '--server-name', 'turn', '--realm', 'here', @options);
	return ($process, $port);
}

# The profile of a reference that was started here.
sub served_profile {
	my ($port, $more) = @_;
	my $list = join ', ', map { my @part = split /:/; "{ kid = '$part[0]', algorithm = '$part[1]', key = '$part[2]' }" } @keys;
	return spill("$folder/served.lua", "return { address = '127.0.0.1', ports = { udp = $port, tcp = $port }, keys = { $list }, $more }\n");
}
{
	my ($server, $port) = served('--fault', 'crash-on-long-key');
	my $run = judged('a death elsewhere', '--target', served_profile($port, 'may_harm = true'), @suites);
	ok wait_until { !$server->alive }, 'a death elsewhere: the server died';
	my %result = results(@{ $run->{results} });
	my $summary = of_type('summary', @{ $run->{results} });
	cmp_ok scalar(keys %result), '<', of_type('run', @{ $run->{results} })->{scenarios}, 'a death elsewhere: some scenarios have no verdict';
	is $run->{status}, 3, 'a death elsewhere: status 3';
	like $run->{err}, qr/\Aassay: the target was lost: it stopped answering .*assay did not launch it, so it is not started again\)\n\z/,
		'a death elsewhere: stderr says so';
	like $run->{tap}, qr/^Bail out! the target was lost/m, 'a death elsewhere: TAP bails out';
	is $result{$killer}{verdict}, 'inconclusive', 'a death elsewhere: nobody is blamed';
	like $result{$killer}{reason}, qr/the target answers no more after Allocate /, 'a death elsewhere: but the last message is named';
	is $summary->{done}, scalar(keys %result), 'a death elsewhere: the summary counts what is done';
	is $summary->{pass}, scalar(grep { $_->{verdict} eq 'pass' } values %result), 'a death elsewhere: what had passed before stays';
	cmp_ok $summary->{pass}, '>', 5, 'a death elsewhere: and that is not nothing';
}

# One that is stopped by somebody while several scenarios run.
{
	my ($server, $port) = served();
	my %env = marked();
	my $out = tmp() . '/out';
	my $process = start({ env => \%env }, assay(), 'run', '--rto', '0.02', '--rc', '4', '--rm', '8', '--format', 'tap', '--out', $out,
		'--target', served_profile($port, 'max_rate = 40'), 'server');
	ok $process->wait_for(qr/^ok 3 /m, 30), 'a death midway: the run is under way';
	$server->stop('KILL');
	ok wait_until(sub { !$process->alive }, 30), 'a death midway: the run ends';
	is $process->stop, 3, 'a death midway: status 3';
	like $process->err, qr/the target was lost: it stopped answering/, 'a death midway: stderr says so';
	my @lines = json_lines("$out/results.ndjson");
	my %result = results(@lines);
	is join(' ', grep { $result{$_}{verdict} eq 'fail' } sort keys %result), '', 'a death midway: silence fails nobody';
	like of_type('summary', @lines)->{aborted}, qr/the target was lost/, 'a death midway: the summary says so';
	is join("\n", left_behind(%env)), '', 'a death midway: nothing is left behind';
}

# What can harm is for targets that assay launched, or that say so themselves.
{
	my ($server, $port) = served();
	my $run = judged('no harm', '--target', served_profile($port, "transports = { 'udp' }"), 'server/refused-token', 'server/challenge/nonce');
	my %result = results(@{ $run->{results} });
	is $run->{status}, 0, 'no harm: status 0' or diag $run->{err};
	is $result{$killer}{verdict}, 'skip', 'no harm: what may harm is skipped';
	like $result{$killer}{reason}, qr/may harm the target, which assay did not launch and whose profile does not say may_harm = true/,
		'no harm: and why is said';
	is_deeply $result{$killer}{exchange}, [], 'no harm: nothing is sent';
	my $harmful = of_type('summary', @{ $run->{results} })->{skip};
	$run = judged('harm allowed', '--target', served_profile($port, "transports = { 'udp' }, may_harm = true"), 'server/refused-token',
		'server/challenge/nonce');
	%result = results(@{ $run->{results} });
	is $result{$killer}{verdict}, 'pass', 'harm allowed: it is run';
	cmp_ok of_type('summary', @{ $run->{results} })->{skip}, '<', $harmful, 'harm allowed: fewer are skipped';
	$run = judged('harm denied', '--server', "127.0.0.1:$port", (map { ('--key', $_) } @keys), $killer, 'server/challenge/nonce');
	%result = results(@{ $run->{results} });
	is $result{$killer}{verdict}, 'skip', 'a server without a profile is not harmed either';
}

# Packets of a capture on the way to and from a port, by tshark, in the order of their times.
sub packets {
	my ($path, $port) = @_;
	my @fields = qw(frame.time_epoch udp.srcport udp.dstport stun.type.method stun.type.class stun.att.lifetime stun.id);
	my ($status, $out, $err) = run({ timeout => 60 }, 'tshark', '-r', $path, '-d', "udp.port==$port,stun", '-Y', "udp.port == $port && stun && !icmp",
		'-T', 'fields', '-E', 'occurrence=f', map { ('-e', $_) } @fields);
	is $status, 0, 'tshark reads the capture' or diag $err;
	my @list = map { my %packet; @packet{ map { s/.*\.//r } @fields } = split /\t/, $_, -1; \%packet } split /\n/, $out;
	return sort { $a->{time_epoch} <=> $b->{time_epoch} } @list;
}

# A rate is kept: the n-th message never leaves before its time. Retransmissions cannot be held back, and are paid for later.
{
	my ($server, $port) = served();
	my $rate = 60;
	my $run = judged('a rate', '--no-capture', '--target', served_profile($port, "transports = { 'udp' }, max_rate = $rate"), 'server/challenge',
		'server/session-key');
	is $run->{status}, 0, 'a rate: status 0' or diag $run->{err};
	my @sent = grep { $_->{dstport} == $port } packets("$run->{out}/capture.pcapng", $port);
	cmp_ok scalar @sent, '>', 60, 'a rate: ' . @sent . ' messages were sent';
	my (%seen, $early);
	my $again = 0;
	for my $i (0 .. $#sent) {
		$again++ if $seen{ $sent[$i]{id} }++;
		my $after = $sent[$i]{time_epoch} - $sent[0]{time_epoch};
		$early //= "message $i after $after s" if $i - $again > $rate * $after + 1.5;
	}
	is $early, undef, "a rate: no message leaves ahead of $rate a second";
	$run = judged('no rate', '--no-capture', '--target', served_profile($port, "transports = { 'udp' }"), 'server/challenge', 'server/session-key');
	my @free = grep { $_->{dstport} == $port } packets("$run->{out}/capture.pcapng", $port);
	cmp_ok $free[-1]{time_epoch} - $free[0]{time_epoch}, '<', $sent[-1]{time_epoch} - $sent[0]{time_epoch}, 'a rate: without it the same is done sooner';
}

# The most allocations at once that a capture shows: made by a success of Allocate, ended by one of Refresh that had LIFETIME 0.
sub most_at_once {
	my ($path, $port) = @_;
	my (%ending, %lives);
	my $most = 0;
	for my $packet (packets($path, $port)) {
		my ($method, $class) = (hex $packet->{method}, hex $packet->{class});
		if ($packet->{dstport} == $port) {
			$ending{ $packet->{id} } = 1 if $method == 4 && $packet->{lifetime} =~ /^0$/;
		} elsif ($class == 0x10 && $method == 3 && $packet->{lifetime}) { # of LIFETIME 0 there is nothing left
			$lives{ $packet->{dstport} } = 1;
		} elsif ($class == 0x10 && $method == 4 && $ending{ $packet->{id} }) {
			delete $lives{ $packet->{dstport} };
		}
		$most = max($most, scalar keys %lives);
	}
	return $most;
}
{
	my ($server, $port) = served();
	my @some = ('server/permissions/session-key', 'server/permissions/other-keys', 'server/server-name',
		'server/refresh/new-token', 'server/session-key/wrong-integrity');
	my $run = judged('allocations', '--no-capture', '--target', served_profile($port, "transports = { 'udp' }, max_allocations = 2"), @some);
	my $most = most_at_once("$run->{out}/capture.pcapng", $port);
	cmp_ok $most, '<=', 2, "allocations: never more than 2 at once ($most)";
	cmp_ok $most, '>=', 1, 'allocations: but some';
	my %result = results(@{ $run->{results} });
	my @skipped = grep { ($result{$_}{reason} // '') =~ /allocations at once, the profile allows 2/ } keys %result;
	is join(' ', @skipped), join(' ', grep { $result{$_}{verdict} eq 'skip' && $result{$_}{reason} =~ /allocations/ } keys %result),
		'allocations: what needs more is skipped, and says so';
	$run = judged('one allocation', '--no-capture', '--target', served_profile($port, "transports = { 'udp' }, max_allocations = 1"), @some);
	%result = results(@{ $run->{results} });
	is most_at_once("$run->{out}/capture.pcapng", $port), 1, 'allocations: one at a time';
	is $result{'server/permissions/other-keys'}{verdict}, 'skip', 'allocations: a scenario that holds two is skipped';
	like $result{'server/permissions/other-keys'}{reason}, qr/it holds 2 allocations at once, the profile allows 1/, 'allocations: and why is said';
}

# Killed outright, assay still takes its target with it.
{
	my %env = marked();
	my $process = start({ env => \%env }, assay(), 'run', '--format', 'tap', 'server');
	ok $process->wait_for(qr/^ok 3 /m, 30), 'a killed run: it is under way';
	kill 'KILL', $process->pid;
	ok wait_until(sub { !grep { /^process/ } left_behind(%env) }, 10), 'a killed run: its target is gone too';
	$process->stop;
}

done_testing;
