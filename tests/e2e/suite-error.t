#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# Mistakes in a suite: one in a scenario makes that scenario inconclusive, with file, line and traceback, and the others
# run; a file that cannot be loaded, or declares what is not so, is refused before anything is sent.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use fixture;
use helper;
use TAP::Parser;
use Test::More;

my $head = "local scenario = require \"support.scenario\"\n";

# A scenario of which only the function matters.
sub scenario {
	my ($name, $body, $more) = @_;
	return sprintf qq{scenario "%s" {\n  title = "%s", covers = { "7635-4-02" }, %s\n  run = function(t)\n%s\n  end,\n}\n},
		$name, $name, $more // '', $body;
}

my $good = 't:check("7635-4-02", t:allocate({ credentials = false }):is_error(401))';
my $program = tree(
	'suites/server/broken.lua' => $head
		. scenario('good', $good)
		. scenario('raises', "    $good\n    local function deep() error 'out of luck' end\n    deep()")
		. scenario('raises-a-table', '    error { code = 7 }')
		. scenario('calls-nil', '    t:alocate {}')
		. scenario('indexes-nil', '    local answer = nil\n    t:note(answer.code)' =~ s/\\n/\n/r)
		. scenario('mistypes', "    $good\n    chekc(t)")
		. scenario('makes-a-global', '    answer = t:allocate()')
		. scenario('cites-another', '    t:check("7635-4-03", true)')
		. scenario('cites-nothing-known', '    t:check("7635-99-99", true)')
		. scenario('checks-nothing', '    t:allocate {}')
		. scenario('wrong-kid', '    t:allocate { token = { kid = "nobody" } }')
		. scenario('wrong-edit', '    t:allocate { edits = { { "remove", "PRIORITY" } } }')
		. scenario('never-ends', '    while true do t:wait(0.01) end', 'limit = 1,')
		. scenario('spins', '    while true do end', 'limit = 1,')
		. scenario('waits-too-long', '    t:wait(1e6)', 'limit = 1,')
		. scenario('deep-recursion', '    local function f(n) return 1 + f(n + 1) end f(1)')
		. scenario('good-at-last', $good),
	'suites/server/other.lua' => $head . scenario('good', $good),
);
my $file = $program =~ s{/assay$}{/suites/server/broken.lua}r;

sub line_of { my ($text) = @_; my @lines = split /\n/, slurp($file); return (grep { $lines[$_ - 1] =~ /\Q$text\E/ } 1 .. @lines)[0] }

my $out = tmp() . '/out';
my ($status, $tap, $err) = run({ timeout => 60 }, $program, 'run', '--format', 'tap', '--rto', '0.05', '--out', $out, 'server/broken', 'server/other');
is $status, 3, 'nothing fails, much is inconclusive: status 3' or diag $err;
is $err, '', 'and nothing is a bug of assay';
my @lines = json_lines("$out/results.ndjson");
my %result = results(@lines);
is of_type('summary', @lines)->{done}, of_type('run', @lines)->{scenarios}, 'every scenario has a result';
is $result{$_}{verdict}, 'pass', "$_ passes" for qw(server/broken/good server/broken/good-at-last server/other/good);
my $parser = TAP::Parser->new({ tap => $tap });
$parser->run;
is join('; ', $parser->parse_errors), '', 'the TAP of all this is well formed';

for my $case (
	['raises',              qr/out of luck/,                                        'error \'out of luck\'', qr/in upvalue 'deep'|in local 'deep'|deep/],
	['raises-a-table',      qr/code = 7|table/,                                     undef],
	['calls-nil',           qr/attempt to call a nil value \(method 'alocate'\)/,   't:alocate'],
	['indexes-nil',         qr/attempt to index a nil value \(local 'answer'\)/,    'answer.code'],
	['mistypes',            qr/there is no global 'chekc'/,                         'chekc(t)'],
	['makes-a-global',      qr/'answer' would become a global; say local/,          'answer = t:allocate()'],
	['cites-another',       qr/checks 7635-4-03, which `covers` does not declare/,  't:check("7635-4-03"'],
	['cites-nothing-known', qr/there is no requirement '7635-99-99' in the catalogue/, 't:check("7635-99-99"'],
	['wrong-kid',           qr/the profile has no kid 'nobody'/,                    undef],
	['wrong-edit',          qr/PRIORITY/,                                           undef],
	['spins',               qr/it computes without waiting, after 1 s/,             'while true do end'],
	['deep-recursion',      qr/stack overflow/,                                     'return 1 + f'],
) {
	my ($name, $pattern, $text, $trace) = @$case;
	my $got = $result{"server/broken/$name"};
	is $got->{verdict}, 'inconclusive', "$name: inconclusive";
	like $got->{reason}, qr/^an error in the suite: /, "$name: it says that the suite is wrong";
	like $got->{reason}, $pattern, "$name: and how";
	my $where = $text ? "\Q$file\E:" . line_of($text) . ':' : "\Q$file\E:\\d+:";
	like $text ? $got->{reason} : $got->{traceback}, qr/$where/, "$name: with file and line";
	like $got->{traceback}, qr/stack traceback:\n\t.*\Q$file\E:\d+: in (?:function|field|upvalue|local)/s, "$name: with a traceback";
	like $got->{traceback}, $trace, "$name: which names the function" if $trace;
	like $tap, qr/^not ok \d+ - server\/broken\/$name - $name .*inconclusive.*?^  traceback: \|.*?suites\/server\/broken\.lua:\d+/ms, "$name: TAP shows it";
}
is $result{'server/broken/raises'}{checks}[0]{verdict}, 'pass', 'what was checked before the error is kept';
for my $case (['never-ends', qr/^given up after 1 s$/], ['waits-too-long', qr/^given up after 1 s$/], ['checks-nothing', qr/^it made no check$/]) {
	my ($name, $pattern) = @$case;
	is $result{"server/broken/$name"}{verdict}, 'inconclusive', "$name: inconclusive";
	like $result{"server/broken/$name"}{reason}, $pattern, "$name: and says why";
}

