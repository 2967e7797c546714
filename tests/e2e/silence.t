#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# A target that answers Binding and leaves other requests unanswered, from the beginning or from some moment on, does not
# hold a run: the same silence is waited out once, not by each scenario again. What it did not show is not passed, what
# it answered is judged as ever, and who is silent to one defect only, or answers again, is not taken for silent.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use fixture;
use helper;
use Test::More;
use Time::HiRes qw(time);

# Faults for these tests: requests for which a function is true get no answer. And scenarios of our own.
my $program = tree(
	'suites/reference/faults/fragility.lua' => <<'LUA',
local change = require "reference.faults.change"
local clock = require "clock"
local function mute(name, make, also)
  return {
    name = name, about = "for a test", requirements = { "7635-4-02" },
    apply = function(b)
      local is_dropped = make()
      if also then also(b) end
      change.wrap(b, "answer", function(original, server, request)
        if not is_dropped(request) then return original(server, request) end
      end)
    end,
  }
end
local function is_allocate(request) return request.method == "Allocate" end
-- From the n-th Allocate on, for so many seconds.
local function from(n, seconds)
  local count, until_when = 0, nil
  return function(request)
    if not is_allocate(request) then return false end
    count = count + 1
    if count == n then until_when = clock.monotonic() + seconds end
    return until_when ~= nil and clock.monotonic() < until_when
  end
end
return {
  mute("mute-allocate", function() return is_allocate end),
  mute("mute-allocate-later", function() return from(150, math.huge) end),
  mute("mute-allocate-soon", function() return from(7, math.huge) end),
  mute("mute-allocate-for-a-while", function() return from(12, 8) end),
  mute("mute-allocate-over-udp", function()
    return function(request) return is_allocate(request) and request.client.transport == "udp" end
  end),
  mute("mute-token", function() return function(request) return request:has "ACCESS-TOKEN" end end),
  mute("mute-refresh", function() return function(request) return request.method == "Refresh" end end),
  -- The second transaction with a token, of a server that keys its HMAC with 16 octets.
  mute("mute-one-form", function()
    local seen, count, chosen = {}, 0, nil
    return function(request)
      local id = request.message:transaction()
      if request:has "ACCESS-TOKEN" and not seen[id] then seen[id], count = true, count + 1 end
      if count == 2 then chosen = chosen or id end
      return id == chosen
    end
  end, function(b) change.wrap(b, "integrity_keys", function(_, mac_key) return { mac_key:sub(1, 16) } end) end),
  mute("mute-attribute", function()
    return function(request)
      for _, attribute in ipairs(request.visible) do
        if attribute.type == 0x7F00 or attribute.type == 0x7F01 then return true end
      end
    end
  end),
}
LUA
	'suites/server/quiet.lua' => <<'LUA',
local scenario = require "support.scenario"
scenario "two-defects" {
  title = "two requests, each with an attribute of its own", covers = { "5389-7.3.1-01" },
  run = function(t)
    local control = t:control {}
    for _, type in ipairs { 0x7F00, 0x7F01 } do
      local answer = t:with_defect(control, { attributes = { { type, "unknown" } } })
      t:check("5389-7.3.1-01", answer:is_error(420), { label = ("0x%04X"):format(type) })
    end
  end,
}
for i = 1, 12 do
  scenario(("turn-%02d"):format(i)) {
    title = "one behind the other, and a pause before the last", covers = { "7635-7-08" },
    run = function(t)
      if i == 10 then t:wait(8) end
      t:accepted("7635-7-08", {})
    end,
  }
end
LUA
);

my @short = qw(--no-capture --format json --transport udp --transport tcp --rto 0.1 --rc 4 --rm 8); # 1.5 s

# Runs them side by side, as they wait nearly all of the time. (name => [words]) -> name => { status, result }
sub together {
	my (%words) = @_;
	my %process = map { $_ => start($program, 'run', @short, @{ $words{$_} }) } sort keys %words;
	my %run;
	wait_until { !grep { $_->alive } values %process } 280;
	for my $name (sort keys %words) {
		$run{$name} = { status => $process{$name}->stop };
		$run{$name}{result} = { results(json_lines($process{$name}->out)) };
		$run{$name}{requirements} = [of_type('requirement', json_lines($process{$name}->out))];
		diag "$name: " . $process{$name}->err if $process{$name}->err ne '';
	}
	return %run;
}

sub of_verdict {
	my ($run, $pattern) = @_;
	my @ids = sort grep { $run->{result}{$_}{verdict} =~ $pattern } keys %{ $run->{result} };
	return @ids;
}

# Whether it sent a request of which the summary is like this, over the transport.
sub sent {
	my ($result, $pattern, $transport) = @_;
	return scalar grep { $_->{direction} eq 'sent' && $_->{summary} =~ $pattern && $_->{transport} =~ $transport }
		@{ $result->{exchange} };
}

