#!/bin/bash
# All of a build was compiled with one fmt, the system's: libtorch's include folder has another version, whose functions no library
# that is linked has, or only libtorch's.
# Usage: fmt_test.sh BUILD
set -euo pipefail
cd "$1"
headers=$(ninja -t deps | grep -oE '[^ ]+/fmt/[a-z-]+\.h$' | sort -u | xargs realpath | sort -u)
echo "$headers"
grep -q '/fmt/format\.h$' <<<"$headers" || { echo "FAILED: nothing includes fmt" && exit 1; }
(($(xargs -n 1 dirname <<<"$headers" | sort -u | wc -l) == 1)) || { echo "FAILED: more than one fmt" && exit 1; }
! grep '/torch/include/' <<<"$headers" || { echo "FAILED: that is libtorch's" && exit 1; }
