#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# The report writers, fed by tests/reports/driver.lua: compared with golden files (UPDATE_GOLDEN=1 writes them anew),
# and read back by readers that nobody here wrote: TAP::Parser, prove, JSON::PP.

use strict;
use warnings;

use Encode qw(decode FB_CROAK LEAVE_SRC);
use File::Temp qw(tempdir);
use FindBin;
use IPC::Open3;
use JSON::PP;
use TAP::Parser;
use Test::More;

my $root   = "$FindBin::Bin/../..";
my $golden = "$root/tests/reports/golden";
my $folder = tempdir(CLEANUP => 1);

delete @ENV{grep { /^(?:HARNESS_|PERL_TEST_HARNESS|TEST_|ALLOW_PASSING_TODOS)/ } keys %ENV};

sub spew {
    my ($path, $text) = @_;
    open(my $file, '>:raw', $path) or die "$path: $!";
    print {$file} $text;
    close($file) or die "$path: $!";
    return $path;
}

sub slurp {
    my ($path) = @_;
    open(my $file, '<:raw', $path) or return undef;
    local $/;
    return scalar <$file>;
}

# The output of a command, its standard input a file or nothing; stderr goes with stdout. Sets $?.
sub run {
    my ($input, @command) = @_;
    open(my $in, '<', $input) or die "$input: $!";
    my $pid = open3('<&' . fileno($in), my $out, undef, @command);
    binmode $out;
    local $/;
    my $text = <$out>;
    waitpid $pid, 0;
    return $text;
}

