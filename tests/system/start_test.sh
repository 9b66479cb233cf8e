#!/bin/bash
# `convoy` where there is another libtorch than it was built for, or none: one line, not a crash.
# Usage: start_test.sh PROGRAM
set -euo pipefail
unset LD_LIBRARY_PATH
program=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "FAILED: $*"
  echo "standard error:" && cat "$work/err"
  exit 1
}
run() { status=0 && "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?; }
says() { # STATUS PATTERN WHAT: it ended with that status and one line of that pattern
  [[ $status == "$1" ]] || fail "$3: ends with $status, not $1"
  [[ $(wc -l <"$work/err") == 1 ]] || fail "$3: not one line"
  grep -qE "^convoy: $2" "$work/err" || fail "$3: says something else"
}

run "$program" --version
[[ $status == 0 ]] || fail "does not start"
built_for=$(sed -n 's/^libtorch \([0-9]*\.[0-9]*\)\..*/\1/p' "$work/out")
[[ -n $built_for ]] || fail "--version does not say its libtorch"

# What is found first is no library at all: it is not to be loaded before its version is known.
fake() { rm -rf "$work/fake" && mkdir -p "$work/fake/lib" && : >"$work/fake/lib/libtorch_cpu.so"; }
fake
echo "__version__ = '1.11.0+cpu'" >"$work/fake/version.py"
run env LD_LIBRARY_PATH="/nowhere:$work/fake/lib" "$program" --version
says 2 "libtorch 1\.11\.0 was found in $work/fake/lib \(LD_LIBRARY_PATH\), and Convoy was built for ${built_for/./\\.}; take" "a wheel"

fake
echo "1.12.1+cu118" >"$work/fake/build-version"
run env LD_LIBRARY_PATH="$work/fake/lib" "$program" train job.yaml
says 2 "libtorch 1\.12\.1 was found in " "an unpacked archive"

fake
mkdir -p "$work/fake/include/torch/headeronly"
printf '#define TORCH_VERSION_MAJOR 1\n#define TORCH_VERSION_MINOR 13\n#define TORCH_VERSION_PATCH 0\n' \
  >"$work/fake/include/torch/headeronly/version.h"
run env LD_LIBRARY_PATH="$work/fake/lib" "$program" --help
says 2 "libtorch 1\.13\.0 was found in " "headers alone"

fake # of an unknown version, and it cannot be loaded
run env LD_LIBRARY_PATH="$work/fake/lib" "$program" --version
says 1 "libtorch cannot be loaded: " "a file that is no library"

# A copy of the program by itself has no command beside it.
cp "$program" "$work/convoy"
run "$work/convoy" --version
says 1 "the command cannot be loaded: " "no command"

echo "all as expected"
