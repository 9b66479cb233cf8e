#!/bin/bash
# Installs Convoy under a prefix of its own, then builds and runs examples/library against the installed package alone.
# Usage: package_test.sh REPOSITORY BUILD_DIRECTORY
set -euo pipefail
repository=$1 build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

step() {
  echo "-- $1"
  shift
  if ! "$@" >"$work/log" 2>&1 </dev/null; then
    cat "$work/log"
    echo "FAILED: $*"
    exit 1
  fi
}

step "install" cmake --install "$build" --prefix "$work/prefix"
# A copy outside the repository: nothing of the source tree may be found by accident.
cp -r "$repository/examples/library" "$work/example"
step "configure" cmake -G Ninja -S "$work/example" -B "$work/build" -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_PREFIX_PATH="$work/prefix"
grep -q "^Convoy_DIR:PATH=$work/prefix/" "$work/build/CMakeCache.txt" || {
  echo "FAILED: find_package took another Convoy than the one installed here"
  exit 1
}
step "build" cmake --build "$work/build"
program=$(find "$work/build" -maxdepth 1 -type f -perm -u+x)
[[ -n $program && $program != *$'\n'* ]] || {
  echo "FAILED: expected one program in the example's build, found: $program"
  exit 1
}
cd "$work"
digests=()
for replicas in 1 2; do
  step "run ${program##*/} with $replicas replicas" "$program" "$replicas" 1000
  digest=$(sed -n 's/^weights_sha256 //p' "$work/log")
  [[ $digest =~ ^[0-9a-f]{64}$ ]] || {
    cat "$work/log"
    echo "FAILED: no digest of the weights"
    exit 1
  }
  digests+=("$digest")
done
[[ ${digests[0]} == "${digests[1]}" ]] || {
  echo "FAILED: other weights with 2 replicas than with 1: ${digests[*]}"
  exit 1
}
step "the installed command" "$work/prefix/bin/convoy" --help
echo "the installed package works"