# Files that are refused as a whole: status 2, one line with file and line, nothing on stdout, no target started.
my $folder = $program =~ s{/assay$}{}r;
for my $case (
	['is not Lua',             "scenario 'x' {\n  title = \n}",                      qr/:2: |:3: /],
	['is not text',            "\x1bLuaT\x00",                                      qr/compiled Lua/],
	['is in error at once',    $head . "error 'not today'",                         qr/:2: not today/],
	['mistypes at load',       $head . "scenarioo 'x' {}",                          qr/:2: there is no global 'scenarioo'/],
	['makes a global',         $head . "answer = 42",                               qr/:2: 'answer' would become a global/],
	['reads files',            "local file = io.open '/etc/passwd'",                qr/:1: there is no global 'io'/],
	['starts programs',        "os.execute 'true'",                                 qr/:1: there is no global 'os'/],
	['loads code',             "load 'return 1'",                                   qr/:1: there is no global 'load'/],
	['opens sockets',          "local net = require 'net'",                         qr/:1: a suite file cannot require 'net'/],
	['requires nothing real',  "local x = require 'support.nothing'",               qr/support\/nothing|support\.nothing/],
	['covers the unknown',     $head . "scenario 'x' { title = 'x', covers = { '7635-99-99' }, run = function() end }",
		qr/:2: scenario server\/refused\/x: covers '7635-99-99', which is not in the catalogue/],
	['has an unknown field',   $head . "scenario 'x' { tittle = 'x', covers = {}, run = function() end }", qr/:2: .*there is no field 'tittle'/],
	['has a wrong type',       $head . "scenario 'x' { title = 7, covers = {}, run = function() end }",
		qr/:2: .*field 'title' is a number, a string is expected/],
	['lacks run',              $head . "scenario 'x' { title = 'x', covers = {} }", qr/:2: .*field 'run' is missing/],
	['needs the unknown',      $head . "scenario 'x' { title = 'x', covers = {}, needs = { 'wings' }, run = function() end }",
		qr/:2: .*needs 'wings', which no profile can say/],
	['has a bad name',         $head . "scenario 'X y' { title = 'x', covers = {}, run = function() end }", qr/:2: .*a name is of lower-case letters/],
	['has one name twice',     $head . scenario('x', '') . scenario('x', ''),       qr/server\/refused\/x: the name is taken/],
) {
	my ($name, $text, $pattern) = @$case;
	spill("$folder/suites/server/refused.lua", $text);
	my %env = marked();
	my ($status, $out, $err) = run({ timeout => 20, env => \%env }, $program, 'run', 'server/refused');
	is $status, 2, "a file that $name: status 2";
	is $out, '', "a file that $name: nothing on stdout";
	like $err, qr/\Aassay: [^\n]*suites\/server\/refused\.lua[^\n]*\n\z/, "a file that $name: one line that names it";
	like $err, $pattern, "a file that $name: and says what is wrong";
	unlike $err, qr/bug of assay|traceback/, "a file that $name: which is no bug of assay";
	my ($listed, undef, $list_err) = run({ timeout => 20 }, $program, 'list', 'server/refused');
	is $listed, 2, "a file that $name: assay list refuses it too";
	is $list_err, $err, "a file that $name: in the same words";
}

# An empty file is a selection of nothing.
spill("$folder/suites/server/refused.lua", "-- nothing yet\n");
($status, $out, $err) = run($program, 'run', 'server/refused');
is $status, 2, 'a file without scenarios: status 2';
like $err, qr/\Aassay: there is no scenario in it[^\n]*nothing would be judged[^\n]*\n\z/, 'a file without scenarios: nothing would be judged';

done_testing;
