#!/bin/bash
# ./convoy on a tree of its own, with stand-ins for the package manager and the build: what it calls, and when.
# Usage: command_test.sh REPOSITORY
set -euo pipefail
unset CONVOY_TORCH CONVOY_BUILDS # of whoever runs the tests with another libtorch
repository=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree calls=$work/calls
mkdir -p "$tree"/{cmake,src/core,include,bench/measure} "$work/bin" "$tree/scripts"
cp "$repository/convoy" "$tree/"
cp "$repository"/scripts/{lib.sh,packages.txt} "$tree/scripts/"
touch "$tree"/{CMakeLists.txt,CMakePresets.json,src/core/a.cpp} "$calls"

stand_in() { # NAME: its body from stdin; each call leaves a line in $calls
  { printf '#!/bin/bash\necho "%s $*" >>"%s"\n' "$1" "$calls" && cat; } >"$work/bin/$1"
  chmod +x "$work/bin/$1"
}
fail() {
  echo "FAILED: $*"
  echo "calls:" && cat "$calls"
  echo "standard error:" && cat "$work/err"
  exit 1
}
called() { grep -c "^$1 " "$calls" || true; }
run() { status=0 && "$tree/convoy" "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?; }
all_installed() { sed -n 's/^\([a-z+].*\)/installed \1/p' "$tree/scripts/packages.txt" | cut -d' ' -f1,2; }

export PATH=$work/bin:$PATH
stand_in dpkg-query < <(echo "cat '$work/installed'")
stand_in apt-get < <(echo "if [[ \$* == *install* ]]; then cp '$work/all' '$work/installed'; fi")
stand_in sudo <<<'exec "$@"'
# cmake -P asks whether there is a libtorch that need not be fetched.
stand_in cmake < <(echo "[[ \$1 == -P ]] && exec test -e '$work/has-libtorch'; mkdir -p '$tree/build/release' && touch '$tree/build/release/build.ninja'")
stand_in ninja < <(cat <<N
sleep 0.5
echo "[1/1] Building CXX object"
printf '#!/bin/bash\necho "program got: \$*"\nexit 7\n' >'$tree/build/release/convoy'
chmod +x '$tree/build/release/convoy'
N
)
printf '#!/bin/bash\necho "libtorch" >>"%s"\n' "$calls" >"$tree/scripts/libtorch" && chmod +x "$tree/scripts/libtorch"
all_installed >"$work/all"
grep -v -E 'libzip-dev|g\+\+' "$work/all" >"$work/installed"

run train "a b"
[[ $status == 7 && $(<"$work/out") == "program got: train a b" ]] || fail "first call: status $status, $(<"$work/out")"
grep -q '^convoy: installing 2 Debian packages: g++ libzip-dev$' "$work/err" || fail "installs what is missing alone"
grep -q '^building Convoy' "$work/err" || fail "says that it builds"
[[ $(called ninja) == 1 && $(called "cmake --preset") == 1 && $(called apt-get) == 1 ]] || fail "one install, one build"
grep -q '^libtorch$' "$calls" || fail "fetches libtorch where there is none"

: >"$calls"
run
[[ $status == 7 && ! -s $calls && ! -s $work/err ]] || fail "a later call starts at once and calls nothing"
ln -s "$tree/convoy" "$work/bin/convoy"
(cd / && convoy x >"$work/out") || true
[[ ! -s $calls && $(<"$work/out") == "program got: x" ]] || fail "by a link, from another folder"

sleep 0.01 && touch "$tree/src/core/b.cpp"
run
[[ $(called ninja) == 1 && $(called apt-get) == 0 ]] || fail "a new source: one build, no package manager"
sleep 0.01 && rm "$tree/src/core/b.cpp"
run
[[ $(called ninja) == 2 ]] || fail "a source less: one build"
sleep 0.01 && touch "$tree/bench/measure/c.cpp"
run
[[ $(called ninja) == 3 ]] || fail "what the command measures with: one build"

: >"$calls" && touch "$tree/src/core/a.cpp"
"$tree/convoy" >/dev/null 2>&1 & first=$!
"$tree/convoy" >/dev/null 2>&1 & second=$!
wait "$first" || true
wait "$second" || true
[[ $(called ninja) == 1 ]] || fail "two calls at once: one build"

: >"$calls" && touch "$tree/src/core/a.cpp"
stand_in ninja <<<'echo "[1/2] Building a.cpp"; echo "a.cpp:3: error: no such thing"; exit 1'
run
[[ $status == 1 && ! -s $work/out ]] || fail "a failed build ends with 1, not $status"
grep -q 'a.cpp:3: error: no such thing' "$work/err" || fail "shows the error"
grep -q 'build/release/build.log' "$work/err" || fail "says where the log is"
run
[[ $status == 1 && $(called ninja) == 2 ]] || fail "tries again after a failed build"

echo "all as expected"
