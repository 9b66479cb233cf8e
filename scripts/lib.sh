# Set-up shared by convoy, scripts/test and bench/compare: what a fresh Debian 12 machine lacks, and the build.
# Sourced by bash with `root` set to the repository's root. Everything it says goes to stderr.
# shellcheck shell=bash
: "${root:?set it before sourcing this file}"
builds=${CONVOY_BUILDS:-$root/build} # where presets are built, each in a folder of its name

say() { printf '%s\n' "$*" >&2; }
die() {
  say "convoy: $*"
  exit 1
}

# Where Convoy keeps what it fetches for all checkouts.
convoy_cache() { echo "${CONVOY_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/convoy}"; }

# The packages of the given lists that are not installed, one a line.
missing_packages() {
  local package command
  local -a wanted=()
  while read -r package command _; do
    [[ -z $package || $package == \#* ]] && continue
    [[ -n $command ]] && command -v "$command" >/dev/null && continue
    wanted+=("$package")
  done < <(cat "$@")
  # Two lists: a name that dpkg has never heard of is missing from its answer, a removed one is not "installed".
  comm -23 <(printf '%s\n' "${wanted[@]}" | sort -u) \
    <(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null |
      sed -n 's/^installed //p' | sort -u)
}

# Installs what the given lists name and this machine lacks; calls no package manager when nothing is missing.
ensure_packages() {
  if ! command -v dpkg-query >/dev/null; then
    say "convoy: this is not Debian: going on without installing; what is needed is listed in $1"
    return
  fi
  local -a missing=() as_root=()
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  if ((EUID)); then
    command -v sudo >/dev/null ||
      die "these packages are missing; as root run: apt-get install --no-install-recommends ${missing[*]}"
    as_root=(sudo)
  fi
  local log=$builds/packages.log
  mkdir -p "$builds"
  say "convoy: installing ${#missing[@]} Debian packages: ${missing[*]}"
  local -a apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=600)
  # A fresh machine has no package lists, an old one has stale ones: fetch them only if it does not work without.
  if ! "${apt[@]}" install --no-install-recommends "${missing[@]}" >"$log" 2>&1 </dev/null; then
    "${apt[@]}" update >>"$log" 2>&1 </dev/null || true
    if ! "${apt[@]}" install --no-install-recommends "${missing[@]}" >>"$log" 2>&1 </dev/null; then
      tail -n 15 "$log" >&2
      die "apt-get could not install the packages; its whole output is in $log"
    fi
  fi
}

# How many compilers at once: one a core, but libtorch's headers take about 1.5 GB each.
build_jobs() {
  local memory
  memory=$(awk '/^MemAvailable:/ {print int($2 / 1500000)}' /proc/meminfo)
  local cores
  cores=$(nproc)
  echo $((memory < 1 ? 1 : memory < cores ? memory : cores))
}

# Waits for whoever else builds this preset; held until the calling shell ends.
lock_build() {
  mkdir -p "$builds"
  exec 9>"$builds/$1.lock"
  flock -n 9 && return
  say "convoy: waiting for another build of $1 to end"
  flock 9
}

# Passes ninja's output on to the log, and as one live line to a terminal.
show_build() {
  local log=$1 line
  if [[ ! -t 2 ]]; then
    cat >>"$log"
    return
  fi
  while IFS= read -r line; do
    printf '%s\n' "$line" >&3
    [[ $line == \[* ]] && printf '\r\033[K%s' "${line:0:78}" >&2
  done 3>>"$log"
  printf '\r\033[K' >&2
}

# Fetches libtorch's wheel where cmake/torch.cmake will want it, so that the fetching shows on the terminal.
ensure_torch() {
  [[ -n ${CONVOY_TORCH-} ]] || cmake -P "$root/cmake/torch.cmake" >/dev/null 2>&1 ||
    "$root/scripts/libtorch" >/dev/null
}

# The same for Arrow's, without which Convoy is built too: what is wrong has been said.
ensure_arrow() {
  [[ -n ${CONVOY_ARROW_DIR-} ]] || "$root/scripts/arrow" >/dev/null || true
}

# build_preset PRESET [TARGET…]: configures if needed and builds. Call lock_build first.
build_preset() {
  local preset=$1
  shift
  local directory=$builds/$preset log=$builds/$preset/build.log
  local -a fresh=()
  mkdir -p "$directory"
  : >"$log"
  # A tree that was moved or copied carries the old place in its cache.
  if [[ -f $directory/CMakeCache.txt ]] &&
    ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$directory/CMakeCache.txt"; then
    fresh=(--fresh)
  fi
  # ninja configures again by itself when a CMakeLists.txt changes, but does not look at the presets.
  if { [[ -z ${fresh[*]} && -f $directory/build.ninja && ! $root/CMakePresets.json -nt $directory/build.ninja ]] ||
    { ensure_torch || return 1; } && ensure_arrow && (cd "$root" && cmake --preset "$preset" -B "$directory" "${fresh[@]}") >>"$log" 2>&1; } &&
    (set -o pipefail && ninja -C "$directory" -j "$(build_jobs)" "$@" 2>&1 | show_build "$log"); then
    return 0
  fi
  grep -v '^\[[0-9]*/[0-9]*\] ' "$log" | tail -n 40 >&2
  say "convoy: the build failed; its whole output is in $log"
  return 1
}

# Whether a file or folder that the program is made of changed since its last build began. One `find`, a few milliseconds.
release_is_current() {
  local stamp=$builds/release/.built-program
  [[ -x $builds/release/convoy && -f $stamp && $(<"$stamp") == "$root" ]] || return 1
  local changed
  changed=$(cd "$root" && find CMakeLists.txt CMakePresets.json package.json package-lock.json scripts/packages.txt \
    cmake src include bench/measure -newer "$stamp" -print -quit 2>/dev/null)
  [[ -z $changed ]]
}

# build_release TARGET…: the release program, and the stamp that release_is_current looks at.
build_release() {
  local started=$builds/release/.build-started
  mkdir -p "$builds/release"
  printf '%s\n' "$root" >"$started"
  build_preset release "$@" && mv "$started" "$builds/release/.built-program"
}
