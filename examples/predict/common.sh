# shellcheck shell=sh disable=SC2034
# What the examples beside share; they read it with `.`. Run them from anywhere, after `make`.
#
#   TREADLE_BIN        the program                           [build/treadle]
#   TREADLE_TEST_DATA  where tools/export-tables put tables  [.cache/data]
#   TREADLE_EXAMPLES   where models and answers go           [.cache/examples]
cd "$(dirname "$0")/../.." || exit 1
program=${TREADLE_BIN:-build/treadle}
data=${TREADLE_TEST_DATA:-.cache/data}
out=${TREADLE_EXAMPLES:-.cache/examples}

# Ends the example when a file is absent. 77 tells a test runner that it was skipped.
need() { # file, how to get it
    [ ! -r "$1" ] || return 0
    echo "skipped: there is no $1 ($2)"
    exit 77
}

# Show a command, then run it.
treadle() {
    printf '\n$ treadle %s\n' "$*"
    "$program" "$@"
}

need "$program" "make builds it"
mkdir -p "$out"
