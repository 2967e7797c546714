#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# The other builds: clang has nothing to warn of, and under AddressSanitizer and UndefinedBehaviorSanitizer the unit tests
# pass and a whole run finds nothing. They are kept beside the build under test, so a second time is quick.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use helper;
use Test::More;

my ($cores) = (run('nproc'))[1] =~ /(\d+)/;

sub make {
	my (@arguments) = @_;
	# Of the make that runs the tests nothing is taken over.
	my %clean = map { $_ => undef } qw(MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES SANITIZE BUILD CC CFLAGS);
	return run({ timeout => 900, env => \%clean }, 'make', "-j$cores", @arguments);
}

SKIP: {
	skip 'clang is not installed', 1 if (run('clang', '--version'))[0] ne '0';
	my ($status, $output, $errors) = make('CC=clang', 'BUILD=' . build() . '/clang', 'programs');
	is $status, 0, 'clang builds everything, warnings being errors' or diag $errors;
}

my $sanitized = build() . '/sanitized';
my ($status, $output, $errors) = make('SANITIZE=1', "BUILD=$sanitized", 'units');
is $status, 0, 'the unit tests pass under the sanitizers' or diag $output, $errors;

for my $what ([], ['--fault', 'crash-on-long-key'], ['--no-third-party']) {
	my $name = join ' ', 'a run', @$what;
	my $out = tmp();
	($status, $output, $errors) = run({ timeout => 300 }, "$sanitized/assay", 'run', '--format', 'tap', '--out', $out, @$what);
	unlike $output . $errors . slurp("$out/target.log"), qr/Sanitizer|runtime error/, "$name: the sanitizers have nothing to say"
		or diag $errors, slurp("$out/target.log");
	is $status, (@$what == 2 ? 1 : 0), "$name: and its verdict is the usual one" or diag $output;
}
done_testing;
