#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# The documentation says what is so: the fields of a profile, the options of assay, the calls of a scenario, the links,
# and the examples. An example that follows the line
#
#   <!-- run: status N -->
#
# is run as it stands, and what it prints is compared with what is shown: a line of "…" stands for any lines, "…" in a
# line for anything, and any number for any other.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use helper;
use File::Basename qw(dirname);
use Test::More;

my @pages = ('README.md', sort glob 'docs/*.md');
my %page = map { $_ => slurp($_) } @pages;
my $scenarios = $page{'docs/scenarios.md'};

sub same {
	my ($got, $expected, $what) = @_;
	is join("\n", sort @$got), join("\n", sort @$expected), $what;
}

subtest 'every field of a profile is described, and no other' => sub {
	my ($status, $out, $err) = run('lua5.4', '-e', <<'LUA');
package.path = "suites/?.lua"
local function show(kind, path)
  if path ~= "" then print(path) end
  if type(kind) ~= "table" then return end
  if kind.element then
    if type(kind.element) == "table" then
      for name, one in pairs(kind.element.fields) do show(one, path .. "[]." .. name) end
    end
    return
  end
  for name, one in pairs(kind.fields) do show(one, path == "" and name or path .. "." .. name) end
end
show(require("support.profile.schema").fields, "")
LUA
	is $status, 0, 'the schema is found' or diag $err;
	my @fields = split /\n/, $out;
	cmp_ok scalar @fields, '>', 20, 'it has fields';
	my ($described) = $page{'docs/profiles.md'} =~ /^## Fields\n(.*?)^## /ms;
	same [$described =~ /^\| `([\w.\[\]]+)` \|/mg], \@fields, 'as docs/profiles.md has them';
	my ($contract) = $page{'docs/profiles.md'} =~ /^## The launch contract\n(.*?)^In the words/ms;
	my ($told) = slurp('suites/support/launcher.lua') =~ /^  local environment = \{(.*?)^  \}/ms;
	my @described = $contract =~ /`(ASSAY_[A-Z_]+)`/g;
	same \@described, [$told =~ /\b(ASSAY_[A-Z_]+) = /g], 'and the variables of a launched target';
};

subtest 'the profiles shown are profiles' => sub {
	my @shown = $page{'docs/profiles.md'} =~ /^```lua\n(return .*?)^```/msg;
	cmp_ok scalar @shown, '>', 1, 'there are some';
	for my $text (@shown) {
		my $file = spill(tmp() . '/profile.lua', $text);
		my ($status, $out, $err) = run(assay(), 'run', '--target', $file, 'no-such-suite');
		is $status, 2, 'the run gets no further than';
		like $err, qr/there is no suite.*'no-such-suite'/, 'to the suite, which is behind the profile';
	}
};

# Options that a command takes: name -> 1.
my %help;

sub options {
	my ($command) = @_;
	return $help{$command} ||= do {
		my ($status, $out) = run(assay(), split(' ', $command), '--help');
		+{ map { $_ => 1 } $out =~ /^  (--[\w-]+)/mg };
	};
}

