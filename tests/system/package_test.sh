#!/bin/bash
# Installs Convoy under a prefix of its own, then against the installed package alone builds and runs examples/library (with CMake, and
# with pkg-config), examples/extend and what `convoy init --plugin` writes.
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
# The command line that a Makefile would have.
flags=$(PKG_CONFIG_PATH=$(dirname "$(find "$work/prefix" -name convoy.pc)") pkg-config --cflags --libs convoy)
# shellcheck disable=SC2086
step "build with pkg-config" g++ -O1 "$work/example/main.cpp" -o "$work/by_pkg_config" $flags
step "run what pkg-config built" "$work/by_pkg_config" 2 1000
digest=$(sed -n 's/^weights_sha256 //p' "$work/log")
[[ $digest == "${digests[0]}" ]] || {
  echo "FAILED: other weights built with pkg-config: $digest, not ${digests[0]}"
  exit 1
}

convoy=$work/prefix/bin/convoy
step "the installed command" "$convoy" --help
[[ $("$convoy" --list) == *optimizers*sgd* ]] || {
  echo "FAILED: the installed command lists no optimizers"
  exit 1
}
for libtorch in $(ldd "$convoy" | grep -E 'libtorch|libconvoy|libc10' || true); do
  echo "FAILED: the command is linked with $libtorch: it could not say what is wrong with it"
  exit 1
done

# Builds a folder and runs its tests.
own_tests() { # WHAT FOLDER
  step "configure $1" cmake -G Ninja -S "$2" -B "$2/build" -DCMAKE_PREFIX_PATH="$work/prefix"
  step "build $1" cmake --build "$2/build"
  step "test $1" ctest --test-dir "$2/build" --output-on-failure --no-tests=error
}
cp -r "$repository/examples/extend" "$work/extend"
own_tests "examples/extend" "$work/extend"
step "init --plugin" "$convoy" init --plugin "$work/plugin"
own_tests "what init --plugin wrote" "$work/plugin"
if "$convoy" init --plugin "$work/plugin" 2>"$work/log"; then
  echo "FAILED: init --plugin writes into a folder that has something in it"
  exit 1
fi
echo "the installed package works"
