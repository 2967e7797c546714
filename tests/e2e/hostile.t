#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# Targets that answer with anything (tests/e2e/hostile.pl): the report stays one that prove and TAP::Parser accept, and
# whatever comes, assay neither dies nor hangs, and ends with a status of the contract.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use fixture;
use helper;
use TAP::Parser;
use Test::More;
use Time::HiRes qw(sleep time);

delete @ENV{ grep { /^(?:HARNESS_|PERL_TEST_HARNESS|TEST_)/ } keys %ENV };
my $hostile = "$FindBin::Bin/hostile.pl";
my $key = 'north:A256GCM:' . 'QUFB' x 10 . 'QUE=';
my @quick = ('--rto', '0.02', '--rc', '4', '--rm', '4');
my @patient = ('--rto', '0.3'); # where what is well has to be found well, however busy the machine
my @plain = ('--transport', 'udp', '--transport', 'tcp');

# The arguments of a run against a manner.
sub against {
	my ($manner, @schedule) = @_;
	@schedule = @quick if !@schedule;
	return ('run', @schedule, @plain, '--key', $key, '--launch', "exec perl '$hostile' $manner");
}

sub is_sound {
	my ($name, $tap, $out) = @_;
	unlike $tap, qr/[^\x0a\x20-\x7e]/, "$name: nothing but printable ASCII";
	my $parser = TAP::Parser->new({ tap => $tap });
	my (@odd, %descriptions);
	while (my $token = $parser->next) {
		push @odd, $token->raw if $token->is_unknown || $token->is_pragma;
		$descriptions{ $1 }++ if $token->is_test && $token->description =~ /^- (\S+)/;
	}
	is join("\n", @odd), '', "$name: every line is TAP";
	my @lines = eval { json_lines("$out/results.ndjson") };
	is $@, '', "$name: every line of results.ndjson is JSON";
	my %result = results(@lines);
	is join(' ', sort keys %descriptions), join(' ', sort keys %result), "$name: test points are the scenarios, and no others";
	my $planned = of_type('run', @lines)->{scenarios};
	is $parser->tests_planned, $planned, "$name: the plan is that of the run" if $planned;
	my ($read, undef, $problem) = run('capinfos', "$out/capture.pcapng");
	is $read, 0, "$name: the capture can be read" or diag $problem;
	return ($parser, \%result, of_type('summary', @lines));
}