sub report {
    my ($form, $case, $input) = @_;
    my $text = run($input // '/dev/null', 'lua5.4', "$root/tests/reports/driver.lua", $form, $case);
    is($?, 0, "$case as $form is written") or diag $text;
    return $text;
}

if (system('lua5.4 -v >/dev/null 2>&1') != 0) {
    fail('lua5.4 is there (Debian: apt-get install lua5.4)');
    done_testing();
    exit;
}

# Golden files. tap14 and json have none: they are compared with tap and ndjson below.
my %golden_forms = (
    verdicts => [qw(tap tap-strict pretty pretty-strict pretty-terminal ndjson)],
    hostile  => [qw(tap pretty-terminal ndjson)],
    map { $_ => [qw(tap pretty ndjson)] }
      qw(green warned skipped empty aborted aborted_later aborted_at_once interrupted short implied),
);
my %got;
for my $case (sort keys %golden_forms) {
    for my $form (@{$golden_forms{$case}}) {
        my $text = $got{$form}{$case} = report($form, $case);
        my $path = "$golden/$case.$form";
        spew($path, $text) if $ENV{UPDATE_GOLDEN};
        my $want = slurp($path);
        ok(defined $want && $text eq $want, "$case as $form is its golden file");
        next if defined $want && $text eq $want;
        diag run('/dev/null', 'diff', '-u', $path, spew("$folder/got", $text));
    }
}
my @strays = grep { !exists $got{(/\.([^.]+)$/)[0] // ''}{(m{([^/]+)\.[^.]+$})[0] // ''} } glob("$golden/*");
is("@strays", '', 'every golden file belongs to a case');

# The two forms that say the same in another place.
for my $case (qw(verdicts hostile aborted interrupted)) {
    (my $want = $got{tap}{$case}) =~ s/^TAP version 13$/TAP version 14/m;
    is(report('tap14', $case), $want, "$case: the body of tap14 is that of tap");
    is(report('json', $case), $got{ndjson}{$case} // report('ndjson', $case), "$case: json is results.ndjson");
}

# What TAP::Parser makes of each. Columns: planned, run, ok as it counts it, really passed, todo, skipped, bails, plan.
my %facts = (
    verdicts        => [5,     5, [2, 3, 5], [2, 5], [3],       [5],   0, 1],
    hostile         => [4,     4, [2, 4],    [4],    [2],       [4],   0, 1],
    green           => [1,     1, [1],       [1],    [],        [],    0, 1],
    warned          => [1,     1, [1],       [],     [1],       [],    0, 1],
    skipped         => [1,     1, [1],       [1],    [],        [1],   0, 1],
    implied         => [2,     2, [],        [],     [],        [],    0, 1],
    short           => [5,     2, [1, 2],    [1, 2], [],        [2],   0, 0],
    interrupted     => [5,     1, [1],       [1],    [],        [],    1, 0],
    aborted         => [5,     0, [],        [],     [],        [],    1, 0],
    aborted_later   => [5,     1, [1],       [1],    [],        [],    1, 0],
    aborted_at_once => [undef, 0, [],        [],     [],        [],    1, 0],
    empty           => [undef, 0, [],        [],     [],        [],    1, 0],
);

sub parsed {
    my ($tap) = @_;
    my $parser = TAP::Parser->new({tap => $tap});
    my %seen = (yaml => [], unknown => [], bails => [], tests => []);
    while (my $token = $parser->next) {
        push @{$seen{unknown}}, $token->raw         if $token->is_unknown || $token->is_pragma;
        push @{$seen{bails}},   $token->explanation if $token->is_bailout;
        push @{$seen{tests}},   $token              if $token->is_test;
        push @{$seen{yaml}},    $token->data        if $token->is_yaml;
    }
    return ($parser, \%seen);
}

for my $case (sort keys %facts) {
    my ($planned, $run, $ok, $passed, $todo, $skipped, $bails, $good) = @{$facts{$case}};
    my ($parser, $seen) = parsed($got{tap}{$case});
    is($parser->version, 13, "$case: version");
    is($parser->tests_planned, $planned, "$case: planned");
    is($parser->tests_run, $run, "$case: run");
    is_deeply([$parser->passed], $ok, "$case: what a harness lets pass");
    is_deeply([$parser->actual_passed], $passed, "$case: what says ok");
    is_deeply([$parser->todo], $todo, "$case: todo");
    is_deeply([$parser->todo_passed], [], "$case: no todo passes");
    is_deeply([$parser->skipped], $skipped, "$case: skipped");
    is(scalar @{$seen->{bails}}, $bails, "$case: bails out");
    is($parser->is_good_plan ? 1 : 0, $good, "$case: the plan is kept");
    is_deeply($seen->{unknown}, [], "$case: no line that TAP does not know");
    is(scalar(grep { !/^No plan|^Bad plan|planned/ } $parser->parse_errors), 0, "$case: no parse error")
      or diag $parser->parse_errors;
}

{
    my ($parser, $seen) = parsed($got{tap}{verdicts});
    my ($fail, $warn, $inconclusive) = @{$seen->{yaml}};
    is($fail->{requirement}, '7635-7-09', 'a failure names its requirement, the gravest first');
    is($fail->{level}, 'MUST', 'its level');
    is($fail->{section}, 'RFC 7635 7', 'its section');
    is($fail->{expected}, 'an error response 401', 'what was expected');
    is($fail->{got}, 'Allocate success response', 'what came');
    is($fail->{rerun}, "assay run --target reference.lua 'server/token-lifetime/expired-token'", 'how to run it again');
    is($fail->{further}{check_2}{softened}, 'AMB-08', 'a softened check names its reading');
    is($fail->{implied}{check_3}, '7635-9-02 follows from 7635-7-09', 'what follows is named and not shown');
    unlike($got{tap}{verdicts}, qr/no allocation/, 'and its evidence is not repeated');
    like($fail->{exchange}, qr/^3 messages, frames 12-13 of the capture\n/, 'the exchange names the frames');
    like($fail->{exchange}, qr/frame 12  Allocate request\n {4}0000  Allocate request, 180 octets\n/, 'and is decoded');
    unlike($got{tap}{verdicts}, qr/\n\s*\n/, 'without the blank line that was in it');
    like($seen->{tests}[2]->explanation, qr/^warn RECOMMENDED: expected LIFETIME at most 100/, 'a warning says what');
    like($seen->{tests}[3]->description, qr/ - inconclusive: the control was refused with 486/, 'inconclusive is said');
    like($inconclusive->{traceback}, qr/token-key\.lua:12: .*\nstack traceback:\n/, 'a script error shows where');
    is($seen->{tests}[4]->explanation, 'the target forbids the peer (403)', 'a skip says why');
    is($seen->{tests}[1]->description,
        '- server/challenge/third-party-attribute - the 401 names the authorization server (RFC 7635 6.1)',
        'a description is id, title and section');
    is($warn->{verdict}, 'warn', 'a warning has its evidence too');
    my ($strict) = parsed($got{'tap-strict'}{verdicts});
    is_deeply([$strict->failed], [1, 3, 4], 'strict: a warning fails');
    is_deeply([$strict->todo], [], 'strict: and is no todo');
    my (undef, $aborted) = parsed($got{tap}{aborted});
    is_deeply($aborted->{bails}, ['the target did not start: exit status 1'], 'an abort bails out with one line');
    like($got{tap}{aborted}, qr/^#   turnserver: bind: \\x1B\[31mAddress/m, 'and shows the log');
    like($got{tap}{aborted}, qr/\nBail out! [^\n]*\n\z/, 'and nothing follows');
    (undef, my $interrupted) = parsed($got{tap}{interrupted});
    is_deeply($interrupted->{bails}, ['interrupted: 1 of 5 scenarios have run'], 'an interruption says how far');
    like($got{tap}{short}, qr/^# only 2 of 5 planned scenarios have run$/m, 'so does one that ran short');
}

# prove has the last word: which of them are green.
sub proved {
    my ($name, $tap, @options) = @_;
    my $text = run('/dev/null', 'prove', '--norc', '--nocolor', @options, spew("$folder/$name.tap", $tap));
    return ($? >> 8, $text);
}
my %green = map { $_ => 1 } qw(green warned skipped);
for my $case (sort keys %facts) {
    my ($status, $text) = proved($case, $got{tap}{$case});
    my $want = $green{$case} ? 'green' : 'red';
    is($status == 0 ? 'green' : 'red', $want, "prove finds $case $want") or diag $text;
}
like((proved('verdicts', $got{tap}{verdicts}))[1], qr/^  Failed tests:  1, 4$/m, 'prove names the two that failed');
like((proved('aborted', $got{tap}{aborted}))[1], qr/Further testing stopped: the target did not start/, 'prove stops');
isnt((proved('strict', report('tap-strict', 'warned')))[0], 0, 'strict: prove finds a warning red');

# The printable meaning of octets, written a second time and differently from reports/escape.lua.
sub printable {
    my ($octets) = @_;
    my $tail = qr/[\x80-\xBF]/;
    my $long = qr/[\xC2-\xDF]$tail|\xE0[\xA0-\xBF]$tail|[\xE1-\xEC\xEE\xEF]$tail{2}|\xED[\x80-\x9F]$tail
        |\xF0[\x90-\xBF]$tail{2}|[\xF1-\xF3]$tail{3}|\xF4[\x80-\x8F]$tail{2}/x;
    my %named = ("\n" => '\n', "\r" => '\r', "\t" => '\t');
    my $out = '';
    while ($octets =~ /\G(?:([\x20-\x7E])|($long)|(.))/gs) {
        if (defined $1) { $out .= $1 }
        elsif (defined $2) {
            my $character = $2;
            utf8::decode($character);
            $out .= sprintf '\u{%04X}', ord $character;
        }
        else { $out .= $named{$3} // sprintf '\x%02X', ord $3 }
    }
    return $out;
}

# What may stand in a report: printable ASCII and line ends; in the pretty form also its own colours and live line.
sub plain {
    my ($text, $own) = @_;
    $text =~ s/\e\[[0-9;]*m|\r|[\b]//g if $own;
    return $text !~ /[^\x20-\x7E\n]/;
}
ok(plain($got{tap}{$_}), "$_ as tap is ASCII") for sort keys %{$got{tap}};
ok(plain($got{ndjson}{$_}), "$_ as ndjson is ASCII") for sort keys %{$got{ndjson}};
ok(plain($got{pretty}{$_}), "$_ as pretty is ASCII without an escape") for sort keys %{$got{pretty}};
ok(plain($got{'pretty-terminal'}{$_}, 1), "$_ on a terminal is ASCII but for its own") for qw(verdicts hostile);

# Hostile text, each kind of trouble mixed with the others (the seed is fixed), wherever a result can carry it.
my @nasty = (
    '"', q{'}, ':', ': ', '#', ' # TODO ', ' # SKIP ', '\\', '\\\\', '\\"', '\\x41', "\0", "\r", "\n", "\r\n",
    "\t", ' ', "\n  ...\n", "\n  ---\n", "\nok 2 - x\n", "\nBail out! x\n", "\n1..0\n", "\npragma +strict\n", "\e[2J",
    "\e]0;t\a",
    "\xE2\x80\xA8", "\xE2\x80\xAE", "\xC2\x85", "\xC2\x9B1m", "\xFF", "\xC3", "\xED\xA0\x80", "\xC0\x80",
    "\xF4\x90\x80\x80",
    "\xF0\x9F\x98\x80", "\x7F", '~', '{}', '[]', '{', '|', '>', '- a', '&a', '*a', '%', '@', '`', '!', '...',
    '---', 'word', '401', 'Unauthorized',
);
srand 7635;
my @hostile = map { $_ x 3 } @nasty;
push @hostile, map { join '', map { $nasty[rand @nasty] } 1 .. 1 + rand 24 } 1 .. 60;
my $wrong = 0;
for my $text (@hostile) {
    my $input = spew("$folder/text", $text);
    my $tap   = run($input, 'lua5.4', "$root/tests/reports/driver.lua", 'tap', 'echo');
    my ($parser, $seen) = eval { parsed($tap) };
    my $yaml = $seen && $seen->{yaml} || [];
    my $meant = printable($text);
    my @want = ($meant, $meant, $meant, $meant, $meant, $meant, $meant, $meant, $meant, $meant);
    my @found = map { $_ // '(none)' } @{$yaml->[0]}{qw(reason section text label expected got reading softened rerun)},
      $yaml->[0]{further}{check_2}{got};
    my $whole = $parser && $parser->tests_run == 4 && !$parser->parse_errors && !@{$seen->{bails}}
      && !@{$seen->{unknown}} && @$yaml == 3 && "@{[$parser->todo]}" eq '2' && "@{[$parser->skipped]}" eq '4'
      && plain($tap);
    my $pretty = run($input, 'lua5.4', "$root/tests/reports/driver.lua", 'pretty-terminal', 'echo');
    my $json   = run($input, 'lua5.4', "$root/tests/reports/driver.lua", 'ndjson', 'echo');
    my @lines  = split /\n/, $json;
    my $result = eval { decode_json($lines[1]) } || {};
    my $same   = eval { decode('UTF-8', $text, FB_CROAK | LEAVE_SRC) };    # invalid UTF-8 is the encoder's to render
    next if $whole && "@found" eq "@want" && plain($pretty, 1) && $pretty !~ /\e\[(?![0-9;]*m)/ && plain($json)
      && @lines == 7 && (!defined $same || $result->{checks}[0]{got} eq $same);
    $wrong++;
    diag 'hostile text ', unpack('H*', $text), "\n", $@ // '', "wanted $meant\nfound @found\n$tap" if $wrong < 3;
}
is($wrong, 0, scalar(@hostile) . ' hostile texts come back from TAP, JSON and the screen as what they mean');

{
    my ($status, $text) = proved('hostile', $got{tap}{hostile}, '-v');
    isnt($status, 0, 'prove finds the hostile run red');
    like($text, qr/^  Failed tests:  1, 3$/m, 'prove reads the hostile run as four tests of which two failed');
    unlike($text, qr/^ok 99/m, 'and no injected one');
    like($text, qr/^ok 4 - server\/hostile\/skip - coturn "4\.6": \\# TODO x \\\\ \\# SKIP y \\\\x00 \\\\r/m,
        'a description escapes # and backslash as TAP wants it');
}

# Long values and floods are cut, and it is said where the whole is; results.ndjson cuts nothing.
{
    my $tap = report('tap', 'long');
    cmp_ok(length $tap, '<', 100_000, 'a run of 64 kB values is reported in bounds');
    my ($parser, $seen) = parsed($tap);
    is($parser->tests_run, 4, 'and is TAP');
    like($seen->{yaml}[0]{got}, qr/^(?:A\\u\{00E9\}){200} \.\.\. \(64935 octets more\)$/, 'a cut value says so');
    cmp_ok(length report('pretty', 'long'), '<', 100_000, 'also on a screen');
    my @lines = split /\n/, report('ndjson', 'long value');
    is(length decode_json($lines[1])->{checks}[0]{got}, 43690, 'results.ndjson has all of it');

    $tap = report('tap', 'flood');
    cmp_ok(length $tap, '<', 60_000, 'a flood is reported in bounds');
    (undef, $seen) = parsed($tap);
    my $exchange = $seen->{yaml}[0]{exchange};
    like($exchange, qr/^300 messages, frames 1-300 of the capture; \d+ of them not decoded here, /, 'it says what');
    like($exchange, qr/, out\/results\.ndjson has the whole\n/, 'and where it is');
    like($exchange, qr/^\.\.\. 240 messages are not named here/m, 'and what is not named');
    like($exchange, qr/frame 300  Allocate request\n {4}0004  an attribute\n/, 'the last message is decoded');
    like($exchange, qr/^ {4}\.\.\. \(40 lines more\)$/m, 'as far as a message may');
    @lines = split /\n/, report('ndjson', 'flood');
    is(scalar @{decode_json($lines[1])->{exchange}}, 300, 'results.ndjson has every message');
}

# results.ndjson, as its contract says.
for my $case (sort keys %{$got{ndjson}}) {
    my @records = map { decode_json($_) } split /\n/, $got{ndjson}{$case};
    my @types = map { $_->{type} } @records;
    is($types[-1], 'summary', "$case: the last line is the summary");
    is($types[0], $case eq 'aborted_at_once' ? 'summary' : 'run', "$case: the first is the run");
    is(scalar(grep { $_ eq 'scenario' } @types), $facts{$case}[1], "$case: and a line for each scenario");
    ok(!(grep { !defined } @{$records[-1]}{qw(pass fail warn inconclusive skip)}), "$case: every verdict is counted");
    my @scenarios = grep { $_->{type} eq 'scenario' } @records;
    ok(!(grep { ref ne 'ARRAY' } map { @{$_}{qw(requirements checks notes exchange)} } @scenarios),
        "$case: lists are lists, empty ones too");
}
like((split /\n/, $got{ndjson}{verdicts})[1],
    qr/^\{"type":.*?,"id":.*?,"verdict":.*?,"requirements":.*?,"checks":\[\{"requirement":[^{]*"level":[^{]*"verdict"/,
    'the members come in the documented order');
like(decode_json((split /\n/, $got{ndjson}{aborted})[-1])->{aborted}, qr/^the target did not start/, 'an abort stays');
ok(decode_json((split /\n/, $got{ndjson}{interrupted})[-1])->{interrupted}, 'so is an interruption');

# The requirements, one by one.
{
    my @records = map { decode_json($_) } split /\n/, $got{ndjson}{verdicts};
    my @rows = grep { $_->{type} eq 'requirement' } @records;
    is(scalar @rows, 8, 'a line for each requirement');
    is_deeply([map { $_->{type} } @records[-9 .. -1]], [('requirement') x 8, 'summary'], 'right before the summary');
    ok(!(grep { ref $_->{scenarios} ne 'ARRAY' || grep { !defined } @{$_}{qw(id level role verdict)} } @rows),
        'with all that the contract names');
    like($got{ndjson}{verdicts}, qr/^\{"type":"requirement","id":"[^"]*","level":"[^"]*","role":"[^"]*","verdict":"[^"]*","scenarios":\[/m,
        'in its order');
    my @broken = $got{pretty}{verdicts} =~ /^broken\n((?:  .*\n)*)/m;
    is(join(' ', ($broken[0] // '') =~ /^  (\S+)/mg), '7635-7-09 7635-9-07', 'what is broken is listed, the gravest first');
    is(join(' ', $got{tap}{verdicts} =~ /^# broken: (\S+),/mg), '7635-7-09 7635-9-07', 'in TAP too');
    unlike($got{pretty}{green}, qr/^broken/m, 'where nothing is, nothing is said');
}

# For people.
like($got{pretty}{verdicts},
    qr/\n1 passed, 1 failed, 1 warning, 1 inconclusive, 1 skipped in 1\.8 s\nreports in out\/\n\z/,
    'the counts come last');
like($got{pretty}{$_->[0]}, qr/^$_->[1] in|^$_->[1]$/m, "$_->[0]: each verdict is counted as itself") for
    [green => '1 passed, 0 failed, 0 warnings, 0 inconclusive, 0 skipped'],
    [warned => '0 passed, 0 failed, 1 warning, 0 inconclusive, 0 skipped'],
    [skipped => '0 passed, 0 failed, 0 warnings, 0 inconclusive, 1 skipped'],
    [implied => '0 passed, 2 failed, 0 warnings, 0 inconclusive, 0 skipped'];
like($got{'pretty-strict'}{verdicts}, qr/ 1 warning \(strict: as failed\),/, 'strict is said');
like($got{pretty}{verdicts}, qr/^server\/token-lifetime\n  fail +expired-token .*\n  warn +granted-lifetime /m,
    'scenarios stand in their folders');
like($got{pretty}{verdicts}, qr/^  MUST +2 +1 +0 +0\n.*\n.*\n  and 1 that follow from others/m, 'one cause, one red');
like($got{pretty}{implied}, qr/^  MUST +1 +1 +0 +0$/m, 'also where the cause is in another scenario');
like($got{pretty}{implied}, qr/^    7635-5-06  MUST\n(?:.*\n)*?      follows   from 7635-7-09$/m, 'and shows itself');
like($got{pretty}{interrupted}, qr/^interrupted: 1 of 5 scenarios have run\n1 passed/m, 'an interrupted run says so');
like($got{pretty}{aborted}, qr/^broken off: the target did not start: exit status 1$/m, 'so is one broken off');
like($got{pretty}{empty}, qr/^no scenario has run$/m, 'and one of nothing');
unlike($got{pretty}{verdicts}, qr/[\r\e]/, 'no live line and no colour where there is no terminal');
like($got{'pretty-terminal'}{verdicts}, qr/\r1 of 5, 1 failed: server\/token-lifetime\/granted/, 'a live line on one');
my @live = $got{'pretty-terminal'}{hostile} =~ /\r([^\r\n\x08]+)/g;
ok(@live && !(grep { length > 71 } @live),
    'the live line fits the terminal');

# A sink that fails is told to the caller, every time.
for my $form (qw(tap pretty ndjson json)) {
    my @lines = split /\n/, report($form, 'full disk');
    my @calls = $form eq 'pretty' ? qw(start finish) : qw(start scenario finish);
    my @want  = map { "$_: nil No space left on device" } @calls;
    is_deeply([grep { !/^scenario: true/ } @lines], \@want, "$form: a full disk is an error");
}

done_testing();
