#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# The same judge: the capture of a live run, audited afterwards, gives for every requirement of servers that a capture
# can show the verdict that the run gave. So it is for the reference server, for each of its faults, and for coturn,
# over all transports. What a capture cannot show stands below, each with its reason. And a capture is judged the same
# whether one message of each kind is judged or every one of them.
# SAME_JUDGE_FAULTS: a pattern, to look at some faults (or "coturn", "the reference") only. SAME_JUDGE_JOBS: runs at once (default 12).
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use captures qw(write_pcap);
use helper;
use Digest::SHA qw(sha1);
use MIME::Base64 qw(encode_base64);
use Test::More;

my $silence = 'silence in a capture may be a packet that was lost before it, or by it; live the whole schedule passes';
my $keys = 'a server that refuses good tokens may have other keys than whoever audits; live they are those of assay';
my $unknown = 'a server that lets everybody in never says that it takes tokens; live the profile says so';
my $unread = 'an answer whose code cannot be read may be any, and is reported as that; live only a 401 is a 401';
my $early = 'a server may look at it before it authenticates; live it is asked without credentials too';
my $binding = 'Binding may be refused for other reasons, and by the short-term mechanism; live it is served with a token';
my $profile = 'when a nonce ends is told by the profile, and by no packet';

# Faults of which the capture shows nothing, or less: requirement -> why.
my %unseen = (
	'challenge-udp-only'      => { '7635-4-02' => $silence }, # over TCP
	'drop-expired'            => { '7635-7-09' => $silence, '7635-7-11' => $silence },
	'drop-stale'              => { '5389-10.2.2-05' => $silence },
	'drop-unexpected-token'   => { '7635-7-19' => $silence },
	'ignore-retransmissions'  => { '5389-7.3.1-02' => $silence },
	'accept-outlived-nonce'   => { '5389-10.2.2-05' => $profile },
	'refuse-nonce-by-401'     => { '5389-10.2.2-05' => $profile }, # warn, for nonces that were never given out (AMB-15)
	'answer-from-other-port'  => { '*' => 'what comes from another port is no answer to anything, and is reported as that' },
	'change-transaction-id'   => { '5389-7.3.1-01' => 'a 420 to no request is reported as that; live no 420 came' },
	'omit-associated-data'    => { '7635-6.1-01' => $keys },
	'use-terminated-associated-data' => { '7635-6.1-01' => $keys },
	'forget-transactions'     => { '7635-7-17' => 'an answer that comes again is judged as a repetition alone' },
	'leave-420-unsigned'      => { '7635-7-17' => $early },
	'leave-442-unsigned'      => { '7635-7-17' => $early },
	'omit-error-code'         => { '7635-4-02' => $unread },
	'write-code-as-number'    => { '7635-4-02' => $unread },
	'relay-for-everyone'      => { '7635-4-02' => $unknown },
	'forbid-bare-binding'     => { '7635-4-02' => $binding },
	'announce-nothing-for-binding' => { '7635-4-05' => $binding },
);

# What a fault breaks besides what it was made to break.
my %also = (
	'omit-nonce-for-binding' => ['5389-10.2.2-08'], # a 401 to Binding with a token that is not good
	# What is granted too long outlives its token; another scenario is there to ask for it live.
	map { $_ => ['7635-9-07'] } qw(
		read-lifetime-backwards read-lifetime-as-minutes ignore-token-on-refresh keep-ceiling-of-allocate
		refresh-session-freely grant-default-at-least cap-only-what-is-asked
	),
);

# Where one shows over UDP least.
my %transports = ('challenge-udp-only' => [qw(udp tcp)]);

# What is asked where a requirement has no scenario, since every answer is judged by it.
my @anything = qw(server/challenge/ server/signed-responses/ server/session-key/attributes server/unknown-attributes/);

my $only = $ENV{SAME_JUDGE_FAULTS};
my $jobs = $ENV{SAME_JUDGE_JOBS} || 12;

