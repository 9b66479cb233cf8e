#!/bin/bash
# scripts/arrow with a stand-in for pip: what it says when something is missing, and that nothing half-made is left.
# Usage: arrow_test.sh REPOSITORY
set -euo pipefail
repository=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
real_python=$(command -v python3)
mkdir -p "$work/bin" "$work/cache"
export CONVOY_CACHE=$work/cache PATH=$work/bin:$PATH

fail() {
  echo "FAILED: $*"
  echo "standard output:" && cat "$work/out"
  echo "standard error:" && cat "$work/err"
  exit 1
}
run() { status=0 && "$repository/scripts/arrow" "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?; }
# python_does BODY: a python3 whose `-m pip` is BODY, of which all else is the real one.
python_does() {
  cat >"$work/bin/python3" <<P
#!/bin/bash
if [[ \$1 == -m && \$2 == pip && \$3 == download ]]; then
  while [[ \$1 != --dest ]]; do shift; done
  dest=\$2
$1
elif [[ \$1 == -m && \$2 == pip ]]; then echo pip
else exec "$real_python" "\$@"; fi
P
  chmod +x "$work/bin/python3"
}
nothing_left() { [[ -z $(find "$work/cache" -mindepth 1 -not -name .arrow.lock) ]] || fail "leaves something behind: $1"; }
wheel='"'$real_python'" -c "
import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + \"/pyarrow.whl\", \"w\") as z:
    for name in (\"pyarrow/libarrow.so.2600\", \"pyarrow/libparquet.so.2600\", \"pyarrow/libarrow_flight.so.2600\", \"pyarrow/include/arrow/api.h\", \"pyarrow/lib.py\"):
        z.writestr(name, b\"x\")
" "$dest"'

run 1.0.0
[[ $status == 1 ]] && grep -q 'Arrow 1.0.0 is not among those that can be fetched: .*26.0.1' "$work/err" || fail "another version"

python_does 'echo "ERROR: Could not find a version that satisfies the requirement" >&2; exit 1'
run
[[ $status == 1 ]] && grep -q 'Arrow could not be fetched: Could not find a version .* CONVOY_ARROW_DIR' "$work/err" || fail "no network"
nothing_left "no network"

python_does 'printf "no wheel" >"$dest/pyarrow.whl"'
run
[[ $status == 1 && $(wc -l <"$work/err") == 2 ]] || fail "takes what is no wheel"
nothing_left "a damaged wheel"

python_does "$wheel"
run
[[ $status == 0 && $(<"$work/out") == "$work/cache/arrow-"*"/pyarrow" ]] || fail "fetches"
folder=$(<"$work/out")
[[ -e $folder/libarrow.so.2600 && -e $folder/include/arrow/api.h && ! -e $folder/lib.py && ! -e $folder/libarrow_flight.so.2600 ]] ||
  fail "keeps libraries and headers alone"

python_does 'exit 9'
run
[[ $status == 0 && $(<"$work/out") == "$folder" && ! -s $work/err ]] || fail "fetches once"
echo "all as expected"