subtest 'every option of assay run, probe, audit, replay and report is described' => sub {
	my $all = join "\n", values %page;
	for my $option (sort map { keys %{ options($_) } } qw(run probe audit replay report)) {
		next if $option eq '--help';
		ok $all =~ /`\Q$option\E\b/, $option;
	}
};

subtest 'no option is described that is not there' => sub {
	for my $name (@pages) {
		for my $line ($page{$name} =~ /(?:^|[\s`\/])assay ((?:run|audit|replay|report|probe|serve|list|decode|token (?:seal|open)) [^`\n]*)/g) {
			my ($command, $rest) = $line =~ /^(token \w+|\w+)(.*)/;
			ok options($command)->{$_}, "$name: assay $command $_" for $rest =~ /(?<=\s)(--[\w-]+)/g;
		}
	}
};

subtest 'each --help tells the exit statuses' => sub {
	for my $command (qw(run audit replay report probe serve list decode), 'token seal', 'token open') {
		my (undef, $out) = run(assay(), split(' ', $command), '--help');
		like $out =~ s/\s+/ /gr, qr/Exit status.*: 0 .* 2 .* 4 /, $command;
	}
};

subtest 'every call of a scenario is described' => sub {
	my %internal = map { $_ => 1 } qw(put_all_down finish);
	for my $call (grep { !$internal{$_} } slurp('suites/support/hands.lua') =~ /^function hands:(\w+)/mg) {
		ok $scenarios =~ /`t:\Q$call\E\b/, "t:$call";
	}
	for my $call (slurp('suites/support/reply.lua') =~ /^function reply:(\w+)/mg) {
		ok $scenarios =~ /`\Q$call\E\(/, "reply:$call";
	}
	my ($fields) = slurp('suites/support/scenario.lua') =~ /^local fields = \{(.*?)^\}/ms;
	ok $scenarios =~ /^\| `\Q$_\E` \|/m, "the field $_" for $fields =~ /(\w+) = "/g;
	my ($features) = slurp('suites/support/scenario.lua') =~ /^local features = \{(.*?)^\}/ms;
	ok $scenarios =~ /`\Q$_\E`/, "the need $_" for $features =~ /^  (?:\[")?([\w-]+)(?:"\])? = "/mg;
};

subtest 'links lead somewhere' => sub {
	for my $name (@pages) {
		for my $link ($page{$name} =~ /\]\((?!\w+:)([^)#]+)/g) {
			ok -e dirname($name) . "/$link", "$name: $link";
		}
		for my $path ($page{$name} =~ m{`((?:scripts|suites|docs|tests|engine|reports|vectors)/[\w./-]*[\w/])`}g) {
			ok -e $path || $path =~ m{^suites/server/example}, "$name: $path";
		}
	}
};

# Compares what a command printed with what is shown. Returns nothing, or the first shown line that is not there.
sub first_difference {
	my ($shown, $printed) = @_;
	my @printed = split /\n/, $printed;
	my $free = 0; # after a line of dots the next one may stand anywhere
	for my $line (split /\n/, $shown) {
		if ($line eq '…') { $free = 1; next }
		my $pattern = join '.*', map { s/[0-9]+/[0-9]+/gr } map { quotemeta } split /…/, $line, -1;
		shift @printed while $free && @printed && $printed[0] !~ /\A$pattern\z/;
		return $line if !@printed || shift(@printed) !~ /\A$pattern\z/;
		$free = 0;
	}
	return !$free && @printed ? "(the end, where there is: $printed[0])" : ();
}

# The examples of a page, with what stands above each.
sub examples {
	my ($text) = @_;
	my @examples;
	while ($text =~ /^<!-- run([^\n]*?): status (\d+) -->\n```console\n(.*?)^```/msg) {
		my ($where, $status, $body) = ($1, $2, $3);
		for my $step ($body =~ /^\$ ([^\n]*\n(?:(?!\$ )[^\n]*\n)*)/mg) {
			my ($command, $shown) = split /\n/, $step, 2;
			push @examples, { where => $where, status => $status, command => $command, shown => $shown };
		}
	}
	return @examples;
}

# Runs a command of an example, with the program that is under test. Where it has no terminal it has to be told the form
# that a terminal gets.
sub run_example {
	my ($example, $assay) = @_;
	my $command = $example->{command} =~ s/\bbuild\/assay\b/$assay/gr;
	$command =~ s/ (run|audit) / $1 --format pretty /g if $command !~ /--format/;
	my ($status, $out, $err) = run({ timeout => 120 }, 'sh', '-c', $command);
	is $status, $example->{status}, "$example->{command}: status $example->{status}" or diag $err;
	# Where to run it again is said with the options it was run with.
	$out =~ s/ --format pretty//g;
	my ($difference) = first_difference($example->{shown}, $out);
	is $difference, undef, "$example->{command}: prints what is shown";
}

for my $name (@pages) {
	my @examples = grep { $_->{where} eq '' } examples($page{$name}) or next;
	subtest "the examples of $name" => sub { run_example($_, assay()) for @examples };
}

subtest 'the scenario shown is one' => sub {
	my ($text) = $scenarios =~ /^```lua\n(-- suites\/server\/example\.lua\n.*?)^```/ms;
	ok $text, 'it is shown' or return;
	my $checkout = tmp();
	mkdir "$checkout/$_" for qw(build suites);
	for my $entry (glob 'suites/*') { symlink root() . "/$entry", "$checkout/$entry" if $entry !~ m{/server$} }
	symlink root() . "/$_", "$checkout/$_" for qw(reports vectors);
	mkdir "$checkout/suites/server";
	spill("$checkout/suites/server/example.lua", $text);
	spill("$checkout/build/assay", slurp(assay()));
	chmod 0755, "$checkout/build/assay";
	my @examples = grep { $_->{where} ne '' } examples($scenarios);
	is scalar @examples, 2, 'it is run twice';
	run_example($_, "$checkout/build/assay") for @examples;
};

done_testing;