# The keys of suites/reference/defaults.lua, as it makes them.
sub reference_keys {
	my %length = (A128GCM => 16, A256GCM => 32, 'A128CBC-HS256' => 32, 'A256CBC-HS512' => 64);
	my $lines = '';
	for ([north => 'A256GCM'], [south => 'A256GCM'], [west => 'A128GCM'], [east => 'A128CBC-HS256'],
		[centre => 'A256CBC-HS512'], [brief => 'A256GCM']) {
		my ($kid, $algorithm) = @$_;
		my $octets = join '', map { sha1("assay demonstration key $kid $_") } 1 .. 4;
		$lines .= "$kid:$algorithm:" . encode_base64(substr($octets, 0, $length{$algorithm}), '') . "\n";
	}
	return spill(tmp() . '/keys', $lines);
}

my %reference = (
	keys => reference_keys(), name => 'Stun1@reference.example.org',
	users => spill(tmp() . '/users', "ninja:youhavetoberealistic\nguest:guests are welcome\n"),
);

# What a capture can show of a server.
my ($status, $listed) = run(assay(), 'list', '--requirements', '--format', 'json');
my %shown = map { $_->{id} => $_ } grep { grep { $_ eq 'pcap' } @{ $_->{observed} } }
	grep { $_->{role} eq 'server' && !$_->{implied_by} } json_lines($listed);
cmp_ok scalar keys %shown, '>', 30, 'a capture can show ' . keys(%shown) . ' requirements of servers';

# As scripts/targets/coturn.lua has it, which claims no RFC 8489.
sub coturn {
	my $profile = slurp('scripts/targets/coturn.lua');
	my @keys;
	push @keys, "$1:$2:$3" while $profile =~ /kid = "(\w+)", algorithm = "(\w+)", key = "([^"]+)"/g;
	my ($name) = $profile =~ /server_name = "([^"]+)"/;
	my ($user, $password) = $profile =~ /name = "(\w+)", password = "(\w+)"/;
	return {
		keys => spill(tmp() . '/keys', join '', map { "$_\n" } @keys), name => $name,
		users => spill(tmp() . '/users', "$user:$password\n"), older => 1,
	};
}

my @audit = ('--complete', '--delta', '5');

sub audit_of {
	my ($folder, $of, @more) = @_;
	my ($result, $out, $err) = run({ timeout => 120 }, assay(), 'audit', "$folder/capture.pcapng",
		'--key', "\@$of->{keys}", '--user', "\@$of->{users}", '--server-name', $of->{name}, @audit,
		($of->{older} ? () : '--rfc8489'), @more,
		'--format', 'json');
	my @records = json_lines($out);
	ok scalar(grep { $_->{type} eq 'summary' } @records), "the capture in $folder is audited (@more)" or diag $err;
	return @records;
}