# Texts of all kinds where a target may put them.
{
	my $out = tmp() . '/out';
	my ($status, $tap, $err) = run({ timeout => 90 }, assay(), against('texts'), '--format', 'tap', '--out', $out, 'server');
	is $status, 1, 'texts: status 1';
	is $err, '', 'texts: nothing on stderr';
	my ($parser, $results) = is_sound('texts', $tap, $out);
	is join('; ', $parser->parse_errors), '', 'texts: TAP::Parser finds no error';
	is scalar($parser->tests_run), $parser->tests_planned, 'texts: every scenario is reported';
	like $tap, qr/\\x1B\[31mred/, 'texts: escape sequences are shown, and do nothing';
	like $tap, qr/\\nnot ok 99 - forged\\r\\nBail out! forged/, 'texts: line ends are shown, and end none';

	# prove, on a live run: red is what failed and nothing else.
	my @words = map { my $word = s/'/'\\''/gr; "'$word'" } assay(), against('texts'), 'server/challenge';
	my $script = spill(tmp() . '/live.sh', "exec @words\n");
	my ($proved, $said) = run({ timeout => 60 }, 'prove', '--norc', '--nocolor', '--exec', 'sh', $script);
	is $proved, 1, 'prove: a red run';
	like $said, qr/^  Failed tests?:/m, 'prove: which tests failed';
	unlike $said, qr/Parse errors|Bad plan|out of sequence|No plan/i, 'prove: no parse error' or diag $said;
	$script = spill(tmp() . '/green.sh', "exec '" . assay() . "' run server/challenge\n");
	($proved, $said) = run({ timeout => 60 }, 'prove', '--norc', '--nocolor', '--exec', 'sh', $script);
	is $proved, 0, 'prove: a green run' or diag $said;
}

# A conforming server with such a realm and name is conforming still.
{
	my ($realm, $name) = ("re\"alm: # TODO '\n\xff", "na#me: \"quoted\" \\ \x1b[1m\nok 1");
	my ($server, $port) = reference({ ASSAY_KEYS => $key }, '--server-name', $name, '--realm', $realm);
	my $out = tmp() . '/out';
	my ($status, $tap, $err) = run({ timeout => 60 }, assay(), 'run', '--server', "127.0.0.1:$port", '--server-name', $name, '--realm', $realm,
		'--key', $key, '--format', 'tap', '--out', $out, 'server/challenge', 'server/accepted-token', 'server/server-name');
	is $status, 0, 'a queer name: status 0' or diag $err, $tap;
	my ($parser) = is_sound('a queer name', $tap, $out);
	ok !$parser->has_problems, 'a queer name: no problems';
	$server->stop;
}

# Answers that are none, far too many of them, and what else a target may do: each manner of hostile.pl, several at once.
# What there is to say of the truth of the verdicts:
#   all => 1       the server behind it conforms, and what comes beside harms nobody: everything passes, status 0
#   calm => 1      likewise, but where answers drown in others something may be inconclusive; nothing fails
#   none => 1      no scenario passes, since nothing was ever answered
#   broken => […]  rules for all messages that fail, each citing the requirement that is its own
#   lost => 1      the target never answers: status 3, and nothing is judged
#   chance => 1    whether what is broken is needed is chance: DTLS sends again, and a TLS connection may be done by then
#   secure => 1    over TLS and DTLS too
my %cites = (header => '5389-6-01', 'error-code' => '5389-7.3.1.1-01', integrity => qr/^7635-7-1[678]$|^7635-9-12$/);
my %manners = (
	garbage => { none => 1, broken => ['header'] }, 'garbage-of-stun' => { none => 1, broken => ['header'], secure => 1 },
	truncated => { broken => ['header'] }, lengths => { broken => ['header'], secure => 1 }, 'attribute-lengths' => { broken => ['header'] },
	cookie => { broken => ['header'] }, 'odd-types' => { broken => ['header'] }, nested => {}, 'wrong-sizes' => { secure => 1 },
	'big-attributes' => { secure => 1 }, 'big-sum' => {}, 'attribute-of-65535' => { none => 1, broken => ['header'] }, 'many-attributes' => {},
	nonces => {}, omissions => {}, nowhere => {}, many => {}, strangers => { none => 1, broken => ['header'], secure => 1 },
	'many-strangers' => { broken => ['header'] }, indications => { none => 1 }, contradict => {}, flood => { broken => ['header'], secure => 1 },
	'flood-of-noise' => { broken => ['header'] }, success => {}, 'all-codes' => { broken => ['error-code'] },
	'stale-forever' => {}, 'in-circles' => { none => 1 },
	silence => { none => 1, secure => 1 }, echo => { none => 1 }, drip => {}, half => { none => 1 }, 'never-whole' => { none => 1, secure => 1 },
	'endless-messages' => { none => 1, secure => 1 }, 'endless-channels' => { none => 1 }, 'endless-noise' => { none => 1, secure => 1 },
	'no-stun' => { none => 1 }, 'too-early' => {}, 'shut-behind' => {}, 'shut-before' => { none => 1 }, 'close-in-answer' => { none => 1 },
	'reset-in-answer' => { none => 1 }, 'close-on-request' => { none => 1, secure => 1 }, 'reset-on-request' => { none => 1 },
	'deaf-garbage' => { lost => 1 }, 'deaf-endless' => { lost => 1 }, 'deaf-half' => { lost => 1 }, 'deaf-reset' => { lost => 1 },
	'deaf-flood' => { lost => 1 },
	honest => { all => 1, secure => 1 }, 'three-hundred' => { calm => 1 }, octets => { all => 1, secure => 1 }, 'and-strangers' => { broken => ['header'] },
	map({ $_ => { none => 1, broken => ['integrity'] } } 'and-the-contrary', 'and-the-contrary-later'), 'datagrams-beside' => { all => 1, secure => 1 },
	'records-flipped' => { chance => 1, secure => 1 }, 'records-between' => { chance => 1, secure => 1 }, 'records-cut' => { chance => 1, secure => 1 },
	map { $_ => { lost => 1, secure => 1 } } qw(no-tls noise-for-tls alerts-for-tls endless-handshake endless-cookies silence-for-tls
		reset-for-tls drip-for-tls),
);
my @manners = sort keys %manners;
my ($listed, $list) = run('perl', $hostile, '--list');
is join(' ', grep { $_ ne 'texts' } split ' ', $list), "@manners", 'every manner is tried';

my $sanitized = slurp(assay()) =~ /__asan_init/; # which takes memory and time of its own
my $front = tree('suites/reference/serve.lua' => slurp("$FindBin::Bin/hostile-front.lua"));
my @some = map { "server/$_" } qw(challenge/nonce challenge/unauthorized accepted-token/a256gcm permissions/session-key refused-token/oversized-token);

sub begin {
	my ($manner) = @_;
	my %env = (marked(), HOSTILE_ASSAY => assay(), HOSTILE_FRONT => $front);
	my $out = tmp() . '/out';
	my @secure = $manners{$manner}{secure} ? ('--transport', 'tls', '--transport', 'dtls') : ();
	my $process = start({ env => \%env }, assay(), against($manner, $manners{$manner}{all} ? @patient : @quick), @secure,
		'--format', 'tap', '--out', $out, @some);
	return { manner => $manner, process => $process, env => \%env, out => $out, began => time };
}

sub verdict_is_true {
	my ($manner, $status, $result, $summary) = @_;
	my $what = $manners{$manner};
	my @passed = grep { /^server/ && $result->{$_}{verdict} eq 'pass' } sort keys %$result;
	my @red = grep { $result->{$_}{verdict} =~ /^(?:fail|inconclusive)$/ } sort keys %$result;
	my $may_be_green = $what->{all} || $what->{calm} || $what->{chance};
	is $status, $may_be_green && !@red ? 0 : ($summary->{fail} // 0) > 0 ? 1 : 3, "$manner: the status that its verdicts make";
	is "@red", '', "$manner: nothing is held against it" if $what->{all};
	is $summary->{fail}, 0, "$manner: nothing fails" if $what->{calm};
	is "@passed", '', "$manner: nothing passes that was not observed" if $what->{none} || $what->{lost};
	is $status, 3, "$manner: no verdict" if $what->{lost};
	for my $rule (@{ $what->{broken} // [] }) {
		my $of = $result->{"invariants/$rule"};
		is $of->{verdict}, 'fail', "$manner: $rule is broken";
		my @cited = map { $_->{requirement} } grep { $_->{verdict} eq 'fail' } @{ $of->{checks} };
		like $cited[0] // 'nothing', qr/^$cites{$rule}$/, "$manner: and the requirement is cited";
	}
}

sub judge {
	my ($manner, $status, $tap, $err, $out) = @_;
	my $what = $manners{$manner};
	my $statuses = $what->{all} ? qr/^0$/ : $what->{calm} ? qr/^[03]$/ : $what->{chance} ? qr/^[013]$/ : qr/^[13]$/;
	like $status, $statuses, "$manner: a status of the contract ($status)";
	unlike $err, qr/bug of assay|traceback|Sanitizer|runtime error/, "$manner: nothing went wrong in assay" or diag $err;
	unlike $err, qr/[^\x0a\x20-\x7e]/, "$manner: nothing but printable ASCII on stderr";
	my ($parser, $result, $summary) = is_sound($manner, $tap, $out);
	my @suite = grep { ($result->{$_}{reason} // '') =~ /error in the suite|computes without waiting/ } sort keys %$result;
	is "@suite", '', "$manner: nor in the suite" or diag map { "$_: $result->{$_}{reason}\n" } @suite;
	verdict_is_true($manner, $status, $result, $summary);
	my $peak = $summary->{usage}{peak_kib};
	cmp_ok $peak, '<', 160 * 1024, "$manner: memory stays bounded ($peak KiB)" if !$sanitized;
	cmp_ok -s "$out/results.ndjson", '<', 16 << 20, "$manner: and the results";
	cmp_ok -s "$out/capture.pcapng", '<', 128 << 20, "$manner: and the capture";
}

my ($MOST_AT_ONCE, $MOST_LOST) = (4, 6); # those that wait for a target in vain wait beside the others
my $LIMIT = 120; # seconds: what a manner takes on a busy machine is far less
my @waiting = @manners;
@waiting = grep { /$ENV{HOSTILE_MANNERS}/ } @waiting if $ENV{HOSTILE_MANNERS};
my @running;
while (@waiting || @running) {
	for my $lost (0, 1) {
		my $room = ($lost ? $MOST_LOST : $MOST_AT_ONCE) - grep { !!$manners{ $_->{manner} }{lost} == !!$lost } @running;
		my @next = grep { !!$manners{$_}{lost} == !!$lost } @waiting;
		my %now = map { $_ => 1 } splice @next, 0, $room > 0 ? $room : 0;
		push @running, map { begin($_) } sort keys %now;
		@waiting = grep { !$now{$_} } @waiting;
	}
	sleep 0.02;
	my @over = grep { !$_->{process}->alive || time - $_->{began} > $LIMIT } @running;
	for my $one (@over) {
		my ($manner, $process) = @$one{qw(manner process)};
		my $ended = !$process->alive;
		ok $ended, sprintf '%s: ends in time', $manner;
		note sprintf '%s: %.1f s', $manner, time - $one->{began};
		my $status = $process->stop($ended ? 'TERM' : 'KILL');
		judge($manner, $status, $process->out, $process->err, $one->{out}) if $ended;
		is join("\n", left_behind(%{ $one->{env} })), '', "$manner: nothing is left behind";
	}
	my %over = map { $_ => 1 } @over;
	@running = grep { !$over{$_} } @running;
}

done_testing;
