# How the benchmarks start. Sourced by bash.
# shellcheck shell=bash
root=$(cd -P "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
source "$root/scripts/lib.sh"

# benchmark NAME TARGETS PYTHON [--no-build] [OPTION…]: builds the targets (words of one string) and becomes bench/NAME.py.
# PYTHON: "peers" (with PyTorch: bench/peer_environment) or "system".
benchmark() {
  local name=$1 python=$3
  local -a targets=()
  read -ra targets <<<"$2"
  shift 3
  ensure_packages "$root/scripts/packages.txt" "$root/scripts/packages-bench.txt"
  if [[ ${1-} == --no-build ]]; then
    shift
  else
    (
      lock_build release
      build_release "${targets[@]}"
    )
  fi
  if [[ $python == peers ]]; then
    python=$("$root/bench/peer_environment")
  else
    python=/usr/bin/python3
  fi
  exec "$python" "$root/bench/$name.py" "$@"
}
