#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# The robustness suite: what it is made of, that the reference withstands all of it over each transport, and what it does
# not do: harm targets it may not harm, take a broken reproducer, or run unasked. What it finds: robustness-faults.t.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use fixture;
use helper;
use Test::More;

my @short = ('--no-capture', '--format', 'json', '--rto', '0.05', '--rc', '4', '--rm', '8');

# The reduction itself, in a plain Lua.
subtest 'the shortest sequence' => sub {
	my ($status, $out, $err) = run('lua5.4', '-e', <<'LUA');
package.path = "suites/support/?.lua"
local shrink = require "shrink"
local function list_of(n) local list = {} for i = 1, n do list[i] = i end return list end
local function holds(some, wanted)
  local found = {}
  for _, one in ipairs(some) do found[one] = true end
  for _, one in ipairs(wanted) do if not found[one] then return false end end
  return true
end
local function try(n, most, ...)
  local wanted, asked = { ... }, 0
  local shortest, said = shrink.shortest(list_of(n), function(some)
    asked = asked + 1
    return holds(some, wanted)
  end, most)
  assert(said == asked and asked <= most, "counts its questions")
  assert(holds(shortest, wanted), "what it returns does it")
  print(table.concat(shortest, " "), asked)
  return shortest
end
assert(#try(1, 10, 1) == 1)
assert(#try(64, 24, 64) == 1)
assert(#try(64, 24, 1) == 1)
assert(#try(64, 24, 37) == 1)
assert(#try(64, 60, 3, 37) == 2)
assert(#try(200, 200, 3, 77, 78) == 3)
assert(#try(20000, 24, 12345) == 1)
assert(#try(64, 0, 5) == 64)
try(64, 3, 5, 9)
LUA
	is $status, 0, 'is found' or diag "$out$err";
};

# Ten places, of which questions for life took some before: eight messages more do not fill them again, and sixteen do.
subtest 'what a target has only so much of' => sub {
	my ($status, $out, $err) = run('lua5.4', '-e', <<'LUA');
package.path = "suites/?.lua"
package.preload["support.reproducer"] = function() return {} end
local finding = require "support.battery.finding"
local messages = {}
for i = 1, 8 do messages[i] = { what = "message " .. i } end
local function found(places)
  return finding.of({}, {
    life = messages, bench = { custody = { launched = true } },
    bury = function(_, problem) return problem, true end,
    does = function(_, list) return #list >= places, "stopped answering" end,
  }, { messages[7], messages[8] }, "stopped answering")
end
assert(found(5).confirmed and #found(5).messages == 5, "what does it again is reduced")
assert(found(10).confirmed and #found(10).messages == 10, "so is what does it when it is sent twice")
assert(not found(20).confirmed and #found(20).messages == 8, "and what does not is told as it was")
LUA
	is $status, 0, 'is filled again by twice as many' or diag "$out$err";
};

# A target of several threads answers the question for life on one and dies on another.
subtest 'a death behind the answer' => sub {
	my ($status, $out, $err) = run('lua5.4', '-e', <<'LUA');
package.path = "suites/?.lua"
for _, name in ipairs { "clock", "net", "stun", "support.malformed", "support.record", "support.battery.session",
    "support.wire" } do package.preload[name] = function() return {} end end
local firing = require "support.battery.firing"
local function batch(ending)
  local bench = { retransmission = { total = 1 } }
  local own = firing.new({ bench = bench }, "udp")
  function own:volley(list) return #list end
  function own:alive() return true end
  return own:batch({ "one", "two" }, 1, { drain = function() bench.dead = ending end })
end
local last, lives = batch(nil)
assert(last == 2 and lives, "a target that goes on lives")
local problem
last, lives, problem = batch "killed by SIGABRT"
assert(last == 2 and not lives and problem == "killed by SIGABRT", "one that ended does not")
LUA
	is $status, 0, 'is held against the batch' or diag "$out$err";
};

# What a seed decides is the same wherever it is decided.
subtest 'the same seed' => sub {
	my ($status, $out, $err) = run('lua5.4', '-e', <<'LUA');
package.path = "suites/?.lua"
for _, name in ipairs { "bytes", "json", "stun" } do package.preload[name] = function() return {} end end
local chance, mutation = require "support.chance", require "support.mutation"
local function all(seed)
  local parts = {}
  for i, one in ipairs(mutation.garbage(seed, 300)) do parts[i] = one.octets end
  local pool = {}
  for i = 1, 50 do
    pool[i] = { base = i % 2 == 0 and "binding" or "send", edits = { { "truncate", i } }, what = "" .. i }
  end
  for _, one in ipairs(mutation.combinations({ pool }, seed, 300)) do parts[#parts + 1] = one.base .. one.what end
  return table.concat(parts, "|")
end
assert(all(7) == all(7), "the same list")
assert(all(7) ~= all(8), "another list for another seed")
local next_number = chance.generator(1)
assert(next_number(1000000) == 46658, "the numbers of splitmix64")
LUA
	is $status, 0, 'gives the same messages' or diag "$out$err";
};

# The reference withstands it all.
my ($status, $out, $err) = run({ timeout => 300 }, assay(), 'run', @short, '--seed', '7', 'robustness');
is $status, 0, 'the reference withstands it' or diag $err;
my @lines = json_lines($out);
my @results = of_type('scenario', @lines);
is join(' ', map { $_->{id} } grep { $_->{verdict} !~ /^(pass|skip)$/ } @results), '', 'and nothing fails';
my ($sent, %cited) = (0);
for my $result (grep { $_->{verdict} ne 'skip' } @results) {
	$sent += $1 for join("\n", @{ $result->{notes} }) =~ /^(\d+) malformed messages over \w+ from seed 7,/;
	next if $result->{id} =~ /^invariants/;
	my %cites = map { $_->{requirement} => 1 } @{ $result->{checks} };
	is join(' ', sort keys %cites), join(' ', sort @{ $result->{requirements} }),
		"$result->{id} covers what its checks cite";
}
cmp_ok $sent, '>=', 20000, "$sent malformed messages were sent";

# A server that takes no tokens is asked with a password.
{
	my @without = ('run', @short, '--no-third-party', '--transport', 'udp', '--transport', 'tcp', '--seed', '7');
	my ($status, $out, $err) = run({ timeout => 120 }, assay(), @without, 'robustness');
	is $status, 0, 'the reference without tokens withstands it' or diag $err;
	my %without = results(json_lines($out));
	my @asked = grep { m{^robustness/(?:attributes|garbage|header|stream)/} } sort keys %without;
	cmp_ok scalar @asked, '>=', 15, 'is asked what is not about tokens';
	is join(' ', grep { $without{$_}{verdict} ne 'pass' } @asked), '', 'each of it';
	is join(' ', grep { m{^robustness/token/} && $without{$_}{verdict} ne 'skip' } sort keys %without), '', 'and no more';
	# Some octets of a request may be changed without harm: were no password right, none would be served.
	like $without{'robustness/attributes/out-of-place'}{notes}[0], qr/answers, [1-9]\d+ of them a success/, 'with one that is right';
	($status, $out) = run({ timeout => 120 }, assay(), @without, '--fault', 'crash-on-header-length', 'robustness/header/lengths');
	my %killed = results(json_lines($out));
	like $killed{'robustness/header/lengths'}{reason}, qr/ after .*header/, 'and its death is blamed';
	my $again = spill(tmp() . '/again.json', '{"type":"reproducer","transport":"udp","messages":[{"base":"allocate","token":{"keep":1}}]}');
	($status, $out) = run(assay(), @without, '--input', $again);
	is $status, 3, 'a token cannot be sent again to who takes none';
	like $out, qr/none of its messages can be made/, 'and the run says so';
}

# What is no reproducer is refused with one line.
my $folder = tmp();
my $start = '{"type":"reproducer","transport":"udp","messages":[{';
for my $case (
	['no file', undef, qr/No such file/],
	['no JSON', 'hello', qr/this is no reproducer/],
	['another object', '{"type":"run"}', qr/this is no reproducer/],
	['no transport', '{"type":"reproducer","messages":[]}', qr/its transport is none of udp, tcp, tls and dtls/],
	['no messages', '{"type":"reproducer","transport":"udp","messages":[]}', qr/it has no messages/],
	['an unknown base', $start . '"base":"tea"}]}', qr/message 1: there is no correct message 'tea'/],
	['octets that are none', $start . '"octets":{"hex":"xy"}}]}', qr/message 1: a message that cannot be read/],
	['steps over UDP', $start . '"steps":[["close"]]}]}', qr/message 1: steps are for tls and dtls/],
	['steps that nobody knows', $start =~ s/udp/tls/r . '"steps":[["dance"]]}]}', qr/message 1: its steps are not those/],
	['a step that cannot be', $start =~ s/udp/dtls/r . '"steps":[["hello",{"named":{"keep":"x"}}]]}]}', qr/message 1: its steps/],
	['edits that are none', $start . '"base":"binding","edits":7}]}', qr/message 1: edits and token are objects/],
) {
	my ($name, $text, $why) = @$case;
	my $file = "$folder/input.json";
	unlink $file;
	spill($file, $text) if defined $text;
	my ($refused, undef, $said) = run(assay(), 'run', '--input', $file);
	is $refused, 2, "$name: status 2";
	like $said, qr/\Aassay: [^\n]*$why[^\n]*\n\z/, "$name: one line";
}
{
	my $file = spill("$folder/input.json", $start . '"base":"binding","edits":[["tea"]]}]}');
	my ($unclear, $said) = run(assay(), 'run', @short, '--input', $file);
	is $unclear, 3, 'an edit that nobody knows: no verdict';
	like $said, qr/none of its messages can be made/, 'an edit that nobody knows: why';
}

# It is run when it is asked for, against targets that it may harm.
($status, $out) = run(assay(), 'list', '--format', 'json', 'server');
unlike $out, qr/robustness/, 'the server suite has nothing of it';
{
	my ($server, $port) = reference();
	my @target = ('--server', "127.0.0.1:$port", '--key', 'north:A256GCM:' . 'QUFB' x 10 . 'QUE=');
	my ($skipped, $said) = run(assay(), 'run', @short, @target, 'robustness');
	is $skipped, 3, 'a server that was not launched: nothing is judged';
	my %result = results(json_lines($said));
	is join(' ', grep { /^robustness/ && $result{$_}{verdict} ne 'skip' } sort keys %result), '',
		'a server that was not launched: all is skipped';
}

done_testing;
