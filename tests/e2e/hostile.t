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
use Time::HiRes qw(time);

delete @ENV{ grep { /^(?:HARNESS_|PERL_TEST_HARNESS|TEST_)/ } keys %ENV };
my $hostile = "$FindBin::Bin/hostile.pl";
my $key = 'north:A256GCM:' . 'QUFB' x 10 . 'QUE=';
my @quick = ('--rto', '0.02', '--rc', '4', '--rm', '4', '--transport', 'udp', '--transport', 'tcp');

# The arguments of a run against a manner.
sub against { my ($manner) = @_; return ('run', @quick, '--key', $key, '--launch', "exec perl '$hostile' $manner") }

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
	is $parser->tests_planned, $planned, "$name: the plan is that of the run";
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

# Answers that are none, and far too many of them.
my $sanitized = slurp(assay()) =~ /__asan_init/; # which takes memory of its own
my @some = map { "server/$_" } qw(challenge/nonce challenge/unauthorized accepted-token/a256gcm permissions/session-key refused-token/oversized-token);
for my $manner (qw(garbage garbage-of-stun truncated length-beyond attribute-beyond many many-strangers many-attributes indications success all-codes
	silence echo)) {
	my %env = marked();
	my $out = tmp() . '/out';
	my $began = time;
	my ($status, $tap, $err) = run({ timeout => 90, env => \%env }, assay(), against($manner), '--format', 'tap', '--out', $out, @some);
	like $status, qr/^[13]$/, "$manner: a status of the contract ($status)";
	unlike $err, qr/bug of assay|traceback|Sanitizer|runtime error/, "$manner: nothing went wrong in assay" or diag $err;
	my ($parser, $result, $summary) = is_sound($manner, $tap, $out);
	is join(' ', grep { ($result->{$_}{reason} // '') =~ /error in the suite/ } sort keys %$result), '', "$manner: nor in the suite";
	diag map { "$_: $result->{$_}{reason}\n" } grep { ($result->{$_}{reason} // '') =~ /error in the suite/ } sort keys %$result;
	my $peak = $summary->{usage}{peak_kib};
	cmp_ok $peak, '<', 192 * 1024, "$manner: memory stays bounded ($peak KiB)" if !$sanitized;
	is join("\n", left_behind(%env)), '', "$manner: nothing is left behind";
	note sprintf '%s: %.1f s', $manner, time - $began;
}

done_testing;
