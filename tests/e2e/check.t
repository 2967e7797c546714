#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# What runs all these tests: its status is prove's, and what failed checks said stands at its end.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use helper;
use Test::More;

my %quiet = map { $_ => undef } grep { /^(?:HARNESS|PERL_TEST|TEST)_/ } keys %ENV;

sub check_of {
	my (@bodies) = @_;
	my $folder = tmp();
	my $number = 0;
	my @tests = map { spill("$folder/" . ++$number . '.t', "#!/usr/bin/perl\nuse Test::More;\n$_\n") } @bodies;
	chmod 0755, @tests;
	return run({ env => \%quiet }, 'scripts/check.sh', '--jobs', '2', @tests);
}

my $good = 'ok 1, "well"; diag "a remark"; done_testing;';

my ($status, $out, $err) = check_of($good, $good);
is $status, 0, 'two good tests: status 0';
like $out, qr/^Files=2, Tests=2,.*\nResult: PASS\n\z/m, 'with the summary at the end';
unlike $out, qr/failed checks/, 'and nothing of failed checks';

my $bad = 'is "it is red", "it is green", "the colour"; done_testing;';
($status, $out, $err) = check_of($good, $bad, $good);
is $status, 1, 'one bad test among them: status 1';
like $err, qr/Failed test 'the colour'/, 'it says so where it fails';
my ($end) = $out =~ /^(What the failed checks said:\n.*)/ms;
like $end, qr/Failed test 'the colour'.*got: 'it is red'.*expected: 'it is green'/s, 'and at the end again';
like $end, qr/^Files=3, Tests=3,.*\nResult: FAIL\n\z/m, 'the summary stays the last';

($status, $out) = check_of('ok 1; die "the ladder fell";');
is $status, 1, 'a test that dies: status 1';
like $out, qr/What the failed checks said:.*the ladder fell at .*Result: FAIL\n\z/s, 'with its last words';

($status, $out) = check_of('ok 1; print STDERR "no room on the shelf\n"; exit 3;');
is $status, 1, 'a test that ends too early: status 1';
like $out, qr/What the failed checks said:.*no room on the shelf/s, 'with what it said before';

done_testing;
