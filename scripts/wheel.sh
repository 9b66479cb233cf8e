# What scripts/libtorch and scripts/arrow share: a wheel of PyPI, checked by its sha256, unpacked into a folder of Convoy's cache.
# Sourced by bash after scripts/lib.sh. Everything it says goes to stderr.
# shellcheck shell=bash
machine=$(uname -m)

# fetch_wheels WHAT LIST FOLDER PRESENT MIB SIZE INSTEAD: makes FOLDER, of which PRESENT is there when it is whole, from the wheels
# that the file LIST names with their checksums. It takes what `wanted`, a Python function that the caller gives as the text
# $wanted, says. WHAT is for messages, MIB what is needed while it is unpacked, SIZE what is fetched, INSTEAD the other way out.
fetch_wheels() {
  local what=$1 list=$2 folder=$3 present=$4 needed_mib=$5 size=$6 instead=$7
  local cache name=${1%% *} lock python='' candidate free_mib work why old
  cache=$(dirname "$folder")
  # The first Python that has pip: an active one, or the system's.
  for candidate in python3 /usr/bin/python3; do
    if "$candidate" -m pip --version >/dev/null 2>&1; then
      python=$candidate
      break
    fi
  done
  [[ -n $python ]] || die "fetching $name needs pip: apt-get install python3-pip, $instead"

  mkdir -p "$cache" 2>/dev/null || die "cannot make the folder $cache for $name; set CONVOY_CACHE to one that can be written to"
  exec {lock}>"$cache/.${name,,}.lock"
  flock -n "$lock" || { say "convoy: waiting for another fetch of $name to end" && flock "$lock"; }
  [[ -e $folder/$present ]] && return
  free_mib=$(df -Pm "$cache" | awk 'NR == 2 {print $4}')
  ((free_mib >= needed_mib)) ||
    die "$name needs $needed_mib MiB in $cache, which has $free_mib MiB left; free some, or set CONVOY_CACHE to another place"

  work=$(mktemp -d "$cache/.fetching.XXXXXX")
  # shellcheck disable=SC2064 # now, as the variable is local
  trap "rm -rf '$work'" EXIT
  say "convoy: fetching $what (about $size, once) into $folder"
  # The wheels of one Python serve all: what Convoy takes of them, libraries and headers, does not depend on Python.
  local platforms=()
  for old in manylinux_2_28 manylinux_2_27 manylinux_2_25 manylinux_2_17 manylinux2014; do
    platforms+=(--platform "${old}_$machine")
  done
  local show=(--quiet)
  [[ -t 2 ]] && show=(--progress-bar on)
  if ! "$python" -m pip download --no-deps --require-hashes -r "$list" --dest "$work" --no-cache-dir --only-binary=:all: \
    --python-version 3.11 --implementation cp --abi cp311 --abi none "${platforms[@]}" "${show[@]}" \
    --retries 2 --timeout 30 --disable-pip-version-check >&2 2>"$work/errors"; then
    why=$(grep -h '^ERROR' "$work/errors" | head -n 1 | sed 's/^ERROR: //')
    die "$name could not be fetched: ${why:-pip failed}; see that pip can reach its index, $instead"
  fi
  # shellcheck disable=SC2154 # the caller's
  if ! why=$("$python" - "$work" 2>&1 <<P
import fnmatch, glob, sys, zipfile
$wanted
try:
    for wheel in glob.glob(sys.argv[1] + "/*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(sys.argv[1] + "/unpacked", [n for n in archive.namelist() if wanted(n)])
except (OSError, zipfile.BadZipFile) as error:
    sys.exit(str(error))
P
  ); then
    die "$name could not be unpacked in $cache: $why"
  fi
  [[ -e $work/unpacked/$present ]] || die "$name: its wheel has no $present"
  rm -rf "$folder"
  mv -T "$work/unpacked" "$folder"
}