my @jobs = ('--jobs', 4);
my %run = together(
	good => [@jobs],
	never => [@jobs, '--fault', 'mute-allocate'],
	later => [@jobs, '--fault', 'mute-allocate-later'],
	udp => [@jobs, '--fault', 'mute-allocate-over-udp'],
	token => [@jobs, '--fault', 'mute-token'],
	refresh => [@jobs, '--fault', 'mute-refresh', map { "server/$_" } qw(allocation refresh permissions session-key)],
	defect => [qw(--jobs 1 --fault mute-attribute server/quiet/two-defects)],
	pieces => [qw(--fault mute-allocate-soon robustness/stream/pieces)],
	while => [qw(--jobs 1 --fault mute-allocate-for-a-while server/quiet)],
	short => [qw(--fault truncate-integrity-key server/accepted-token server/token-lifetime)],
	form => [qw(--fault mute-one-form server/accepted-token server/token-lifetime)],
);

# Requests over UDP that were transmitted as often as the schedule has it, and not answered.
sub waited_out {
	my ($run) = @_;
	my (%sent, %answered);
	for my $entry (map { @{ $_->{exchange} } } values %{ $run->{result} }) {
		my ($id) = ($entry->{text} // '') =~ /transaction ([0-9a-f]{24})/ or next;
		next if $entry->{transport} ne 'udp';
		if ($entry->{direction} eq 'sent') { $sent{$id}{ $entry->{time} } = 1 }
		else { $answered{$id} = 1 }
	}
	return scalar grep { keys %{ $sent{$_} } == 4 && !$answered{$_} } keys %sent;
}

# Where every scenario waits for itself there are from 64 (refresh) to 432 (token) of them.
cmp_ok waited_out($run{$_}), '<=', 20, sprintf '%s: %d whole schedules were waited out', $_, waited_out($run{$_})
	for qw(never later udp token refresh);
is $run{good}{status}, 0, 'the same target without a fault passes';

for my $name (qw(never later udp token refresh)) {
	my $run = $run{$name};
	cmp_ok scalar keys %{ $run->{result} }, '>', $name eq 'refresh' ? 40 : 140, "$name: every scenario has a result";
	my @unexplained = grep { $run->{result}{$_}{reason} !~ /no answer|answers no |takes a CBC token of no form/ } of_verdict($run, qr/inconclusive/);
	is join(' ', @unexplained), '', "$name: what is inconclusive says that no answer came";
	my @failed = grep { ($run->{result}{$_}{reason} // '') !~ /no answer/ } of_verdict($run, qr/fail|warn/);
	is join(' ', @failed), '', "$name: nothing fails for anything else";
}

# What asks for the silence itself fails, and nothing else does.
is join(' ', of_verdict($run{never}, qr/fail|warn/)),
	'server/challenge/unauthorized server/challenge/unauthorized@tcp server/unknown-attributes/authentication-first',
	'never: what asks for a 401 and nothing else has its verdict';
is $run{never}{status}, 1, 'never: status 1';
is join(' ', grep { sent($run{never}{result}{$_}, qr/^Allocate request/, qr/./) } of_verdict($run{never}, qr/pass/)), '',
	'never: nothing that sent an Allocate passes';
like $run{never}{result}{'server/token-lifetime/current-token'}{reason},
	qr/answers no Allocate without credentials over udp: \d whole schedules in a row brought none .*while Binding is answered/,
	'never: the reason says what is known of it';
is join(' ', grep { !$run{token}{result}{$_} || $run{token}{result}{$_}{verdict} ne 'fail' }
	qw(server/token-lifetime/current-token server/token-lifetime/current-token@tcp server/accepted-token/a256gcm)), '',
	'token: no answer to a good token fails what asks for one';

# From some moment on: nobody fails for what the target did before it fell silent.
like $run{later}{result}{$_}{reason}, qr/no answer|answers no Allocate without credentials over \w+ any more, since \+\d+ s/,
	"later: $_ says since when" for grep { m{^server/token-lifetime} } of_verdict($run{later}, qr/inconclusive/);
cmp_ok scalar(grep { $run{later}{result}{$_}{reason} =~ /any more, since/ } of_verdict($run{later}, qr/inconclusive/)), '>', 50,
	'later: most of them do';
cmp_ok scalar(of_verdict($run{later}, qr/fail|warn/)), '<=', 3, 'later: hardly anything fails';

# A requirement that some scenario could not ask about has not been observed to hold, whatever others saw of it.
{
	my @rows = @{ $run{later}{requirements} };
	my @hidden = grep {
		my $row = $_;
		$row->{verdict} =~ /pass|warn/ && grep {
			my $of = $run{later}{result}{$_};
			$of->{verdict} eq 'inconclusive' && !grep { $_->{verdict} eq 'inconclusive' } @{ $of->{checks} };
		} @{ $row->{scenarios} };
	} @rows;
	is join(' ', map { $_->{id} } @hidden), '', 'later: no requirement is held that some scenario could not ask about';
	my @open = grep { $_->{verdict} eq 'inconclusive' } @rows;
	cmp_ok scalar @open, '>', 20, 'later: many of them are open';
	is join(' ', map { $_->{id} } grep { ($_->{reason} // '') eq '' } @open), '', 'later: each says why';
}

# Over one transport only: the other is judged as ever.
{
	my ($good, $udp) = map { $run{$_}{result} } qw(good udp);
	my @tcp = grep { /\@tcp$/ } sort keys %$good;
	cmp_ok scalar @tcp, '>', 30, 'udp: there are scenarios over TCP';
	my @other = grep { $udp->{$_}{verdict} ne $good->{$_}{verdict} } @tcp;
	is join(' ', @other), '', 'udp: what goes over TCP is judged as ever';
	diag "$_: $udp->{$_}{verdict}: ", $udp->{$_}{reason} // '' for @other;
	is join(' ', grep { !/\@tcp$|^invariants/ && sent($udp->{$_}, qr/^Allocate request/, qr/^udp/) }
		of_verdict($run{udp}, qr/pass/)), '', 'udp: nothing that sent an Allocate over UDP passes';
}

# To one defect only.
is join(' ', map { "$_->{label}: $_->{verdict}" } @{ $run{defect}{result}{'server/quiet/two-defects'}{checks} }),
	'0x7F00: fail 0x7F01: fail', 'defect: each of two requests that are dropped for what is odd in them fails';

# A target that fell silent while messages came in pieces has not failed for the pieces.
is $run{pieces}{result}{'robustness/stream/pieces@tcp'}{verdict}, 'inconclusive', 'pieces: silence to all is no failure of one';
like $run{pieces}{result}{'robustness/stream/pieces@tcp'}{reason}, qr/answer to each of 3 was expected, nor is one that comes whole answered/,
	'pieces: and so it says';

# For a while.
{
	my $result = $run{while}{result};
	is join(' ', map { $result->{"server/quiet/turn-$_"}{verdict} } '01', '10', '11', '12'), 'pass pass pass pass',
		'while: before and afterwards it is judged as ever';
	is $result->{'server/quiet/turn-08'}{verdict}, 'inconclusive', 'while: meanwhile nothing is decided';
	like $result->{'server/quiet/turn-08'}{reason}, qr/any more, since \+\d+ s: 3 whole schedules/, 'while: as known from others';
	is join(' ', of_verdict($run{while}, qr/fail/)), '', 'while: nothing fails';
}

# Once to the form of the key that it wants: that is asked about again, and every verdict is that of the same server heard.
is_deeply { map { $_ => $run{form}{result}{$_}{verdict} } keys %{ $run{form}{result} } },
	{ map { $_ => $run{short}{result}{$_}{verdict} } keys %{ $run{short}{result} } }, 'form: one lost answer changes no verdict';
cmp_ok scalar(of_verdict($run{form}, qr/pass/)), '>', 20, 'form: which pass';

# A profile that allows one allocation leaves no room to ask with another, and nobody waits for any for ever.
{
	my $folder = tmp();
	my $key = 'QUFB' x 10 . 'QUE=';
	my $profile = spill("$folder/one.lua", <<"LUA");
return { server_name = 'turn', realm = 'here', transports = { 'udp' }, max_allocations = 1,
  keys = { { kid = 'north', algorithm = 'A256GCM', key = '$key' } },
  launch = { command = { '$program', 'serve', '--fault', 'mute-refresh' } } }
LUA
	my ($status, $out, $err) = run({ timeout => 200 }, $program, 'run', '--no-capture', '--format', 'json', '--rto', '0.02', '--rc', '3',
		'--target', $profile, map { "server/$_" } qw(allocation refresh session-key));
	my %result = results(json_lines($out));
	is $status, 1, 'one allocation: it comes to an end' or diag $err;
	is $result{'server/refresh/new-token'}{verdict}, 'fail', 'one allocation: and has failed what asked for a Refresh';
}

# An interruption ends all of it at once: the wait for a first challenge, and that of scenarios.
for my $case (['the challenge', 'mute-allocate', qr/^$/, 2], ['scenarios', 'mute-allocate-later', qr/^ok 10 /m, 2]) {
	my ($name, $fault, $pattern, $seconds) = @$case;
	my $process = start($program, qw(run --no-capture --format tap --transport udp --fault), $fault);
	ok $process->wait_for($pattern, 30), "interrupted, $name: it is under way" or diag $process->err;
	ok !wait_until(sub { !$process->alive }, $seconds), "interrupted, $name: it waits";
	my $began = time;
	kill 'INT', $process->pid;
	ok wait_until(sub { !$process->alive }, 10), "interrupted, $name: it ends";
	cmp_ok time - $began, '<', 5, "interrupted, $name: within 5 s";
	is $process->stop, 130, "interrupted, $name: status 130";
	like $process->out, qr/^Bail out! interrupted/m, "interrupted, $name: with a report";
}

done_testing;
