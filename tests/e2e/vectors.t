#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# The suite that runs vectors/*.json passes, and fails when a vector is wrong.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use helper;
use File::Copy qw(copy);
use JSON::PP ();
use Test::More;

my ($status, $output) = run(assay(), 'run', '--strict', '--format', 'json', 'vectors');
is $status, 0, 'all vectors hold';
my ($summary) = grep { $_->{type} eq 'summary' } json_lines($output);
cmp_ok $summary->{pass}, '>=', 5, 'there are suites of them';

# assay finds suites/ above itself: a copy of the tree with one octet changed in one vector.
my $tree = tmp();
is system("cp -r suites reports vectors '$tree/' && mkdir '$tree/build' && cp '" . assay() . "' '$tree/build/'"), 0, 'a tree to break';
for my $file (map { s{.*/}{}r } glob 'vectors/*.json') {
	my $content = JSON::PP->new->utf8->decode(slurp("vectors/$file"));
	my ($vector) = grep { $_->{valid} } @{ $content->{vectors} };
	my $field = $vector->{message} ? 'message' : 'token';
	substr($vector->{$field}, 60, 1) = substr($vector->{$field}, 60, 1) eq '4' ? '5' : '4';
	spill("$tree/vectors/$file", JSON::PP->new->utf8->encode($content));
	($status) = run("$tree/build/assay", 'run', '--strict', '--format', 'json', 'vectors');
	is $status, 1, "a wrong vector in $file is noticed";
	copy("vectors/$file", "$tree/vectors/$file");
}
done_testing;