# The verdicts of a run and of the audit of its capture: a text for each difference, what both say, and whether requests
# were sent again.
sub differences {
	my ($run, $of, $unseen) = @_;
	my $folder = $run->{folder};
	return (['no results: ' . $run->{process}->err], {}, 0) if !-s "$folder/results.ndjson";
	my %live = map { $_->{id} => $_->{verdict} } grep { $_->{type} eq 'requirement' } json_lines("$folder/results.ndjson");
	my @records = audit_of($folder, $of);
	my %audited = map { $_->{requirement} => $_->{verdict} } grep { $_->{type} eq 'requirement' } @records;
	my (@differences, %same);
	for my $id (sort keys %shown) {
		my ($live, $audited) = ($live{$id} // 'none', $audited{$id} // 'none');
		my $judged = $live =~ /^(pass|warn|fail)$/;
		# Where the run had nothing to say of it, the capture may still show what the fault breaks.
		my $same = $judged ? $live eq $audited : $audited !~ /^(warn|fail)$/ || grep { $_ eq $id } @{ $run->{broken} };
		$same{$id} = $live if $same && $judged;
		next if $same;
		next if $unseen->{$id} || ($unseen->{'*'} && $audited =~ /^(none|skip)$/);
		my @why = map { "\n      $_->{label}: $_->{reason} (frames @{$_->{frames}})" } grep { $_->{type} eq 'finding' && $_->{requirement} eq $id } @records;
		push @differences, "$id: live $live, audited $audited@why";
	}
	my $held_up = grep { $_->{type} eq 'method' && $_->{repeated} } @records;
	return (\@differences, \%same, $held_up);
}

my %caught; # requirement -> run -> verdict, of run and audit alike

my @faults = map { $_->{kind} eq 'fault' && !$_->{suite} ? $_ : () }
	json_lines((run(assay(), 'serve', '--list-faults', '--format', 'json'))[1]);
my @runs;
for my $fault (@faults) {
	next if $only && $fault->{name} !~ /$only/;
	my @broken = grep { $shown{$_} } @{ $fault->{requirements} } or next;
	my @asked = grep { grep { m{^server/} } @{ $shown{$_}{scenarios} } } @broken;
	my $folder = tmp();
	push @runs, {
		name => $fault->{name}, folder => $folder, broken => [@broken, @{ $also{ $fault->{name} } || [] }],
		command => [
			assay(), 'run', '--out', $folder, qw(--format json --rto 0.1 --rc 4 --rm 4), '--fault', $fault->{name},
			($fault->{plain} ? '--no-third-party' : ()), (map { ('--transport', $_) } @{ $fault->{transports} || $transports{ $fault->{name} } || ['udp'] }),
			(map { ('--filter', $_) } @asked ? @asked : @anything),
		],
	};
}

# Runs them side by side, so many at once.
sub perform {
	my ($most, @waiting) = @_;
	my @running;
	while (@waiting || @running) {
		while (@waiting && @running < $most) {
			my $run = shift @waiting;
			$run->{process} = start(@{ $run->{command} });
			push @running, $run;
		}
		wait_until { grep { !$_->{process}->alive } @running } 1;
		my @still;
		for my $run (@running) {
			if ($run->{process}->alive) { push @still, $run; next }
			$run->{process}->stop;
		}
		@running = @still;
	}
	return;
}

# The next time that it is performed, it is another run.
sub again {
	my ($run, @options) = @_;
	$run->{folder} = $run->{command}[3] = tmp();
	push @{ $run->{command} }, @options;
	return;
}

# Of a capture from which packets are missing nothing can be said to be complete.
sub is_whole { my ($run) = @_; return $run->{process}->out !~ /libpcap (?:dropped|saw)|not seen by libpcap/ }

# Whole runs: of the reference, with tokens and without, and of coturn, over all transports.
my %whole;
{
	my @all = map { ('--transport', $_) } qw(udp tcp tls dtls udp6 tcp6);
	my @whole = (
		{ name => 'the reference', of => \%reference, rest => [@all], least => 30 },
		{ name => 'the reference without tokens', of => \%reference, rest => [@all, '--no-third-party'], least => 5 },
	);
	if (-x '/usr/bin/turnserver') {
		push @whole, { name => 'coturn', of => coturn(), rest => ['--target', 'scripts/targets/coturn.lua'],
			least => 30 };
	}
	@whole = grep { !$only || $_->{name} =~ /$only/ } @whole;
	for my $run (@whole) {
		$run->{folder} = tmp();
		$run->{broken} = [];
		$run->{command} = [assay(), 'run', '--out', $run->{folder}, '--format', 'json', @{ $run->{rest} }, 'server'];
		$whole{ $run->{name} } = $run;
	}
	unshift @runs, @whole;
	perform(3, @whole);
}
perform($jobs, grep { !$_->{process} } @runs);

# What a busy machine kept from being seen live is asked again, with a schedule that outlasts it.
sub verdict_of {
	my ($run, $id) = @_;
	return 'inconclusive' if !-s "$run->{folder}/results.ndjson";
	my ($record) = grep { $_->{type} eq 'requirement' && $_->{id} eq $id } json_lines("$run->{folder}/results.ndjson");
	return $record ? $record->{verdict} : 'none';
}
my @open = grep { my $run = $_; grep { verdict_of($run, $_) eq 'inconclusive' } @{ $run->{broken} } } @runs;
again($_, '--rto', 0.3) for @open;
perform($jobs, @open);
for my $run (@runs) {
	my $unseen = $unseen{ $run->{name} } || {};
	my $of = $run->{of} || \%reference;
	my ($differences, $same, $held_up) = differences($run, $of, $unseen);
	for (1 .. 3) {
		# A request that was sent again has several answers, of which an audit cannot tell which one was heard.
		last if !@$differences || is_whole($run) && !$held_up;
		diag "$run->{name}: ", $held_up ? 'requests were sent again' : 'packets are missing from the capture',
			', so it is run once more';
		again($run, '--rto', 2);
		perform(1, $run);
		($differences, $same, $held_up) = differences($run, $of, $unseen);
	}
	is scalar @$differences, 0, "$run->{name}: the audit says what the run said"
		or diag join "\n  ", $run->{name}, @$differences;
	cmp_ok scalar keys %$same, '>', $run->{least}, "$run->{name}: about " . keys(%$same) . ' requirements'
		or diag $run->{process}->err if $run->{least};
	my @idle = grep { $same->{$_} } keys %$unseen; # '*' is none
	is scalar @idle, 0, "$run->{name}: and shows nothing that is said to be beyond it" or diag "@idle" if %$unseen;
	$caught{$_}{ $run->{name} } = $same->{$_} for grep { $same->{$_} =~ /^(warn|fail)$/ } keys %$same;
}

if (!$only) {
	# Every requirement that a capture can show was seen to be broken by somebody.
	my @never = grep { !$caught{$_} } sort keys %shown;
	is "@never", '', 'every requirement was broken by some fault, live and in the capture';

	# The faults that a rule names are seen by it.
	my %rule;
	for my $row (values %shown) { push @{ $rule{$_}{ids} }, $row->{id} for @{ $row->{captures} } }
	for my $one (grep { $rule{ $_->{id} } } json_lines((run(assay(), 'list', '--format', 'json'))[1])) {
		my @missed = grep { my $name = $_; !grep { $caught{$_}{$name} } @{ $one->{covers} } } @{ $one->{faults} };
		is "@missed", '', "$one->{id} sees the faults that it names"
			or diag map { my $run = $_; map { "$run->{name}: live $_ is " . verdict_of($run, $_) . "\n" } @{ $run->{broken} } }
			grep { my $run = $_; grep { $run->{name} eq $_ } @missed } @runs;
	}
}

# Each challenge over UDP comes once more, with another nonce, as after a request that was sent again: the client goes on
# with that of the first. What is let in is wrong all the same.
sub challenged_twice {
	my ($capture) = @_;
	my $folder = tmp();
	run('tcpdump', '-r', $capture, '-w', "$folder/udp.pcap", 'udp');
	my $content = slurp("$folder/udp.pcap");
	my ($link, $at, @packets) = (unpack('x20 V', $content), 24);
	while ($at < length $content) {
		my ($seconds, $micros, $size) = unpack 'x' . $at . 'VVV', $content;
		my $packet = substr $content, $at + 16, $size;
		push @packets, [$seconds + $micros / 1e6, $packet];
		push @packets, [$seconds + $micros / 1e6, $packet] # a NONCE, of which an octet becomes another
			if $packet =~ /\x01\x13..\x21\x12\xA4\x42/s && $packet =~ s/(\0\x15\0[\x08-\x7F].{4})(.)/$1 . ($2 eq 'A' ? 'B' : 'A')/se;
		$at += 16 + $size;
	}
	return write_pcap("$folder/capture.pcapng", { link => $link }, @packets);
}

my %let_in = ('skip-tag' => '7635-7-04', 'refresh-with-garbled-token' => '7635-9-04', 'skip-integrity' => '7635-7-14');
for my $run (grep { $let_in{ $_->{name} } } @runs) {
	my $folder = challenged_twice("$run->{folder}/capture.pcapng") =~ s{/[^/]*$}{}r;
	my ($record) = grep { $_->{type} eq 'requirement' && $_->{requirement} eq $let_in{ $run->{name} } } audit_of($folder, \%reference);
	is $record->{verdict}, 'fail', "$run->{name}: though challenges come twice";
}

# The same counts, judged by kind and one by one.
for my $name (sort keys %whole) {
	my $run = $whole{$name};
	my %counts;
	for my $every ([], ['--every']) {
		my %sum;
		for my $record (audit_of($run->{folder}, $run->{of}, @$every)) {
			$sum{"$record->{requirement} $record->{held} $record->{broken}"}++ if $record->{type} eq 'requirement';
			# One of a kind speaks for all of it, so what it says may have another number in it.
			$sum{ join ' ', 'finding', map { $record->{$_} // '' } qw(requirement verdict label rule softened) } += $record->{count}
				if $record->{type} eq 'finding';
		}
		$counts{"@$every"} = join "\n", map { "$_: $sum{$_}" } sort keys %sum;
	}
	is $counts{'--every'}, $counts{''}, "$name: judged one by one, the counts are the same";
	like $counts{''}, qr/^7635-4-02 [1-9]/m, "$name: and there are some" if $name !~ /without/;
}

done_testing;
