#!/bin/bash
# scripts/libtorch with a stand-in for pip: what it says when something is missing, and that nothing half-made is left.
# Usage: libtorch_test.sh REPOSITORY
set -euo pipefail
unset CONVOY_TORCH CONVOY_BUILDS # of whoever runs the tests with another libtorch
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
run() { status=0 && "$repository/scripts/libtorch" "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?; }
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
one_line() { [[ $(grep -c '^convoy: ' "$work/err") == "$1" && $(wc -l <"$work/err") == "$1" ]] || fail "not $1 line(s): $2"; }
nothing_left() { [[ -z $(find "$work/cache" -mindepth 1 -not -name .libtorch.lock) ]] || fail "leaves something behind: $1"; }
wheel='"'$real_python'" -c "
import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + \"/torch.whl\", \"w\") as z:
    for name in (\"torch/lib/libtorch_cpu.so\", \"torch/lib/libc10.so\", \"torch/lib/libtorch_cuda.so\", \"torch/include/a.h\", \"torch/nn.py\"):
        z.writestr(name, b\"x\")
" "$dest"'

run 1.13.1
[[ $status == 1 ]] && grep -q 'libtorch 1.13.1 is not among those that can be fetched: .*2.13.0' "$work/err" || fail "another version"
one_line 1 "another version"

python_does 'echo "ERROR: Could not find a version that satisfies the requirement" >&2; exit 1'
run
[[ $status == 1 ]] && grep -q 'could not be fetched: Could not find a version .* CONVOY_TORCH' "$work/err" || fail "no network"
one_line 2 "no network"
nothing_left "no network"

python_does 'printf "no wheel" >"$dest/torch.whl"'
run
[[ $status == 1 ]] || fail "takes what is no wheel"
nothing_left "a damaged wheel"

python_does "$wheel"
run
[[ $status == 0 && $(<"$work/out") == "$work/cache/libtorch-"*"/torch" ]] || fail "fetches"
folder=$(<"$work/out")
[[ -e $folder/lib/libtorch_cpu.so && -e $folder/include/a.h && ! -e $folder/nn.py && ! -e $folder/lib/libtorch_cuda.so ]] ||
  fail "keeps libraries and headers alone"
[[ $(find "$work/cache" -mindepth 1 -maxdepth 1 -not -name .libtorch.lock | wc -l) == 1 ]] || fail "leaves the wheel behind"

python_does 'exit 9'
run
[[ $status == 0 && $(<"$work/out") == "$folder" && ! -s $work/err ]] || fail "fetches once"

rm -rf "$work/cache"
printf '#!/bin/bash\necho; echo x 9 9 40 9 /\n' >"$work/bin/df" && chmod +x "$work/bin/df"
run
[[ $status == 1 ]] && grep -q 'needs 1300 MiB in .* which has 40 MiB left' "$work/err" || fail "a full disk"
one_line 1 "a full disk"
rm "$work/bin/df"

if ((EUID)); then
  CONVOY_CACHE=/proc/nowhere run
else
  CONVOY_CACHE=/dev/null/x run
fi
[[ $status == 1 ]] && grep -q 'cannot make the folder' "$work/err" || fail "a cache that cannot be made"
one_line 1 "a cache that cannot be made"

echo "all as expected"
