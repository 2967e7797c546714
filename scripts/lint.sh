#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
#   scripts/lint.sh [FILE]...
#
# Looks at the form of every source file (default: all of the checkout) and says what is wrong and where, one finding a
# line. It changes nothing. Exit status: 0 nothing to say, 1 findings, 2 a tool is missing.
#
# Functions are called by name, as an argument of another:
# shellcheck disable=SC2317
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2

missing=no
need() { # program, Debian package
	command -v "$1" >/dev/null && return
	echo "lint.sh: $1 is not installed: apt-get install $2" >&2
	missing=yes
}
need clang-format clang-format
need luacheck lua-check
need perl perl
[ $missing = no ] || exit 2

if [ $# -gt 0 ]; then
	files=("$@")
else
	mapfile -t files < <(
		find . \( -name .git -o -path './build*' -o -path './out*' \) -prune -o -type f -print |
			sed 's,^\./,,' | sort
	)
fi
only() { # the files that match a pattern
	printf '%s\n' "${files[@]}" | grep -E "$1"
}
sources='\.(c|h|lua|sh|t|pm|pl|py|mjs)$|(^|/)(Makefile|\.ci/run|\.luacheckrc|\.editorconfig)$'

status=0
findings() { # what the command prints are findings; so is its failure
	local output
	output=$("$@" 2>&1) && [ -z "$output" ] && return
	status=1
	printf '%s\n' "${output:-lint.sh: $1 failed}"
}

form() {
	perl -CSD -e '
		use strict;
		use warnings;
		my $length = 600;
		for my $path (@ARGV) {
			my $width = $path =~ m{^tests/.*\.(t|pl|pm)$} ? 160 : 120; # tests hold tables, a case a line
			open my $file, "<", $path or do { print "$path: cannot be read: $!\n"; next };
			my @lines = <$file>;
			my $tab = $path =~ /\.[ch]$/ ? 8 : 4; # as .editorconfig says
			print "$path:1: no SPDX-License-Identifier: BSD-3-Clause among the first three lines\n"
				unless grep { defined && /SPDX-License-Identifier: BSD-3-Clause/ } @lines[0 .. 2];
			# The catalogue is data: a row a requirement, and a file a document.
			print "$path:", scalar @lines, ": ", scalar @lines, " lines, at most $length are wanted: split it\n"
				if @lines > $length && $path !~ m{^suites/requirements/};
			for my $number (1 .. @lines) {
				my $line = $lines[$number - 1];
				print "$path:$number: the last line does not end\n" if $number == @lines && $line !~ /\n\z/;
				chomp $line;
				print "$path:$number: white space at the end of the line\n" if $line =~ /\s\z/;
				1 while $line =~ s/^([^\t]*)\t/$1 . " " x ($tab - length($1) % $tab)/e;
				my $columns = length $line;
				print "$path:$number: $columns columns, at most $width are wanted\n" if $columns > $width;
			}
		}
	' "$@"
}

c_layout() {
	clang-format --dry-run -Werror --ferror-limit=0 "$@" 2>&1 |
		sed -n 's/^\(.*\):\([0-9]*\):[0-9]*: error: .*/\1:\2/p' | sort -t: -k1,1 -k2,2n -u |
		sed 's/$/: clang-format lays this out differently (clang-format -i FILE)/'
}

lua_check() {
	luacheck --quiet --quiet --no-color --codes --formatter plain "$@"
}

shell_check() {
	shellcheck --format gcc "$@"
}

mapfile -t list < <(only "$sources")
[ ${#list[@]} -eq 0 ] || findings form "${list[@]}"
mapfile -t list < <(only '\.[ch]$')
[ ${#list[@]} -eq 0 ] || findings c_layout "${list[@]}"
mapfile -t list < <(only '\.lua$|(^|/)\.luacheckrc$')
[ ${#list[@]} -eq 0 ] || findings lua_check "${list[@]}"
mapfile -t list < <(only '\.sh$|^\.ci/run$')
if [ ${#list[@]} -gt 0 ]; then
	if command -v shellcheck >/dev/null; then
		findings shell_check "${list[@]}"
	else
		echo "lint.sh: shellcheck is not installed, so shell scripts are not looked at (apt-get install shellcheck)" >&2
	fi
fi
[ $status != 0 ] || echo "lint: nothing to say about ${#files[@]} files"
exit $status
