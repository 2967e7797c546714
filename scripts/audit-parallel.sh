#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
#   scripts/audit-parallel.sh RESULT.json HOSTS FOLDER [OPTION]...
#
# Audits all captures of a folder with GNU Parallel, one after the other on every core of every host, and merges what
# came of them into RESULT.json, which is what one `assay audit --format json` of the folder would have written.
#
# HOSTS is what --sshlogin takes: ":" for this machine, or names such as "host1,host2,:". Each must find this
# checkout, built, and the captures under the same paths (a shared file system). OPTIONs are those of assay audit; keys
# belong into a file (--key @FILE) or into ASSAY_KEYS, which is handed on, and not on a command line.
#
# Exit status: that of `assay report --merge`.
set -euo pipefail

if [ $# -lt 3 ]; then
	echo "usage: audit-parallel.sh RESULT.json HOSTS FOLDER [OPTION]..." >&2
	exit 2
fi
command -v parallel >/dev/null || {
	echo "audit-parallel.sh: GNU Parallel is not installed: apt-get install parallel" >&2
	exit 2
}
result=$1 hosts=$2 folder=$3
shift 3
root=$(cd "$(dirname "$0")/.." && pwd)
build=${ASSAY_BUILD:-build}
assay=$([[ $build = /* ]] && echo "$build" || echo "$root/$build")/assay
[ -x "$assay" ] || {
	echo "audit-parallel.sh: there is no $assay: build it with make" >&2
	exit 2
}
parts=$(mktemp -d "$(dirname "$result")/parts.XXXXXX")
trap 'rm -rf "$parts"' EXIT

# `assay audit --list` names the captures as an audit of the folder would find them. Each job writes to its standard
# output, which Parallel brings home. Statuses 0, 1 and 3 are verdicts; with any other one the part is not there.
export ASSAY_KEYS=${ASSAY_KEYS:-} ASSAY_USERS=${ASSAY_USERS:-}
"$assay" audit --list "$folder" >"$parts/list"
"$assay" audit --list "$@" -- "$folder" >"$parts/all"
cmp -s "$parts/list" "$parts/all" || {
	echo "audit-parallel.sh: one FOLDER is audited, and the OPTIONs name captures besides it" >&2
	exit 2
}
options=$(printf '%q ' --jobs 1 --format json "$@")
parallel --will-cite --sshlogin "$hosts" --env ASSAY_KEYS --env ASSAY_USERS --workdir "$PWD" \
	--halt soon,fail=1 --results "$parts/{#}/" --null --arg-file "$parts/list" \
	"$(printf '%q' "$assay") audit $options -- {}; s=\$?; [ \$s = 0 ] || [ \$s = 1 ] || [ \$s = 3 ]" >/dev/null

# A merged result is a result itself, so more parts than fit on a command line are merged by the thousand first.
export assay parts
# shellcheck disable=SC2016 # the inner shell fills these in
find "$parts" -name stdout -print0 | xargs -0 -n 1000 sh -c '
	status=0
	"$assay" report --merge --format json "$@" >"$(mktemp "$parts/merged.XXXXXX")" || status=$?
	[ $status = 0 ] || [ $status = 1 ] || [ $status = 3 ]' sh
status=0
"$assay" report --merge --format json "$parts"/merged.?????? >"$parts/merged" || status=$?
mv "$parts/merged" "$result"
exit $status
