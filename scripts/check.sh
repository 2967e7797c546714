#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
#   scripts/check.sh [OPTION OF prove]... TEST...
#
# Runs tests through prove, and when some fail says at the end, where it is looked for, what the failed checks said:
# among the lines of a hundred other tests it is hard to find. The last lines are prove's own again.
# Exit status: that of prove; 2 when there is no room for what they say.
set -uo pipefail

kept=$(mktemp -d) || exit 2
trap 'rm -rf "$kept"' EXIT

# prove's standard output goes to descriptor 3, its standard error is kept on its way.
tested() {
	prove --exec '' "$@" 2>&1 >&3 | tee "$kept/said" >&2
	return "${PIPESTATUS[0]}"
}

{ tested "$@"; } 3>&1 | tee "$kept/summary"
status=${PIPESTATUS[0]}
if [ "$status" != 0 ] && [ -s "$kept/said" ]; then
	echo
	echo "What the failed checks said:"
	# A failed check of Test::More, a script that died or ended too early, a check of cmocka.
	grep -B 4 -A 12 -e '^# *Failed test' -e ' at .* line [0-9]*\.$' -e '^# Looks like your' -e ERROR "$kept/said" |
		head -n 60 | cut -c 1-400
	tail -n 2 "$kept/summary"
fi
exit "$status"
