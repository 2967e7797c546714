# SPDX-License-Identifier: BSD-3-Clause
#
# What several end-to-end tests of runs share: a reference server of one's own, a copy of the suites that may be
# changed, what a run leaves behind, and results by their ids. Stands upon helper.pm.
package fixture;
use strict;
use warnings;

use Carp qw(croak);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use FindBin;
use lib $FindBin::Bin;
use helper;

our @EXPORT = qw(reference tree marked left_behind results of_type worst_of);

# my ($process, $port) = reference({env}, 'option', ...): assay serve, which answers already.
sub reference {
	my $env = ref $_[0] ? shift : {};
	my $process = start({ env => $env }, assay(), 'serve', @_);
	my $line = qr/udp and tcp on \S+:(\d+),/;
	$process->wait_for($line, 30) or croak 'the reference does not serve: ' . $process->err;
	return ($process, $process->out =~ $line);
}

# A copy of the program with its suites and reports, in which the files (path => text) stand too. Returns the program.
sub tree {
	my (%files) = @_;
	my $folder = tmp();
	for my $part ('suites', 'reports', assay()) {
		my ($from) = grep { -e } $part =~ m{^/} ? $part : map { "$_/$part" } build(), root(); # where the program looks
		system('cp', '-R', $from, "$folder/") == 0 or croak "cannot copy $from";
	}
	for my $path (keys %files) {
		make_path(dirname("$folder/$path"));
		spill("$folder/$path", $files{$path});
	}
	return "$folder/assay";
}

# An environment by which everything that a run starts can be found again, and its own folder for temporary files.
my $marks = 0;

sub marked {
	my $mark = "assay-e2e-$$-" . ++$marks;
	return (ASSAY_E2E_MARK => $mark, TMPDIR => tmp());
}

# What is left of a run with such an environment: processes that live (by their command lines), temporary files.
sub left_behind {
	my (%env) = @_;
	my @left;
	for my $path (glob '/proc/[0-9]*/environ') {
		open my $file, '<', $path or next; # it is gone, or another user's
		local $/;
		my $content = <$file> // '';
		next if "\0$content" !~ /\0ASSAY_E2E_MARK=\Q$env{ASSAY_E2E_MARK}\E\0/;
		my ($pid) = $path =~ /(\d+)/;
		my $command = eval { slurp("/proc/$pid/cmdline") } // '';
		push @left, "process $pid: " . $command =~ tr/\0/ /r;
	}
	opendir my $folder, $env{TMPDIR} or croak "cannot read $env{TMPDIR}: $!";
	push @left, map { "$env{TMPDIR}/$_" } grep { !/^\.\.?$/ } readdir $folder;
	return @left;
}

# Results as JSON lines (text or file) -> the values of one type; by id.
sub of_type {
	my ($type, @lines) = @_;
	my @found = grep { $_->{type} eq $type } @lines;
	return wantarray ? @found : $found[0];
}

sub results { return map { $_->{id} => $_ } of_type('scenario', @_) }

# Those results -> { requirement => the worst verdict of the checks that cite it }.
sub worst_of {
	my ($results) = @_;
	my %weight = (pass => 1, warn => 2, inconclusive => 3, fail => 4);
	my %worst;
	for my $check (map { @{ $_->{checks} } } values %$results) {
		my $known = $worst{ $check->{requirement} };
		$worst{ $check->{requirement} } = $check->{verdict}
			if !$known || $weight{ $check->{verdict} } > $weight{$known};
	}
	return \%worst;
}

1;
