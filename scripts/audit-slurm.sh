#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
#   scripts/audit-slurm.sh RESULT.json SHARDS FOLDER [OPTION]...
#
# Audits all captures of a folder as a Slurm job array of SHARDS tasks, waits for it, and merges what came of them into
# RESULT.json, which is what one `assay audit --format json` of the folder would have written.
#
# Every node must find this checkout, built, the captures and the folder of RESULT.json under the same paths (a shared
# file system). OPTIONs are those of assay audit; keys belong into a file (--key @FILE) or into ASSAY_KEYS, which Slurm
# hands on, and not on a command line. SBATCH_PARTITION, SBATCH_ACCOUNT and the like are heeded by sbatch itself.
#
# Exit status: that of `assay report --merge`; 3 when a task left no result, whose log is then named.
set -euo pipefail

if [ $# -lt 3 ] || ! [[ $2 =~ ^[1-9][0-9]*$ ]]; then
	echo "usage: audit-slurm.sh RESULT.json SHARDS FOLDER [OPTION]..." >&2
	exit 2
fi
command -v sbatch >/dev/null || {
	echo "audit-slurm.sh: Slurm is not installed: apt-get install slurm-client" >&2
	exit 2
}
result=$1 shards=$2 folder=$3
shift 3
root=$(cd "$(dirname "$0")/.." && pwd)
build=${ASSAY_BUILD:-build}
assay=$([[ $build = /* ]] && echo "$build" || echo "$root/$build")/assay
[ -x "$assay" ] || {
	echo "audit-slurm.sh: there is no $assay: build it with make" >&2
	exit 2
}
parts=$(mktemp -d "$(cd "$(dirname "$result")" && pwd)/parts.XXXXXX")

# A task is one shard: every SHARDS-th capture. It has one core, so it reads one capture at a time.
cat >"$parts/task" <<TASK
#!/bin/bash
part=$(printf '%q' "$parts")/\$SLURM_ARRAY_TASK_ID
$(printf '%q ' "$assay" audit --jobs 1 --format json "$@") --shard "\$SLURM_ARRAY_TASK_ID/$shards" \\
	-- $(printf '%q' "$folder") >"\$part.part"
status=\$?
# 0, 1 and 3 are verdicts; every other status means that there is no result.
[ \$status = 0 ] || [ \$status = 1 ] || [ \$status = 3 ] || exit \$status
mv "\$part.part" "\$part.json"
TASK
sbatch --quiet --wait --array="1-$shards" --cpus-per-task=1 --chdir="$PWD" --output="$parts/%a.log" \
	"$parts/task" || true

for ((i = 1; i <= shards; i++)); do
	if ! [ -s "$parts/$i.json" ]; then
		echo "audit-slurm.sh: shard $i of $shards has no result; its log is $parts/$i.log" >&2
		exit 3
	fi
done
status=0
"$assay" report --merge --format json "$parts"/*.json >"$parts/merged" || status=$?
mv "$parts/merged" "$result"
rm -rf "$parts"
exit $status
