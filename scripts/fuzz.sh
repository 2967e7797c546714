#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
#   scripts/fuzz.sh [--merge FOLDER | --coverage] [TARGET]...
#
# Runs fuzz targets (default: all of tests/fuzz/) under libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer for
# FUZZ_SECONDS (600) each, FUZZ_JOBS (2) at once, from the corpus in tests/fuzz/corpus/TARGET. What they find anew stays
# in BUILD/libfuzzer/found/TARGET and is begun with the next time; an input that breaks something is kept in
# BUILD/libfuzzer/broken/, and the command that shows it again is printed. Exit status: 0 nothing found, 1 something
# was, 2 it could not be run.
#
# --merge FOLDER  runs nothing anew, but adds to the corpus what it lacks of FOLDER/TARGET and of what was found: the
#                 smallest inputs that reach what no other does, of 4096 octets at most
# --coverage      tells for each engine file how many of its lines the corpus reaches, and which functions it does not
set -euo pipefail
cd "$(dirname "$0")/.."

build=${BUILD:-build}
seconds=${FUZZ_SECONDS:-600}
jobs=${FUZZ_JOBS:-2}
engine=$build/libfuzzer
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:quarantine_size_mb=32}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

if [ "${1:-}" = --run ]; then # one target, as started below
	target=$2
	mkdir -p "$engine/found/$target" "$engine/broken"
	log=$engine/$target.log
	dictionary=()
	[ ! -e "tests/fuzz/$target.dict" ] || dictionary=("-dict=tests/fuzz/$target.dict")
	status=0
	# Twice the memory that the largest of them was seen to need; no decoder has a reason to ask for 64 MiB at once.
	nice -n 10 "$engine/fuzz/$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=1024 -malloc_limit_mb=64 \
		-max_len=4096 -print_final_stats=1 -artifact_prefix="$engine/broken/$target-" "${dictionary[@]}" \
		"$engine/found/$target" "tests/fuzz/corpus/$target" >"$log" 2>&1 || status=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1)
	covered=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
	if [ $status = 0 ]; then
		echo "$target: nothing found in $seconds s, ${runs:-0} inputs, ${covered:-0} edges"
		exit 0
	fi
	input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -1)
	what=$(grep -m 1 -E 'does not hold|ERROR: |runtime error' "$log" || true)
	echo "$target: FOUND after ${runs:-some} inputs: $what"
	if [ -n "$input" ]; then
		echo "$target: shown again by: $engine/fuzz/$target $input"
	fi
	echo "$target: all it said is in $log"
	exit 1
fi

mode=${1:-}
case $mode in
--merge)
	seeds=${2:?fuzz.sh: --merge FOLDER}
	shift 2
	;;
--coverage) shift ;;
-*)
	echo "fuzz.sh: no option $mode; see the head of this file" >&2
	exit 2
	;;
*) mode= ;;
esac
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
	for file in tests/fuzz/*-*.c; do targets+=("$(basename "$file" .c)"); done
fi
programs=()
for target in "${targets[@]}"; do
	if [ ! -e "tests/fuzz/$target.c" ]; then
		echo "fuzz.sh: there is no target $target, no tests/fuzz/$target.c" >&2
		exit 2
	fi
	programs+=("$engine/fuzz/$target")
done
if ! echo 'int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) { return 0; }' |
	clang -fsanitize=fuzzer,address -x c -o /dev/null - 2>/dev/null; then
	echo "fuzz.sh: clang with libFuzzer is needed: apt-get install clang libclang-rt-dev" >&2
	exit 2
fi

compile() { # folder, flags, what to make
	local folder=$1 flags=$2
	shift 2
	env -u MAKEFLAGS -u MFLAGS CFLAGS="$flags" make -j"$(nproc)" CC=clang FUZZ=1 BUILD="$folder" "$@"
}

case $mode in
--merge)
	compile "$engine" "-O2 -g" "${programs[@]}"
	for target in "${targets[@]}"; do
		old=tests/fuzz/corpus/$target
		mkdir -p "$old" "$seeds/$target" "$engine/found/$target"
		# By edges alone, not by how often each is passed: hundreds of files fewer, and libFuzzer is quick to
		# find those again. What is in the corpus stays.
		"$engine/fuzz/$target" -merge=1 -use_counters=0 -max_len=4096 "$old" "$seeds/$target" \
			"$engine/found/$target" >"$engine/$target.merge.log" 2>&1
		echo "$target: $(find "$old" -type f | wc -l) inputs, $(du -sb "$old" | cut -f1) octets"
	done
	;;
--coverage)
	folder=$build/coverage
	compile "$folder" "-O1 -g -fprofile-instr-generate -fcoverage-mapping" "${programs[@]/#$engine/$folder}"
	objects=()
	rm -f "$folder"/*.profraw
	for target in "${targets[@]}"; do
		LLVM_PROFILE_FILE=$folder/$target.profraw "$folder/fuzz/$target" -runs=0 "tests/fuzz/corpus/$target" \
			>"$folder/$target.log" 2>&1
		objects+=(-object "$folder/fuzz/$target")
	done
	llvm-profdata merge -o "$folder/all.profdata" "$folder"/*.profraw
	# It wants the first of them without the option.
	objects=("${objects[@]:1}")
	llvm-cov export -summary-only "${objects[@]}" -instr-profile "$folder/all.profdata" |
		perl -MJSON::PP -0777 -ne '
			for (sort { $a->{filename} cmp $b->{filename} } @{decode_json($_)->{data}[0]{files}}) {
				my ($name) = $_->{filename} =~ m{(engine/.*)} or next;
				my ($lines, $functions) = @{$_->{summary}}{qw(lines functions)};
				printf "%-34s %4d of %4d lines, %3d of %3d functions\n", $name, @{$lines}{qw(covered count)},
					@{$functions}{qw(covered count)} if $lines->{covered};
			}'
	llvm-cov report -show-functions "${objects[@]}" -instr-profile "$folder/all.profdata" engine/*/*.c 2>/dev/null |
		awk '/^File/ { file = substr($2, 2, length($2) - 3) }
			NF == 10 && $1 != "TOTAL" && $5 > 0 && $5 == $6 { print file, $1 }' >"$folder/unreached"
	echo "functions that are not reached: $folder/unreached"
	;;
*)
	compile "$engine" "-O2 -g" "${programs[@]}" >&2
	export BUILD="$build" FUZZ_SECONDS="$seconds"
	# What xargs says of a failure is 123 for any of them.
	printf '%s\n' "${targets[@]}" | xargs -P "$jobs" -n 1 "$0" --run || exit 1
	;;
esac
